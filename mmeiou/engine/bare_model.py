"""The model of a run without what distributes it."""

from typing import Any

from mmengine.model import is_model_wrapper
from torch import nn


def bare_model(model: Any) -> nn.Module:
    """The module in a wrapper, as of distributed training, or the model itself."""
    return model.module if is_model_wrapper(model) else model
