import pytest
import torch

from mmeiou.functional.score_fusion import fuse_scores


def test_values_derived_by_hand() -> None:
    cls = torch.tensor([0.81, 0.64, 0.5, 0.5])
    iou = torch.tensor([0.25, 1.4, -0.2, 0.5])  # clamped to .25 1 0 .5
    expected = torch.tensor([0.9 * 0.5, 0.8, 0.0, 0.5])
    torch.testing.assert_close(fuse_scores(cls, iou), expected)
    torch.testing.assert_close(fuse_scores(cls, iou, 0.0), cls)
    torch.testing.assert_close(fuse_scores(cls, iou, 1.0), torch.tensor([0.25, 1.0, 0.0, 0.5]))
    # 0.5 ** 0.75 * 0.0625 ** 0.25 = 0.5 ** 1.75
    fused = fuse_scores(torch.tensor([0.5]), torch.tensor([0.0625]), 0.25)
    torch.testing.assert_close(fused, torch.tensor([0.5**1.75]))


def test_one_iou_for_all_classes() -> None:
    cls = torch.rand(5, 3)
    iou = torch.rand(5, 1)
    torch.testing.assert_close(fuse_scores(cls, iou), (cls * iou).sqrt())


@pytest.mark.parametrize("exponent", [-0.1, 1.1, float("nan")])
def test_exponent_outside_its_range(exponent: float) -> None:
    with pytest.raises(ValueError, match=r"fusion exponent must be in \[0, 1\]"):
        fuse_scores(torch.ones(1), torch.ones(1), exponent)
