"""MPDIoU: the IoU and the distances of the corners, in diagonals of the image."""

from torch import Tensor

from mmeiou.functional.box_pairs import box_pairs, pair_iou


def check_options(img_size: tuple[float, float]) -> None:
    """Refuse options that :func:`mpdiou_loss` does not know.

    Raises:
        ValueError: If ``img_size`` is not two numbers above 0.
    """
    if len(img_size) != 2 or not min(img_size) > 0:  # noqa: PLR2004
        raise ValueError(f"img_size must be a width and a height above 0, got {img_size}")


def mpdiou_loss(pred: Tensor, target: Tensor, img_size: tuple[float, float]) -> Tensor:
    """MPDIoU loss per box.

    With the distances ``d1``, ``d2`` of the top-left and bottom-right corners::

        loss = 1 - IoU + (d1^2 + d2^2) / (W^2 + H^2)

    Ma and Xu, arXiv 2307.07662, whose ``W`` and ``H`` are those of the input image. For boxes much
    smaller than the image the distances count little: 32 pixels in 640 x 640 are 0.00125 each.

    Args:
        pred: ``(..., n, 4)`` boxes x1 y1 x2 y2 in pixels; half precision is computed in float32.
        target: Boxes of the same shape.
        img_size: Width and height of the image in pixels; swapped they are the same.

    Returns:
        ``(..., n)`` losses, 0 for equal boxes that have an area.

    Raises:
        ValueError: If ``img_size`` is not two numbers above 0 or the shapes do not fit.

    Example:
        >>> import torch
        >>> pred, target = torch.tensor([[0.0, 0, 2, 2]]), torch.tensor([[0.0, 0, 4, 2]])
        >>> mpdiou_loss(pred, target, img_size=(6, 2))  # 1 / 2 + (0 + 4) / 40
        tensor([0.6000])
    """
    check_options(img_size)
    pred, target = box_pairs(pred, target)
    width, height = img_size
    distances = (pred - target).square().sum(-1)  # of both corners
    return 1 - pair_iou(pred, target) + distances / (width**2 + height**2)
