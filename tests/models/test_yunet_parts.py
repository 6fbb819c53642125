"""Backbone, neck and head on their own."""

import pytest
import torch
from torch import Tensor

from mmeiou.models import TFPN, YuNetBackbone, YuNetHead
from mmeiou.models.layers import DPUnit, apply_together

CHANNELS = ((3, 8, 8), (8, 16), (16, 16))


def test_dp_unit_is_pointwise_then_depthwise_with_biases() -> None:
    unit = DPUnit(4, 6)
    # 1x1: 4 * 6 + 6; depthwise 3x3: 9 * 6 + 6; BN: 2 * 6
    assert sum(p.numel() for p in unit.parameters()) == 30 + 60 + 12
    x = torch.randn(2, 4, 8, 8)
    plain = DPUnit(4, 6, with_norm_act=False)
    assert set(plain.state_dict()) == {"conv1.weight", "conv1.bias", "conv2.weight", "conv2.bias"}
    torch.testing.assert_close(plain(x), plain.conv2(plain.conv1(x)))
    assert unit(x).min() == 0


def test_backbone_strides_follow_the_pooling() -> None:
    backbone = YuNetBackbone(CHANNELS, downsample_idx=(0, 1), out_idx=(0, 2))
    first, last = backbone(torch.randn(1, 3, 64, 32))
    assert first.shape == (1, 8, 32, 16)  # before the pooling that follows its stage
    assert last.shape == (1, 16, 8, 4)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"stage_channels": ((3, 8), (8, 16))}, r"\(in, mid, out\) for the stem"),
        ({"stage_channels": ((3, 8, 8), (4, 16))}, "stage 1 takes 4 channels, but stage 0 gives 8"),
        ({"stage_channels": CHANNELS, "out_idx": (3,)}, "must name stages 0 to 2"),
    ],
)
def test_backbone_that_cannot_be(arguments: dict, message: str) -> None:
    arguments.setdefault("downsample_idx", (0,))
    arguments.setdefault("out_idx", (1,))
    with pytest.raises(ValueError, match=message):
        YuNetBackbone(**arguments)


def test_neck_sums_before_its_units() -> None:
    neck = TFPN((4, 4)).eval()
    fine, coarse = torch.randn(1, 4, 4, 4), torch.randn(1, 4, 2, 2)
    top = neck.lateral_convs[1](coarse)
    expected = neck.lateral_convs[0](fine + top.repeat_interleave(2, 2).repeat_interleave(2, 3))
    out = neck((fine, coarse))
    torch.testing.assert_close(out[1], top)
    torch.testing.assert_close(out[0], expected)


def test_neck_that_cannot_add() -> None:
    with pytest.raises(ValueError, match="must be equal"):
        TFPN((4, 8))


def test_prior_prob_sets_the_initial_scores() -> None:
    head = YuNetHead(1, 4, feat_channels=4, prior_prob=0.01)
    head.init_weights()
    for unit in (*head.multi_level_cls, *head.multi_level_obj):
        assert unit.conv2.bias.sigmoid().item() == pytest.approx(0.01)
    assert head.multi_level_bbox[0].conv2.bias.unique().tolist() == pytest.approx([0.02])


def gradients(output: Tensor, inputs: list[Tensor]) -> list[Tensor]:
    """Of a sum that weighs every number differently."""
    weights = torch.arange(output.numel(), dtype=output.dtype).view_as(output).sin()
    return list(torch.autograd.grad((output * weights).sum(), inputs, retain_graph=True))


def test_relu_after_pooling_is_the_same_bit_by_bit() -> None:
    unit, pool = DPUnit(3, 5), torch.nn.MaxPool2d(2)
    x = torch.randn(2, 3, 8, 8, requires_grad=True)
    x.data[0, :, :4] = 0  # equal values in a window, below and above zero
    inputs = [x, *unit.parameters()]
    pooled, expected = unit(x, pool), pool(unit(x))
    assert torch.equal(pooled, expected)
    for one, other in zip(gradients(pooled, inputs), gradients(expected, inputs), strict=True):
        assert torch.equal(one, other)


def test_units_together_are_the_units() -> None:
    units = [DPUnit(4, channels, with_norm_act=False).double() for channels in (1, 4, 10)]
    x = torch.randn(2, 4, 6, 5, dtype=torch.float64, requires_grad=True)
    inputs = [x, *(parameter for unit in units for parameter in unit.parameters())]
    together, apart = apply_together(units, x), [unit.conv2(unit.conv1(x)) for unit in units]
    for one, other in zip(together, apart, strict=True):
        torch.testing.assert_close(one, other)
    for one, other in zip(
        gradients(torch.cat(together, 1), inputs),
        gradients(torch.cat(apart, 1), inputs),
        strict=True,
    ):
        torch.testing.assert_close(one, other)


class Doubled(torch.nn.Conv2d):
    """Somebody's own convolution."""

    def forward(self, x: Tensor) -> Tensor:
        return 2 * super().forward(x)


def test_modules_that_somebody_hooks_or_replaces_are_called() -> None:
    x = torch.randn(1, 4, 6, 6)
    unit, other = (DPUnit(4, 4, with_norm_act=False) for _ in range(2))
    before = unit(x)
    with torch.no_grad():
        torch.testing.assert_close(unit(x), before)
    seen = []
    handle = unit.conv1.register_forward_hook(lambda *_: seen.append("conv1"))
    unit(x)
    apply_together([unit, other], x)
    handle.remove()
    unit.register_forward_hook(lambda *_: seen.append("unit"))
    apply_together([unit, other], x)
    assert seen == ["conv1", "conv1", "unit"]
    doubled = Doubled(4, 4, 1)
    doubled.load_state_dict(unit.conv1.state_dict())
    unit.conv1 = doubled
    torch.testing.assert_close(
        unit(x) - unit.conv2.bias[:, None, None], 2 * (before - unit.conv2.bias[:, None, None])
    )


def test_another_pooling_comes_after_relu() -> None:
    unit, pool = DPUnit(3, 5), torch.nn.AvgPool2d(2)
    x = torch.randn(2, 3, 8, 8)
    assert torch.equal(unit(x, pool), pool(unit(x)))
