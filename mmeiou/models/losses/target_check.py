"""Encoded deltas told from boxes, by the first targets that a loss gets."""

import torch
from torch import Tensor

_ROWS = 64  # that count: of encoded deltas, most have right before left or bottom above top
_CALLS = 1000  # a head may see no object for many iterations, in some of its levels for ever


class DecodedTargetCheck:
    """Refuses targets that are no boxes, at first; later it costs nothing, not even a wait.

    A head gives encoded deltas to its box loss unless it is told to decode. Which of MMDetection's
    heads need telling differs from head to head; what the loss gets does not lie. Negatives, whose
    targets are zeros, have no weight and are left out.
    """

    def __init__(self) -> None:
        self.rows = _ROWS
        self.calls = _CALLS

    def __call__(self, target: Tensor, weight: Tensor | None) -> None:
        """Look at the targets that have a weight.

        Args:
            target: ``(..., 4)``.
            weight: ``(...)``, or None if all count.

        Raises:
            ValueError: If one of the targets has its right before its left, or its bottom above its
                top.
        """
        if min(self.rows, self.calls) <= 0 or torch.compiler.is_compiling():
            return
        self.calls -= 1
        counted = target.detach() if weight is None else target.detach()[weight != 0]
        first = counted.reshape(-1, 4)[: self.rows]
        self.rows -= len(first)
        inverted = (first[:, 2:] < first[:, :2]).any(dim=1)
        if inverted.any():
            raise ValueError(
                f"target {first[inverted][0].tolist()} is not a box x1 y1 x2 y2; if the head gives "
                "encoded deltas to its loss and can be told to decode, write reg_decoded_bbox=True"
            )
