"""Detections and labels of an image from the dicts that MMDetection's test loop hands around."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from mmeiou.evaluation.landmark_error import LandmarkImage
from mmeiou.labels.records import Detections, ImageLabels


def sample_detections(sample: Mapping[str, Any], face_label: int = 0) -> Detections:
    """What was predicted for the class of faces.

    Args:
        sample: Has ``img_path`` and ``pred_instances``: ``bboxes``, ``scores`` and, for a detector
            of several classes, ``labels``.
        face_label: Label of the class.

    Raises:
        ValueError: If a box or score is not finite, or their numbers differ.
    """
    predicted = sample["pred_instances"]
    boxes, scores = (
        torch.as_tensor(predicted[key]).cpu().double().numpy() for key in ("bboxes", "scores")
    )
    if boxes.shape != (len(scores), 4):
        raise ValueError(
            f"{sample['img_path']}: {len(scores)} scores, but boxes of the shape {boxes.shape}"
        )
    require_finite(sample)
    if "labels" in predicted:
        of_class = torch.as_tensor(predicted["labels"]).cpu().numpy() == face_label
        boxes, scores = boxes[of_class], scores[of_class]
    return Detections(boxes, scores)


def require_finite(sample: Mapping[str, Any]) -> None:
    """Look for what is NaN or infinite among detections, which thresholds and sorting would hide.

    Args:
        sample: As for :func:`sample_detections`, of any detector.

    Raises:
        ValueError: Naming the image, if a box, score or keypoint is not finite.
    """
    predicted = sample["pred_instances"]
    for key in ("bboxes", "scores", *(["keypoints"] if "keypoints" in predicted else [])):
        if not torch.as_tensor(predicted[key]).isfinite().all():
            raise ValueError(
                f"{sample['img_path']}: the detector returned {key} that are not finite; its "
                "training has diverged or overflowed in low precision"
            )


def sample_iou_scores(sample: Mapping[str, Any]) -> NDArray[np.float64]:
    """(n,) IoUs that the detector predicts of its detections.

    Raises:
        ValueError: Naming the image, if there are none, or one is not finite.
    """
    predicted = sample["pred_instances"]
    if "iou_scores" not in predicted:
        if not len(predicted["scores"]):
            return np.zeros(0)
        raise ValueError(
            f"{sample.get('img_path', 'an image')}: the detections carry no iou_scores, so that "
            "extras=['calibration'] has nothing to judge; the head needs an IoU branch "
            "(mmeiou.Shared2FCIoUBBoxHead or one of the IoU dense heads)"
        )
    values = torch.as_tensor(predicted["iou_scores"]).cpu().double().numpy()
    if not np.isfinite(values).all():
        raise ValueError(f"{sample.get('img_path', 'an image')}: iou_scores that are not finite")
    return values


def sample_labels(sample: Mapping[str, Any], face_label: int = 0) -> ImageLabels:
    """The dataset's own labels of a class.

    Args:
        sample: Has ``img_path`` and ``instances`` in pixels of the original image.
        face_label: Label of the class.

    Raises:
        KeyError: If ``instances`` is missing.
    """
    if "instances" not in sample:
        raise KeyError(
            f"{sample['img_path']}: no 'instances' in the data sample. Without gt_dir the labels "
            "come from there: add 'instances' to the meta_keys of the packer in the test pipeline."
        )
    chosen = [one for one in sample["instances"] if one["bbox_label"] == face_label]
    return ImageLabels.of_instances(sample["img_path"], chosen)


def sample_landmarks(sample: Mapping[str, Any], face_label: int = 0) -> LandmarkImage:
    """Detections of a class, and the dataset's own labels of it, with their keypoints.

    Args:
        sample: As for :func:`sample_detections` and :func:`sample_labels`; ``pred_instances`` has
            ``keypoints`` (n, K, 2), and each of ``instances`` has ``keypoints``, K times x y
            weight.
        face_label: Label of the class.

    Raises:
        KeyError: If ``instances`` is missing.
        ValueError: If keypoints are missing on either side, not finite, or of different numbers.
    """
    found, labels = sample_detections(sample, face_label), sample_labels(sample, face_label)
    predicted = sample["pred_instances"]
    chosen = [one for one in sample["instances"] if one["bbox_label"] == face_label]
    if "keypoints" not in predicted or any("keypoints" not in one for one in chosen):
        side = "the labels" if "keypoints" in predicted else "the detections"
        raise ValueError(
            f"{sample['img_path']}: {side} have no keypoints; num_keypoints of head and dataset "
            "must be those of the landmarks"
        )
    keypoints = torch.as_tensor(predicted["keypoints"]).cpu().double().numpy()
    if "labels" in predicted:
        keypoints = keypoints[torch.as_tensor(predicted["labels"]).cpu().numpy() == face_label]
    truth = np.array([one["keypoints"] for one in chosen], np.float64)
    truth = truth.reshape(len(chosen), -1 if chosen else keypoints.shape[1], 3)
    if truth.shape[1] != keypoints.shape[1]:
        raise ValueError(
            f"{sample['img_path']}: {keypoints.shape[1]} keypoints predicted, {truth.shape[1]} "
            "labelled"
        )
    return LandmarkImage(found.bboxes, found.scores, keypoints, labels.bboxes, truth, labels.ignore)
