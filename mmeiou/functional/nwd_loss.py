"""NWD: the distance of two normal distributions, in place of an overlap."""

import torch
from torch import Tensor

from mmeiou.functional.box_pairs import box_pairs
from mmeiou.functional.boxes import box_centre, box_size


def check_options(constant: float) -> None:
    """Refuse options that :func:`nwd_loss` does not know.

    Raises:
        ValueError: If ``constant`` is not above 0.
    """
    if not constant > 0:
        raise ValueError(f"constant must be above 0, got {constant}")


def nwd_loss(pred: Tensor, target: Tensor, constant: float = 12.8) -> Tensor:
    """Loss per box by the normalized Wasserstein distance of Gaussians in place of the boxes.

    With the offsets ``dx``, ``dy`` of the centres and the differences ``dw``, ``dh`` of the sizes::

        W = sqrt(dx^2 + dy^2 + (dw / 2)^2 + (dh / 2)^2)
        loss = 1 - exp(-W / constant)

    Wang et al., arXiv 2110.13389. ``constant`` is a length in pixels, by the paper the mean size
    of the data set's objects; 12.8 is that of AI-TOD, whose objects are tiny. A few constants away
    the gradient has vanished. At ``W = 0``, a kink, it is 0.

    Args:
        pred: ``(..., n, 4)`` boxes x1 y1 x2 y2 in pixels; half precision is computed in float32.
        target: Boxes of the same shape.
        constant: Length in pixels, above 0.

    Returns:
        ``(..., n)`` losses in [0, 1), 0 for equal boxes, with or without area.

    Raises:
        ValueError: If ``constant`` is not above 0 or the shapes do not fit.

    Example:
        >>> pred, target = torch.tensor([[3.0, 4, 5, 6]]), torch.tensor([[0.0, 0, 2, 2]])
        >>> nwd_loss(pred, target, constant=5)  # 1 - exp(-1)
        tensor([0.6321])
    """
    check_options(constant)
    pred, target = box_pairs(pred, target)
    offset = box_centre(pred) - box_centre(target)
    change = (box_size(pred) - box_size(target)) / 2
    distance = torch.linalg.vector_norm(torch.cat([offset, change], dim=-1), dim=-1)
    return 1 - (-distance / constant).exp()
