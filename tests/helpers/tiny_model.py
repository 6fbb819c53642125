"""A narrow YuNet with random weights, as config and checkpoint and as exports."""

from pathlib import Path
from typing import NamedTuple

import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope

from mmeiou.deploy.onnx_export import export_onnx
from mmeiou.registry import MODELS

CONFIG = """
_base_ = "{base}"
model = dict(
    backbone=dict(stage_channels=((3, 8, 8), *[(8, 8)] * 5)),
    neck=dict(in_channels=(8, 8, 8)),
    bbox_head=dict(in_channels=8, feat_channels=8, {head}),
)
"""


class TinyModel(NamedTuple):
    config: Path
    checkpoint: Path
    dynamic: Path
    fixed: Path


def write_tiny_model(repo: Path, folder: Path, head: str = "") -> TinyModel:
    """Make it, with other options of its head."""
    tiny = TinyModel(*(folder / name for name in ("c.py", "c.pth", "d.onnx", "f.onnx")))
    base = repo / "configs/yunet/yunet-n_2xb16-640e_widerface.py"
    tiny.config.write_text(CONFIG.format(base=base, head=head))
    cfg = Config.fromfile(tiny.config)
    init_default_scope(cfg.default_scope)
    torch.manual_seed(0)
    model = MODELS.build(cfg.model)
    for branch in (*model.bbox_head.multi_level_cls, *model.bbox_head.multi_level_obj):
        torch.nn.init.normal_(branch.conv2.weight, std=0.5)  # scores that differ
    for norm in (module for module in model.modules() if isinstance(module, torch.nn.BatchNorm2d)):
        norm.momentum = None  # the statistics of what it sees: else outputs hardly depend on inputs
    with torch.no_grad():
        model(torch.rand(2, 3, 64, 64) * 255, mode="tensor")
    torch.save(model.state_dict(), tiny.checkpoint)
    export_onnx(model.eval(), tiny.dynamic, (64, 64), dynamic=True)
    export_onnx(model, tiny.fixed, (96, 64))
    return tiny
