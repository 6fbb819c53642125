"""Initialisation of the released YuNet models."""

from typing import Any

YUNET_INIT: list[dict[str, Any]] = [
    {"type": "Xavier", "layer": "Conv2d", "distribution": "normal", "bias": 0.02},
    {"type": "Constant", "layer": "_BatchNorm", "val": 1},
]
"""Xavier-normal convolutions with bias 0.02 (authors' code); an MMEngine ``init_cfg``."""
