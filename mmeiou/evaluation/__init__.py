"""Metrics, registered with MMEngine."""

from mmeiou.evaluation.coco_strict_metric import CocoStrictMetric
from mmeiou.evaluation.voc_strict_metric import VOCStrictMetric
from mmeiou.evaluation.wider_face_metric import WIDERFaceMetric

__all__ = ["CocoStrictMetric", "VOCStrictMetric", "WIDERFaceMetric"]
