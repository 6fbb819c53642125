"""The search for what stays in float."""

import re
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from mmeiou.apis.candidates import Candidates
from mmeiou.apis.images import load_image
from mmeiou.apis.views import make_views
from mmeiou.deploy.int8.mixed_precision import (
    Budget,
    MixedPrecisionQuantizer,
    Trial,
    latencies,
    search,
)
from mmeiou.deploy.int8.quantization_error import landmark_error, quantization_error

SIZE = (96, 64)


def proposed(boxes: list[list[float]], scores: list[float]) -> Candidates:
    boxes_, scores_ = torch.tensor(boxes), torch.tensor(scores)
    return Candidates(boxes_, scores_, boxes_[:, None, :2], torch.zeros(len(scores)).long())


def test_quantization_error_by_hand() -> None:
    one = proposed([[0.0, 0, 2, 2], [0, 0, 4, 4]], [0.5, 0.25])
    # Half of the first box is missed, the second one's score is off by 0.05.
    other = proposed([[0.0, 0, 2, 1], [0, 0, 4, 4]], [0.5, 0.3])
    assert quantization_error([one], [one]) == 0
    assert quantization_error([one], [other]) == pytest.approx((0.05 + 0.5 * 0.5) / 0.75)
    assert quantization_error([one, one], [other, one]) == pytest.approx((0.05 + 0.5 * 0.5) / 1.5)


def test_landmark_error_by_hand() -> None:
    boxes, labels = torch.tensor([[0.0, 0, 4, 4], [0, 0, 10, 40]]), torch.zeros(2).long()
    scores, points = torch.tensor([0.5, 0.25]), torch.ones(2, 2, 2)
    one = Candidates(boxes, scores, points, labels)
    # The second landmark of the first face by 5 pixels, both of the second face by 2.
    moved = points + torch.tensor([[[0.0, 0], [3, 4]], [[2, 0], [0, 2]]])
    other = Candidates(boxes * 3, scores * 2, moved, labels)
    assert landmark_error([one], [one]) == 0
    assert landmark_error([one], [other]) == pytest.approx((0.5 * 2.5 / 4 + 0.25 * 2 / 20) / 0.75)
    without = one._replace(landmarks=torch.zeros(2, 0, 2))
    assert landmark_error([without], [without]) == 0


def test_the_budget_that_is_strained_most_counts(float_model: onnx.ModelProto) -> None:
    trial = Trial((), 0.3, 0.01, float_model)
    assert Budget(0.4, 0.005).used(trial) == pytest.approx(2)
    assert Budget(0.1, 0.02).used(trial) == pytest.approx(3)
    assert Budget(0.0, 1.0).used(trial) == float("inf")
    assert Budget(0.0, 0.0).used(trial._replace(error=0.0, landmark_error=0.0)) == 0


@pytest.fixture(scope="module")
def quantizer(float_model: onnx.ModelProto, images: list[np.ndarray]) -> MixedPrecisionQuantizer:
    return MixedPrecisionQuantizer(float_model, images, SIZE)


def test_every_second_image_is_measured_on(
    quantizer: MixedPrecisionQuantizer, images: list[np.ndarray]
) -> None:
    assert len(quantizer.batches) == 2
    np.testing.assert_array_equal(
        quantizer.batches[1][0, :, :60, :90], images[2].transpose(2, 0, 1)
    )
    np.testing.assert_array_equal(quantizer.validation[0], images[1])


def test_a_model_of_float_only_has_no_error(quantizer: MixedPrecisionQuantizer) -> None:
    assert quantizer.quantize(quantizer.blocks).error < 1e-6
    assert quantizer.quantize([]).error > 1e-3


def test_the_fastest_is_taken_if_it_is_near_enough(
    quantizer: MixedPrecisionQuantizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "mmeiou.deploy.int8.mixed_precision.latencies",
        lambda models, _: [10.0, 9.0, 7.0, 8.0, *[9.0] * (len(models) - 4)],
    )
    lines: list[str] = []
    best_trial = search(quantizer, Budget(float("inf"), float("inf")), lines.append)
    assert list(best_trial.in_float) == quantizer.blocks[:1]
    assert len(lines) == 7
    assert re.match(
        r"0.70 of float's latency, error 0.\d+, of landmarks 0.\d+, \d+ kB; in float: ", lines[1]
    )


def test_blocks_go_to_float_until_the_error_is_small(
    quantizer: MixedPrecisionQuantizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "mmeiou.deploy.int8.mixed_precision.latencies",
        lambda models, _: list(range(1, 1 + len(models))),
    )
    start = quantizer.quantize([]).error
    wanted = 0.8 * start
    lines: list[str] = []
    best_trial = search(quantizer, Budget(wanted, float("inf")), lines.append)
    assert best_trial.error <= wanted
    assert best_trial.in_float
    first = [line for line in lines[7:] if line.count(",") == 2]  # a single block in float
    assert len(first) == len(quantizer.blocks)
    lowest = min(first, key=lambda line: float(line.split()[1].rstrip(",")))
    assert lowest.endswith(f"in float: {best_trial.in_float[0].name}")


def test_a_trial_off_the_way_counts_if_none_on_it_is_near_enough(
    quantizer: MixedPrecisionQuantizer, float_model: onnx.ModelProto, monkeypatch
) -> None:
    """The search is greedy: what joins first may be wrong."""
    a, b, c = quantizer.blocks[:3]
    errors = {frozenset((a, b)): 0.1, frozenset((a,)): 0.5, frozenset((c,)): 0.3}

    class Told:
        blocks, batches = [a, b, c], quantizer.batches
        float_model = quantizer.float_model

        def quantize(self, in_float) -> Trial:
            return Trial(tuple(in_float), errors.get(frozenset(in_float), 0.9), 0.0, float_model)

    monkeypatch.setattr(
        "mmeiou.deploy.int8.mixed_precision.latencies",
        lambda models, _: list(range(1, 1 + len(models))),
    )
    assert search(Told(), Budget(0.15, 1.0), lambda _: None).in_float == (a, b)
    # where none is, the nearest
    assert search(Told(), Budget(0.01, 1.0), lambda _: None).in_float == (a, b)


def test_an_impossible_wish_ends_with_one_block_in_integers(
    float_model: onnx.ModelProto, images: list[np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "mmeiou.deploy.int8.mixed_precision.latencies",
        lambda models, _: list(range(1, 1 + len(models))),
    )
    small = MixedPrecisionQuantizer(float_model, images[:2], SIZE)
    small.blocks = small.blocks[:3]  # the others stay in integers
    lines: list[str] = []
    search(small, Budget(0, 0), lines.append)
    assert lines[-1].count(",") == 3  # two blocks in float, of three


def test_latencies_are_of_each_model(quantizer: MixedPrecisionQuantizer) -> None:
    large = latencies([quantizer.float_model] * 2, quantizer.batches[0])
    assert len(large) == 2
    assert all(0 < seconds < 1 for seconds in large)


def test_one_image_is_too_few(float_model: onnx.ModelProto, images: list[np.ndarray]) -> None:
    with pytest.raises(ValueError, match="at least two images, got 1"):
        MixedPrecisionQuantizer(float_model, images[:1], SIZE)


def test_the_released_weights_fit_into_130_kb(shared_data: Path) -> None:
    weights = onnx.load(shared_data / "weights/yunet_n_320_320.onnx")
    paths = sorted((shared_data / "widerface/WIDER_train/images").rglob("*.jpg"))[::60]
    views = [next(make_views(load_image(path), (1,), None, (320, 320))) for path in paths]
    trial = MixedPrecisionQuantizer(weights, [view.pixels for view in views], (320, 320)).quantize(
        []
    )
    assert trial.model.ByteSize() <= 130_000
    assert trial.error < 0.4
