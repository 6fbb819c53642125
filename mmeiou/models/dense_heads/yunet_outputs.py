"""The maps of YuNet's head, laid out prior by prior."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from mmeiou.functional.priors import decode_boxes, grid_priors


class FlatMaps(NamedTuple):
    """Outputs of all levels side by side, in float32 at least; ``B`` is missing for one image."""

    priors: Tensor
    """``(P, 4)`` x, y, stride, stride."""
    cls: Tensor
    """``(B, P, num_classes)`` logits."""
    deltas: Tensor
    """``(B, P, 4)`` boxes as :func:`mmeiou.functional.priors.decode_boxes` takes them."""
    obj: Tensor
    """``(B, P)`` logits."""
    kps: Tensor
    """``(B, P, 2 * num_keypoints)`` offsets in strides."""
    iou: Tensor
    """``(B, P, 1)`` outputs of an IoU branch, ``(B, P, 0)`` without one."""

    def image(self, index: int) -> "FlatMaps":
        """The outputs of one image."""
        return FlatMaps(self.priors, *(batched[index] for batched in self[1:]))


class FlatOutputs(NamedTuple):
    """:class:`FlatMaps` of a batch with the boxes decoded."""

    priors: Tensor
    cls: Tensor
    bboxes: Tensor
    """``(B, P, 4)`` x1 y1 x2 y2 in pixels."""
    obj: Tensor
    kps: Tensor
    iou: Tensor


def flatten_maps(
    strides: Sequence[int],
    cls_scores: Sequence[Tensor],
    bbox_preds: Sequence[Tensor],
    objectnesses: Sequence[Tensor],
    kps_preds: Sequence[Tensor],
    iou_preds: Sequence[Tensor] = (),
) -> FlatMaps:
    """Lay the levels side by side.

    Args:
        strides: Stride of each level in pixels.
        cls_scores: ``(B, num_classes, H, W)`` of each level.
        bbox_preds: ``(B, 4, H, W)`` of each level.
        objectnesses: ``(B, 1, H, W)`` of each level.
        kps_preds: ``(B, 2 * num_keypoints, H, W)`` of each level, or nothing.
        iou_preds: ``(B, 1, H, W)`` of each level, or nothing.
    """
    # Half precision is good enough for the layers, not for areas and exponentials.
    dtype = torch.promote_types(cls_scores[0].dtype, torch.float32)

    def flat(maps: Sequence[Tensor]) -> Tensor:
        return torch.cat([m.permute(0, 2, 3, 1).flatten(1, 2) for m in maps], dim=1).to(dtype)

    priors = grid_priors(
        [(m.shape[-2], m.shape[-1]) for m in cls_scores],
        strides,
        dtype=dtype,
        device=cls_scores[0].device,
    )
    cls = flat(cls_scores)
    nothing = cls.new_zeros(*cls.shape[:2], 0)
    return FlatMaps(
        priors=priors,
        cls=cls,
        deltas=flat(bbox_preds),
        obj=flat(objectnesses).squeeze(-1),
        kps=flat(kps_preds) if kps_preds else nothing,
        iou=flat(iou_preds) if iou_preds else nothing,
    )


def flatten_outputs(strides: Sequence[int], *maps: Sequence[Tensor]) -> FlatOutputs:
    """Lay the levels side by side and decode all boxes; arguments of :func:`flatten_maps`."""
    flat = flatten_maps(strides, *maps)
    bboxes = decode_boxes(flat.priors, flat.deltas)
    return FlatOutputs(flat.priors, flat.cls, bboxes, flat.obj, flat.kps, flat.iou)
