"""From what a network proposes for the views of an image to its faces."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from mmeiou.apis.faces import Faces
from mmeiou.functional.nms import nms


class Candidates(NamedTuple):
    """Proposals for one image, in any order, duplicates among them."""

    boxes: Tensor
    """``(n, 4)`` x1 y1 x2 y2 in pixels."""
    scores: Tensor
    """``(n,)``."""
    landmarks: Tensor
    """``(n, K, 2)`` x y in pixels."""
    labels: Tensor
    """``(n,)`` int64."""

    def up_to(self, side: float) -> "Candidates":
        """Those whose boxes are no longer than ``side`` pixels."""
        keep = (self.boxes[:, 2:] - self.boxes[:, :2]).amax(dim=1) <= side
        return Candidates(*(part[keep] for part in self))

    def rescaled(self, scale: tuple[float, float]) -> "Candidates":
        """The same in pixels of an image of which this was ``scale`` (x, y) times the size."""
        factor = self.boxes.new_tensor(scale)
        return self._replace(boxes=self.boxes / factor.repeat(2), landmarks=self.landmarks / factor)


def select_faces(views: Sequence[Candidates], nms_thr: float, max_faces: int | None) -> Faces:
    """The faces that one or more views of an image propose.

    Duplicates are suppressed over all views at once, so that of a face seen at several scales the
    best-scored sight is left, and within each class.

    Args:
        views: At least one, in pixels of the image.
        nms_thr: Largest IoU at which two boxes of a class are two faces.
        max_faces: How many to keep at most; None keeps all.
    """
    boxes, scores, landmarks, labels = (torch.cat(parts) for parts in zip(*views, strict=True))
    kept = [
        members[nms(boxes[members], scores[members], nms_thr)]
        for label in sorted(set(labels.tolist()))
        for members in (labels == label).nonzero(as_tuple=True)
    ]
    order = torch.cat([scores.new_zeros(0, dtype=torch.long), *kept])
    order = order[scores[order].argsort(descending=True, stable=True)][:max_faces]
    return Faces(*(part[order].cpu().numpy() for part in (boxes, scores, landmarks, labels)))
