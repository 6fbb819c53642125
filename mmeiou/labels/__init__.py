r"""Labels and detections on disk: every format, one record, one error.

Plain Python, numpy, OpenCV and Pillow: nothing here imports torch or the MM stack.

>>> from pathlib import Path
>>> from tempfile import TemporaryDirectory
>>> with TemporaryDirectory() as folder:
...     file = Path(folder, "labels.txt")
...     _ = file.write_text("# 0--Parade/a.jpg 640 480\n10 20 60 80\n")
...     image = read_labels(file).images[0]
>>> image.file, image.size, image.bboxes.tolist()
('0--Parade/a.jpg', (640, 480), [[10.0, 20.0, 60.0, 80.0]])
"""

from mmeiou.labels.errors import ImageError, LabelError
from mmeiou.labels.read import read_detections, read_labels
from mmeiou.labels.records import Detections, ImageLabels, LabelSet
from mmeiou.labels.source import Source

__all__ = [
    "Detections",
    "ImageError",
    "ImageLabels",
    "LabelError",
    "LabelSet",
    "Source",
    "read_detections",
    "read_labels",
]
