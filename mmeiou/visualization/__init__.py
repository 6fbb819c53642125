"""Pictures of detections and of training runs."""

from mmeiou.visualization.curves import plot_curves
from mmeiou.visualization.faces import draw_faces, tile

__all__ = ["draw_faces", "plot_curves", "tile"]
