"""Metrics, registered with MMEngine."""

from mmeiou.evaluation.wider_face_metric import WIDERFaceMetric

__all__ = ["WIDERFaceMetric"]
