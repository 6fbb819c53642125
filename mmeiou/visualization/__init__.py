"""Pictures of detections and of training runs."""

from mmeiou.visualization.curves import Curves, plot_curves, plot_runs, read_curves
from mmeiou.visualization.faces import draw_faces, tile

__all__ = ["Curves", "draw_faces", "plot_curves", "plot_runs", "read_curves", "tile"]
