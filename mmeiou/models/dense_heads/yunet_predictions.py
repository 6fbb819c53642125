"""From what the priors of an image predict to its detections."""

from collections.abc import Iterable, Mapping
from typing import Any

from mmcv.ops import batched_nms
from mmengine.config import ConfigDict
from mmengine.structures import InstanceData
from torch import Tensor

from mmeiou.functional.finite import all_finite
from mmeiou.functional.priors import decode_boxes, decode_keypoints
from mmeiou.models.dense_heads.yunet_outputs import FlatMaps


def filter_scores(scores: Tensor, cfg: ConfigDict) -> Tensor:
    """Which candidates are decoded: those that score enough, and no more than ``nms_pre``.

    Args:
        scores: ``(P,)``.
        cfg: ``score_thr`` and, optionally, ``nms_pre``, the largest number.

    Returns:
        ``(n,)`` indices of those that score at least ``score_thr``.
    """
    keep = (scores >= cfg["score_thr"]).nonzero().squeeze(1)
    if 0 < cfg.get("nms_pre", -1) < len(keep):
        keep = keep[scores[keep].topk(cfg["nms_pre"]).indices]
    return keep


def decode(candidates: InstanceData, outputs: FlatMaps, priors: Tensor) -> InstanceData:
    """Add ``bboxes`` and, if predicted, ``keypoints``.

    Args:
        candidates: ``n`` of an image.
        outputs: Of the image.
        priors: ``(n,)`` indices of the priors that predict the candidates. Few of all: exponentials
            and keypoints are computed for no others.
    """
    cells = outputs.priors[priors]
    candidates.bboxes = decode_boxes(cells, outputs.deltas[priors])
    if outputs.kps.shape[-1]:
        candidates.keypoints = decode_keypoints(cells, outputs.kps[priors])
    return candidates


def require_finite(parts: Iterable[Tensor], meta: Mapping[str, Any]) -> None:
    """Look for what no threshold would keep: not finite is not "no face".

    Args:
        parts: Outputs of an image.
        meta: ``img_path`` of the image, if it is known.

    Raises:
        ValueError: Naming the image, if a number is NaN or infinite.
    """
    if not all_finite(parts):
        raise ValueError(
            f"{meta.get('img_path', 'an image')}: the network's scores, boxes or landmarks are not "
            "finite; its training has diverged or overflowed in low precision"
        )


def suppress(
    results: InstanceData,
    meta: dict[str, Any],
    cfg: ConfigDict,
    *,
    rescale: bool,
    with_nms: bool,
) -> InstanceData:
    """Detections of an image, best first.

    Args:
        results: ``bboxes`` ``(n, 4)``, ``scores`` and ``labels`` ``(n,)`` and, optionally,
            ``keypoints`` ``(n, num_keypoints, 2)`` and further fields.
        meta: ``scale_factor`` (x, y) of the resizing that the image went through, if any.
        cfg: ``nms`` and, optionally, ``max_per_img``.
        rescale: Whether to return pixels of the original image.
        with_nms: Whether to suppress duplicates.

    Returns:
        The fields of ``results`` for those that are left.
    """
    if rescale and "scale_factor" in meta:  # a pipeline without Resize leaves it out
        scale = results.bboxes.new_tensor(meta["scale_factor"])
        results.bboxes = results.bboxes / scale.repeat(2)
        if "keypoints" in results:
            results.keypoints = results.keypoints / scale
    if with_nms and len(results):
        dets, kept = batched_nms(results.bboxes, results.scores, results.labels, cfg["nms"])
        results = results[kept]
        results.scores = dets[:, -1]  # soft-NMS lowers them
    else:
        results = results[results.scores.argsort(descending=True)]
    if cfg.get("max_per_img", -1) > 0:
        results = results[: cfg["max_per_img"]]
    return results


def select_detections(candidates: InstanceData, cfg: ConfigDict) -> InstanceData:
    """Detections among candidates in pixels of the original image: :func:`filter_scores`, NMS."""
    found = candidates[filter_scores(candidates.scores, cfg)]
    return suppress(found, {}, cfg, rescale=False, with_nms=True)
