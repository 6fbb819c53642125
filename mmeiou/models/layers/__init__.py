"""Building blocks that several modules share."""

from mmeiou.models.layers.dp_unit import DPUnit, apply_together

__all__ = ["DPUnit", "apply_together"]
