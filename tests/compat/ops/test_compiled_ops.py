"""The stand-ins against MMCV's compiled ops, where these are installed."""

import itertools
import sys

import mmcv.ops  # noqa: F401  imports mmcv._ext
import pytest
import torch
from helpers.boxes import random_boxes

from mmeiou.compat.ops.stand_ins import OpStandIns

COMPILED = sys.modules["mmcv._ext"]
OURS = OpStandIns()

if isinstance(COMPILED, OpStandIns):
    pytest.skip("MMCV has no compiled ops here to compare with", allow_module_level=True)


def test_compiled_ops_are_left_in_place():
    assert COMPILED.__file__.endswith((".so", ".pyd"))


def with_ties(n, seed):
    generator = torch.Generator().manual_seed(seed)
    boxes = random_boxes(n, generator, extent=200, sides=(0, 60))
    scores = torch.randint(1, n, (n,), generator=generator) / n
    return boxes, scores


def assert_same_nms(boxes, scores, **options):
    # The compiled op sorts unstably, so that the order of equal scores depends on the processor:
    # give ours the same order to begin with.
    order = scores.sort(descending=True).indices
    ours = OURS.nms(boxes[order], torch.arange(len(order), 0, -1.0), **options)
    assert torch.equal(order[ours], COMPILED.nms(boxes, scores, **options))


@pytest.mark.parametrize("offset", [0, 1])
@pytest.mark.parametrize("threshold", [0.0, 0.3, 0.45, 0.7, 1.0])
@pytest.mark.parametrize("n", [2, 100, 3000])
def test_nms(n, threshold, offset):
    for seed in range(3):
        boxes, scores = with_ties(n, seed)
        assert_same_nms(boxes, scores, iou_threshold=threshold, offset=offset)


def test_nms_of_few_values_with_many_equal_overlaps():
    for seed in range(50):
        generator = torch.Generator().manual_seed(seed)
        boxes = torch.randint(-2, 9, (60, 4), generator=generator).float()
        boxes[0, seed % 4] = float("nan")
        scores = torch.randint(0, 4, (60,), generator=generator).float()
        for threshold, offset in itertools.product((0.0, 1 / 3, 0.5), (0, 1)):
            assert_same_nms(boxes, scores, iou_threshold=threshold, offset=offset)


@pytest.mark.parametrize("offset", [0, 1])
@pytest.mark.parametrize("method", [0, 1, 2])
@pytest.mark.parametrize("min_score", [1e-3, 0.3])
def test_softnms(method, min_score, offset):
    for seed in range(5):
        boxes, scores = with_ties(300, seed)
        options = {
            "iou_threshold": 0.3,
            "sigma": 0.5,
            "min_score": min_score,
            "method": method,
            "offset": offset,
        }
        ours, theirs = boxes.new_zeros(300, 5), boxes.new_zeros(300, 5)
        kept = OURS.softnms(boxes, scores, ours, **options)
        assert torch.equal(kept, COMPILED.softnms(boxes, scores, theirs, **options))
        torch.testing.assert_close(ours[: len(kept)], theirs[: len(kept)], rtol=1e-6, atol=0)


@pytest.mark.parametrize("aligned", [True, False])
@pytest.mark.parametrize("ratio", [0, 1, 2])
@pytest.mark.parametrize("mode", [0, 1], ids=["max", "avg"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_roi_align(dtype, mode, ratio, aligned):
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(2, 5, 20, 31, generator=generator, dtype=dtype)
    # a quarter of the RoIs reach out of the image of 124 x 80, a few have no extent
    corner = torch.rand(60, 2, generator=generator, dtype=dtype) * 130 - 20
    size = torch.rand(60, 2, generator=generator, dtype=dtype) * 90
    size[:3] = 0
    image = torch.randint(2, (60, 1), generator=generator)
    rois = torch.cat([image, corner, corner + size], 1)
    options = {
        "aligned_height": 7,
        "aligned_width": 5,
        "spatial_scale": 0.25,
        "sampling_ratio": ratio,
        "pool_mode": mode,
        "aligned": aligned,
    }
    grad_output = torch.randn(60, 5, 7, 5, generator=generator, dtype=dtype)
    results = []
    for ops in (OURS, COMPILED):
        output = features.new_zeros(60, 5, 7, 5)
        y, x = (
            ([torch.zeros_like(output) for _ in "yx"])
            if mode == 0
            else (features.new_zeros(0),) * 2
        )
        ops.roi_align_forward(features, rois, output, y, x, **options)
        grad_input = torch.zeros_like(features)
        ops.roi_align_backward(grad_output, rois, y, x, grad_input, **options)
        results.append((output, y, x, grad_input))
    (output, y, x, grad_input), expected = results
    tolerance = 1e-12 if dtype == torch.float64 else 1e-5
    for ours, theirs in zip((output, grad_input), (expected[0], expected[3]), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=tolerance, atol=tolerance)
    assert torch.equal(y, expected[1])
    assert torch.equal(x, expected[2])
