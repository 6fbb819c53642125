"""Which priors an ignored region takes out of the loss."""

import torch
from torch import Tensor

from mmeiou.functional.boxes import box_iof


def ignored_priors(
    priors: Tensor, boxes: Tensor, ignored_boxes: Tensor, iof_thr: float = 0.5
) -> Tensor:
    """Priors whose prediction can be neither right nor wrong.

    A prior is ignored when its centre lies in an ignored region, or when at least ``iof_thr`` of
    the box it predicts does. The first covers regions larger than a cell before boxes are learnt,
    the second faces so small that no prior's centre falls inside.

    Args:
        priors: ``(P, 4)`` centre x, centre y, stride x, stride y in pixels.
        boxes: ``(P, 4)`` decoded predictions x1 y1 x2 y2 in pixels.
        ignored_boxes: ``(G, 4)`` regions x1 y1 x2 y2 in pixels.
        iof_thr: Least share of the predicted box inside the region.

    Returns:
        ``(P,)`` bool.
    """
    centre = priors[:, None, :2]
    inside = (centre > ignored_boxes[:, :2]) & (centre < ignored_boxes[:, 2:])
    covered = box_iof(boxes[:, None], ignored_boxes) >= iof_thr
    return torch.any(inside.all(dim=-1) | covered, dim=1)
