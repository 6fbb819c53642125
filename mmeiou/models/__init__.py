"""Registered modules: thin shells over :mod:`mmeiou.functional`."""

# First, so that a missing stack is reported with what to install.
from mmeiou import registry as _registry  # noqa: F401  isort: skip

from mmeiou.models.backbones import YuNetBackbone
from mmeiou.models.dense_heads import YuNetHead
from mmeiou.models.detectors import YuNet
from mmeiou.models.losses import EIoULoss
from mmeiou.models.necks import TFPN
from mmeiou.models.task_modules import SimOTAAssigner

__all__ = ["TFPN", "EIoULoss", "SimOTAAssigner", "YuNet", "YuNetBackbone", "YuNetHead"]
