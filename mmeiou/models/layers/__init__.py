"""Building blocks that several modules share."""

from mmeiou.models.layers.dp_unit import DPUnit

__all__ = ["DPUnit"]
