from pathlib import Path

import pytest
import torch
from mmdet.structures import DetDataSample
from mmengine.config import Config
from mmengine.registry import OPTIM_WRAPPERS, init_default_scope
from mmengine.structures import InstanceData
from torch import nn

from mmeiou.engine import BFloat16OptimWrapper
from mmeiou.registry import MODELS


def wrapper(model: nn.Module) -> BFloat16OptimWrapper:
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    built = OPTIM_WRAPPERS.build({"type": "mmeiou.BFloat16OptimWrapper", "optimizer": optimizer})
    assert isinstance(built, BFloat16OptimWrapper)
    return built


def test_layers_compute_in_bfloat16_and_weights_stay_float32() -> None:
    model = nn.Linear(2, 1, bias=False)
    nn.init.constant_(model.weight, 1.0)
    optim = wrapper(model)
    with optim.optim_context(model):
        out = model(torch.tensor([[1.0, 2.0**-9]]))
    assert out.dtype == torch.bfloat16
    assert out.item() == 1.0  # bfloat16 has eight bits for 1.001953125
    optim.update_params(out.float().sum())
    assert model.weight.dtype == torch.float32
    torch.testing.assert_close(model.weight.detach(), torch.tensor([[0.9, 1 - 0.1 * 2.0**-9]]))


@pytest.mark.parametrize("name", ["yunet-n", "yunet-n_iou-head"])
def test_losses_of_yunet_are_those_of_float32(repo: Path, name: str) -> None:
    cfg = Config.fromfile(repo / f"configs/yunet/{name}_2xb16-640e_widerface.py")
    init_default_scope("mmdet")
    torch.manual_seed(0)
    model = MODELS.build(cfg.model)
    model.init_weights()
    images = torch.rand(2, 3, 128, 128) * 255
    boxes = torch.tensor([[10.0, 12, 50, 60], [70, 60, 110, 115]])
    gt = InstanceData(
        bboxes=boxes,
        labels=torch.zeros(2, dtype=torch.long),
        keypoints=torch.cat([boxes[:, None, :2].repeat(1, 5, 1) + 15, torch.ones(2, 5, 1)], dim=2),
    )
    nothing = InstanceData(bboxes=torch.zeros(0, 4), labels=torch.zeros(0, dtype=torch.long))
    samples = [DetDataSample(gt_instances=gt, ignored_instances=nothing) for _ in images]
    losses = {}
    for way in ("float32", "bfloat16"):
        if way == "float32":
            parts = model.loss(images, samples)
        else:
            with wrapper(model).optim_context(model):
                parts = model.loss(images, samples)
        losses[way] = torch.stack([parts[key].detach() for key in sorted(parts)])
    assert losses["bfloat16"].dtype == torch.float32
    # Eight bits of mantissa in each of 20 layers, and random weights, which average nothing out.
    torch.testing.assert_close(losses["bfloat16"], losses["float32"], rtol=0.06, atol=0.01)
