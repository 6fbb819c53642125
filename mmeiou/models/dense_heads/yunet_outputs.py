"""The maps of YuNet's head, laid out prior by prior."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from mmeiou.functional.priors import decode_boxes, grid_priors


class FlatOutputs(NamedTuple):
    """Outputs of all levels side by side, in float32 at least; ``B`` is missing for one image."""

    priors: Tensor
    """``(P, 4)`` x, y, stride, stride."""
    cls: Tensor
    """``(B, P, num_classes)`` logits."""
    boxes: Tensor
    """``(B, P, 4)`` decoded boxes in pixels."""
    obj: Tensor
    """``(B, P)`` logits."""
    kps: Tensor
    """``(B, P, 2 * num_keypoints)`` offsets in strides."""
    iou: Tensor
    """``(B, P, 1)`` outputs of an IoU branch, ``(B, P, 0)`` without one."""

    def image(self, index: int) -> "FlatOutputs":
        """The outputs of one image."""
        return FlatOutputs(self.priors, *(batched[index] for batched in self[1:]))


def flatten_outputs(
    strides: Sequence[int],
    cls_scores: Sequence[Tensor],
    bbox_preds: Sequence[Tensor],
    objectnesses: Sequence[Tensor],
    kps_preds: Sequence[Tensor],
    iou_preds: Sequence[Tensor] = (),
) -> FlatOutputs:
    """Lay the levels side by side and decode the boxes.

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
    return FlatOutputs(
        priors=priors,
        cls=cls,
        boxes=decode_boxes(priors, flat(bbox_preds)),
        obj=flat(objectnesses).squeeze(-1),
        kps=flat(kps_preds) if kps_preds else nothing,
        iou=flat(iou_preds) if iou_preds else nothing,
    )
