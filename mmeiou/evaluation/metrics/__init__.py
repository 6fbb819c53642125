"""Metrics, registered with MMEngine."""

from mmeiou.evaluation.metrics.coco_strict_metric import CocoStrictMetric
from mmeiou.evaluation.metrics.landmark_metric import LandmarkMetric
from mmeiou.evaluation.metrics.voc_strict_metric import VOCStrictMetric
from mmeiou.evaluation.metrics.wider_face_metric import WIDERFaceMetric

__all__ = ["CocoStrictMetric", "LandmarkMetric", "VOCStrictMetric", "WIDERFaceMetric"]
