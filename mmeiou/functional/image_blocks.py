"""Equally large images as views of one tensor, so that a batch of them is moved in one piece."""

from collections.abc import Sequence

from torch import Tensor


def images_of(block: Tensor) -> list[Tensor]:
    """Views ``(channels, height, width)`` of a block ``(n, height, width, channels)``."""
    return [image.permute(2, 0, 1) for image in block]


def block_of(images: Sequence[Tensor]) -> Tensor | None:
    """The block of which all the images, in this order, are the views of :func:`images_of`.

    Args:
        images: ``(channels, height, width)`` each.

    Returns:
        ``(n, height, width, channels)``, the images' own memory; None if they are anything else.
    """
    block = images[0]._base if images else None  # noqa: SLF001 - no public way to ask for it
    if block is None or block.ndim != 4 or len(block) != len(images):  # noqa: PLR2004
        return None
    views = images_of(block)
    same = all(
        image._base is block  # noqa: SLF001
        and image.data_ptr() == view.data_ptr()
        and image.shape == view.shape
        and image.stride() == view.stride()
        for image, view in zip(images, views, strict=True)
    )
    return block if same else None
