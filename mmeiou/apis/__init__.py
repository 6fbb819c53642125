"""Detecting faces from Python; MMDetection is imported only for a PyTorch model."""

from mmeiou.apis.face_detector import FaceDetector
from mmeiou.apis.faces import Faces
from mmeiou.labels.errors import ImageError

__all__ = ["FaceDetector", "Faces", "ImageError"]
