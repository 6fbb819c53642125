import itertools
import math
import subprocess
import sys

import pytest
import torch

from mmeiou.compat.ops.roi_align import RoIAlignConfig, roi_align, roi_align_backward
from mmeiou.compat.ops.roi_align_max import roi_align_max, roi_align_max_backward


def naive_corners(y, x, height, width):
    """Pixels around a sample and their weights, by the definition of bilinear interpolation."""
    if not (-1 <= y <= height and -1 <= x <= width):
        return []
    y, x = min(max(y, 0.0), height - 1.0), min(max(x, 0.0), width - 1.0)
    top, left = math.floor(y), math.floor(x)
    corners = []
    for row, column in itertools.product((top, top + 1), (left, left + 1)):
        weight = (1 - abs(y - row)) * (1 - abs(x - column))
        if weight > 0:
            corners.append((row, column, weight))
    return corners


def naive_samples(roi, config):
    """For each bin the positions (y, x) of its samples."""
    shift = 0.5 if config.aligned else 0.0
    x1, y1, x2, y2 = (v * config.spatial_scale - shift for v in roi[1:].tolist())
    width, height = x2 - x1, y2 - y1
    if not config.aligned:
        width, height = max(width, 1.0), max(height, 1.0)
    bins_y, bins_x = config.output_size
    bin_y, bin_x = height / bins_y, width / bins_x
    n_y = config.sampling_ratio or math.ceil(bin_y)
    n_x = config.sampling_ratio or math.ceil(bin_x)
    for i, j in itertools.product(range(bins_y), range(bins_x)):
        yield (
            i,
            j,
            [
                (y1 + i * bin_y + (k + 0.5) * bin_y / n_y, x1 + j * bin_x + (m + 0.5) * bin_x / n_x)
                for k, m in itertools.product(range(n_y), range(n_x))
            ],
        )


def naive_roi_align(features, rois, config, maximum):
    """The output as a differentiable function of the features, sample by sample."""
    height, width = features.shape[2:]
    output = []
    for roi in rois:
        image = features[int(roi[0])]
        for _, _, samples in naive_samples(roi, config):
            values = [
                sum(
                    (w * image[:, r, c] for r, c, w in naive_corners(y, x, height, width)),
                    start=image.new_zeros(len(image)),
                )
                for y, x in samples
            ]
            if maximum:
                least = image.new_full((len(image),), -10000.0)
                output.append(torch.stack(values).amax(0) if values else least)
            else:
                output.append(sum(values, start=image.new_zeros(len(image))) / max(len(values), 1))
    bins = torch.stack(output).view(len(rois), *config.output_size, features.shape[1])
    return bins.permute(0, 3, 1, 2)


def random_case(seed=0, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    features = torch.randn(2, 3, 9, 12, generator=generator, dtype=dtype)
    # inside, across every border, far outside, smaller than a pixel, without area
    rois = torch.tensor(
        [
            [0, 3.3, 4.1, 30.7, 21.9],
            [1, -14.2, -9.7, 17.3, 12.1],
            [0, 30.1, 20.2, 71.3, 60.4],
            [1, -5.0, -5.0, 53.0, 41.0],
            [0, 300.0, 300.0, 350.0, 350.0],
            [1, 10.0, 10.0, 11.3, 10.9],
            [0, 20.0, 8.0, 20.0, 24.0],
            [1, 16.0, 16.0, 16.0, 16.0],
        ],
        dtype=dtype,
    )
    return features, rois


CONFIGS = [
    RoIAlignConfig(size, scale, ratio, aligned)
    for size in ((2, 2), (3, 1))
    for scale in (0.25, 1.0)
    for ratio in (0, 1, 2)
    for aligned in (True, False)
]


@pytest.mark.parametrize("config", CONFIGS, ids=str)
def test_average_and_its_gradient_equal_the_naive_loop(config):
    features, rois = random_case()
    features.requires_grad_()
    expected = naive_roi_align(features, rois, config, maximum=False)
    output = roi_align(features.detach(), rois, config)
    torch.testing.assert_close(output, expected.detach())

    grad_output = torch.randn_like(output)
    expected.backward(grad_output)
    grad = roi_align_backward(grad_output, rois, features.shape, config)
    torch.testing.assert_close(grad, features.grad)


@pytest.mark.parametrize("config", CONFIGS, ids=str)
def test_maximum_and_its_gradient_equal_the_naive_loop(config):
    features, rois = random_case()
    features.requires_grad_()
    expected = naive_roi_align(features, rois, config, maximum=True)
    output, argmax_y, argmax_x = roi_align_max(features.detach(), rois, config)
    torch.testing.assert_close(output, expected.detach())

    # Outside the image all samples are 0 and any of them may be the greatest: compare where the
    # gradient is determined, which is wherever the maximum is not 0.
    grad_output = torch.randn_like(output) * (output != 0)
    expected.backward(grad_output)
    grad = roi_align_max_backward(grad_output, rois, argmax_y, argmax_x, features.shape)
    torch.testing.assert_close(grad, features.grad)


def test_bins_of_a_ramp_average_to_their_centres():
    # f(y, x) = 100 y + x is what bilinear interpolation reproduces. RoI 1..9 x 2..6 in pixels of
    # which value k lies at k + 0.5: bins of 2 x 4 with centres y = 3, 5 - 0.5 and x = 3, 7 - 0.5.
    ramp = 100.0 * torch.arange(10)[:, None] + torch.arange(12)
    rois = torch.tensor([[0.0, 1, 2, 9, 6]])
    for ratio in (0, 1, 3):
        output = roi_align(ramp[None, None], rois, RoIAlignConfig((2, 2), sampling_ratio=ratio))
        expected = torch.tensor([[252.5, 256.5], [452.5, 456.5]])
        torch.testing.assert_close(output[0, 0], expected)


def test_unaligned_samples_lie_half_a_pixel_further():
    ramp = torch.arange(12.0).expand(1, 1, 10, 12)
    rois = torch.tensor([[0.0, 1, 2, 9, 6]])
    output = roi_align(ramp, rois, RoIAlignConfig((1, 2), aligned=False))
    torch.testing.assert_close(output[0, 0, 0], torch.tensor([3.0, 7.0]))


def test_maximum_of_a_ramp_is_at_the_last_sample():
    ramp = torch.arange(12.0).expand(1, 1, 10, 12)
    # one bin 4 x 8 at (2, 1) - 0.5: samples at x = 1, 2, .. 8, all rows alike, the first at y = 2
    output, y, x = roi_align_max(ramp, torch.tensor([[0.0, 1, 2, 9, 6]]), RoIAlignConfig((1, 1)))
    assert (output.item(), y.item(), x.item()) == (8, 2, 8)


def test_samples_count_up_to_a_pixel_outside():
    ones = torch.ones(1, 1, 4, 4)
    # one sample per RoI, at x = -1 (the last to count), just beyond, 4 (likewise), just beyond
    centres = torch.tensor([-0.5, -0.51, 4.5, 4.51])
    rois = torch.stack(
        [centres * 0, centres - 0.5, centres * 0 + 1, centres + 0.5, centres * 0 + 2], 1
    )
    output = roi_align(ones, rois, RoIAlignConfig((1, 1), sampling_ratio=1))
    assert output.flatten().tolist() == [1, 0, 1, 0]


def test_bins_without_samples():
    features, rois = torch.ones(1, 2, 4, 4), torch.tensor([[0.0, 1, 1, 1, 3]])
    config = RoIAlignConfig((2, 2))
    assert roi_align(features, rois, config).eq(0).all()
    output, y, x = roi_align_max(features, rois, config)
    assert output.eq(-10000).all()
    assert y.eq(-1).all()
    assert x.eq(-1).all()
    assert roi_align_max_backward(output, rois, y, x, features.shape).eq(0).all()


@pytest.mark.parametrize("config", [RoIAlignConfig((2, 3)), RoIAlignConfig((2, 3), aligned=False)])
def test_no_rois(config):
    features, rois = torch.ones(2, 3, 4, 4), torch.zeros(0, 5)
    output = roi_align(features, rois, config)
    assert output.shape == (0, 3, 2, 3)
    assert roi_align_backward(output, rois, features.shape, config).eq(0).all()
    output, y, x = roi_align_max(features, rois, config)
    assert output.shape == y.shape == x.shape == (0, 3, 2, 3)
    assert roi_align_max_backward(output, rois, y, x, features.shape).eq(0).all()


@pytest.mark.parametrize("function", [roi_align, roi_align_max])
def test_bad_rois_are_named(function):
    rois = torch.tensor([[0.0, 1, 1, 3, 3], [0, 3, 1, 2, 3]])
    with pytest.raises(ValueError, match=r"RoI 1 .* is \[0.0, 3.0, 1.0, 2.0, 3.0\]"):
        function(torch.ones(1, 1, 4, 4), rois, RoIAlignConfig((2, 2)))
    rois[1, 1] = float("nan")
    with pytest.raises(ValueError, match=r"RoI 1 .*diverged"):
        function(torch.ones(1, 1, 4, 4), rois, RoIAlignConfig((2, 2), aligned=False))


def test_many_rois_keep_their_order():
    features, _ = random_case(dtype=torch.float32)
    corner = torch.rand(300, 2) * 6
    rois = torch.cat([torch.arange(300)[:, None] % 2, corner, corner + torch.rand(300, 2) * 5], 1)
    config = RoIAlignConfig((2, 2))
    single = torch.cat([roi_align(features, roi, config) for roi in rois.split(1)])
    torch.testing.assert_close(roi_align(features, rois, config), single)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_and_autocast_are_computed_in_float32(dtype):
    features, rois = random_case(dtype=torch.float32)
    config = RoIAlignConfig((2, 2), 0.25)
    low, low_rois = features.to(dtype), rois.to(dtype)
    expected = roi_align(low.float(), low_rois.float(), config)
    assert torch.equal(roi_align(low, low_rois, config), expected.to(dtype))
    grad = roi_align_backward(expected, low_rois.float(), low.shape, config)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(roi_align(low.float(), low_rois, config), expected)
        assert torch.equal(roi_align_backward(expected, low_rois, low.shape, config), grad)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems count memory in other units")
def test_size_of_a_training_step_takes_seconds_and_less_than_two_gigabytes():
    code = """
import resource, time, torch
from mmeiou.compat.ops.roi_align import RoIAlignConfig, roi_align, roi_align_backward
torch.set_num_threads(1)
torch.manual_seed(0)
corner = torch.rand(512, 2) * 600
rois = torch.cat([torch.zeros(512, 1), corner, corner + 16 + torch.rand(512, 2) * 184], 1)
features, config = torch.rand(1, 256, 200, 200), RoIAlignConfig((7, 7), 0.25)
start = time.process_time()
output = roi_align(features, rois, config)
roi_align_backward(output, rois, features.shape, config)
print(time.process_time() - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6)
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    seconds, gigabytes = map(float, run.stdout.split())
    assert seconds < 3
    assert gigabytes < 2
