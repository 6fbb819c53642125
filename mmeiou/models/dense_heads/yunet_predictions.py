"""From what the priors of an image predict to its detections."""

from typing import Any

from mmcv.ops import batched_nms
from mmengine.config import ConfigDict
from mmengine.structures import InstanceData


def select_detections(
    candidates: InstanceData,
    meta: dict[str, Any],
    cfg: ConfigDict,
    *,
    rescale: bool,
    with_nms: bool,
) -> InstanceData:
    """Detections of an image, best first.

    Args:
        candidates: ``bboxes`` ``(P, 4)``, ``scores`` and ``labels`` ``(P,)`` and, optionally,
            ``keypoints`` ``(P, num_keypoints, 2)`` and further fields.
        meta: ``scale_factor`` (x, y) of the resizing that the image went through, if any.
        cfg: ``score_thr``, ``nms`` and, optionally, ``nms_pre`` and ``max_per_img``.
        rescale: Whether to return pixels of the original image.
        with_nms: Whether to suppress duplicates.

    Returns:
        The fields of ``candidates`` for the ``n`` that are left.
    """
    keep = (candidates.scores >= cfg["score_thr"]).nonzero().squeeze(1)
    if 0 < cfg.get("nms_pre", -1) < len(keep):
        keep = keep[candidates.scores[keep].topk(cfg["nms_pre"]).indices]
    results = candidates[keep]
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
