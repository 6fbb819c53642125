"""The box losses that are compared: how a config names each, where it is from, what it needs."""

from typing import Any, NamedTuple

import mmeiou  # noqa: F401 # isort: skip - first, it gives MMCV's operators to MMDetection
import mmdet.models  # noqa: F401 - its losses register themselves
from torch import nn

from mmeiou.registry import MODELS

TARGET_SIDE = 32  # pixels, of the mean object where boxes are simulated
IMG_SIDE = 640


class Contender(NamedTuple):
    """One row of a comparison.

    Attributes:
        config: As in a detector's config.
        source: Of the formula, in Markdown.
        needs: What it needs beside decoded boxes.
        on_deltas: It compares encoded deltas instead of boxes.
    """

    config: dict[str, Any]
    source: str = ""
    needs: str = "-"
    on_deltas: bool = False

    def build(self) -> nn.Module:
        """A new module of the loss."""
        return MODELS.build(dict(self.config))

    @property
    def by_prior(self) -> bool:
        """Whether it takes the areas of the priors."""
        return self.config.get("sot") == "prior"

    @property
    def written(self) -> str:
        """Type and options, short."""
        options = ", ".join(f"{k}={v!r}" for k, v in self.config.items() if k != "type")
        return f"{self.config['type']}({options})".replace("'", '"')


def _arxiv(number: str) -> str:
    return f"[{number}](https://arxiv.org/abs/{number})"


_EXTENDED, _ALPHA, _EFFICIENT = _arxiv("2112.01793"), _arxiv("2110.13675"), _arxiv("2101.08158")
_WIOU, _PIOU = _arxiv("2301.10051"), "[Powerful-IoU](https://doi.org/10.1016/j.neunet.2023.11.041)"
_OURS = "mmeiou.{}Loss".format

CONTENDERS = {
    "smooth L1": Contender(
        {"type": "mmdet.SmoothL1Loss"}, _arxiv("1504.08083"), "encoded deltas", on_deltas=True
    ),
    "L1": Contender({"type": "mmdet.L1Loss"}, "-", "encoded deltas", on_deltas=True),
    "IoU": Contender({"type": "mmdet.IoULoss", "mode": "linear"}, _arxiv("1608.01471")),
    "GIoU": Contender({"type": "mmdet.GIoULoss"}, _arxiv("1902.09630")),
    "DIoU": Contender({"type": "mmdet.DIoULoss"}, _arxiv("1911.08287")),
    "CIoU": Contender({"type": "mmdet.CIoULoss"}, _arxiv("1911.08287")),
    "EIoU": Contender({"type": _OURS("EIoU")}, _EXTENDED),
    "EIoU, SOT by target": Contender({"type": _OURS("EIoU"), "sot": "target"}, _EXTENDED),
    "EIoU, SOT by prior": Contender(
        {"type": _OURS("EIoU"), "sot": "prior"}, _EXTENDED, "a head that passes `prior_area`"
    ),
    "Alpha-IoU": Contender({"type": _OURS("AlphaIoU")}, _ALPHA),
    "Alpha-CIoU": Contender({"type": _OURS("AlphaIoU"), "base": "ciou"}, _ALPHA),
    "Efficient-IoU": Contender({"type": _OURS("EfficientIoU")}, _EFFICIENT),
    "Focal-Efficient-IoU": Contender({"type": _OURS("EfficientIoU"), "gamma": 0.5}, _EFFICIENT),
    "WIoU v1": Contender({"type": _OURS("WIoU"), "version": "v1"}, _WIOU),
    "WIoU v3": Contender({"type": _OURS("WIoU"), "version": "v3"}, _WIOU, "a running mean"),
    "MPDIoU": Contender(
        {"type": _OURS("MPDIoU"), "img_size": (IMG_SIDE, IMG_SIDE)},
        _arxiv("2307.07662"),
        "the size of the images",
    ),
    "Inner-IoU": Contender(
        {"type": _OURS("InnerIoU")}, _arxiv("2311.02877"), "a ratio for the data set"
    ),
    "Inner-CIoU": Contender(
        {"type": _OURS("InnerIoU"), "base": "ciou"},
        _arxiv("2311.02877"),
        "a ratio for the data set",
    ),
    "Focaler-IoU": Contender({"type": _OURS("FocalerIoU")}, _arxiv("2401.10525"), "an interval"),
    "Focaler-CIoU": Contender(
        {"type": _OURS("FocalerIoU"), "base": "ciou"}, _arxiv("2401.10525"), "an interval"
    ),
    "Shape-IoU": Contender({"type": _OURS("ShapeIoU")}, _arxiv("2312.17663")),
    "PIoU v1": Contender({"type": _OURS("PIoU"), "version": "v1"}, _PIOU),
    "PIoU v2": Contender({"type": _OURS("PIoU")}, _PIOU),
    "PIoU v2, detached": Contender({"type": _OURS("PIoU"), "detach_attention": True}, _PIOU),
    "NWD": Contender(
        {"type": _OURS("NWD"), "constant": TARGET_SIDE},
        _arxiv("2110.13389"),
        "the mean size of the objects",
    ),
}
