"""One score from a class probability and a predicted IoU."""

from torch import Tensor


def check_fusion_exponent(exponent: float) -> float:
    """Return ``exponent`` if it is in [0, 1].

    Raises:
        ValueError: If it is not.
    """
    if not 0 <= exponent <= 1:
        raise ValueError(
            f"the fusion exponent must be in [0, 1], got {exponent}; 0 ranks by class probability "
            "alone, 1 by predicted IoU alone, 0.5 is the geometric mean"
        )
    return exponent


def fuse_scores(cls_scores: Tensor, iou: Tensor, exponent: float = 0.5) -> Tensor:
    """Weighted geometric mean ``cls ** (1 - a) * clamp(iou, 0, 1) ** a`` with ``a = exponent``.

    With ``a = 0.5`` it is the square root that the authors' anchor-based face detector takes; other
    exponents are ours.

    Args:
        cls_scores: Class probabilities of any shape.
        iou: Predicted IoU, broadcastable against ``cls_scores``; clamped to [0, 1] here.
        exponent: ``a`` in [0, 1].

    Returns:
        Scores in [0, 1] of the broadcast shape; ``cls_scores`` itself for ``a = 0``.

    Raises:
        ValueError: If ``exponent`` is outside [0, 1].
    """
    check_fusion_exponent(exponent)
    if exponent == 0:
        return cls_scores
    return cls_scores.pow(1 - exponent) * iou.clamp(0, 1).pow(exponent)
