"""What changes pixels leaves boxes, landmarks and regions to ignore alone, ours and others'."""

import numpy as np
import pytest
from mmengine.registry import TRANSFORMS, init_default_scope

from mmeiou.corruptions import CORRUPTIONS
from mmeiou.datasets.transforms import RandomCorruption, Resize
from mmeiou.functional.seeds import seed_everything

BOXES = [[60, 20, 100, 60], [110, 50, 130, 90]]
STEPS = [
    *(
        {
            "type": "mmeiou.RandomCorruption",
            "kind": name,
            "strength": (min(kind.strengths), max(kind.strengths)),
            "prob": 1.0,
        }
        for name, kind in CORRUPTIONS.items()
    ),
    {"type": "YOLOXHSVRandomAug", "hue_delta": 60},
    {"type": "PhotoMetricDistortion"},
    {"type": "RandomGrayscale", "prob": 1.0, "keep_channels": True},
]


def labels_of(results):
    """Copies."""
    return {
        name: (value.numpy() if name == "gt_bboxes" else value).copy()
        for name, value in results.items()
        if name.startswith("gt_")
    }


def name_of(step):
    return step.get("kind", step["type"])


@pytest.mark.parametrize("step", STEPS, ids=name_of)
def test_labels_are_left_alone_and_a_seed_gives_one_picture(face_results, step):
    init_default_scope("mmdet")
    transform = TRANSFORMS.build(step)
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (100, 200, 3), dtype=np.uint8)
    made = []
    for key in ((0, 3, 1), (0, 3, 1), (0, 3, 2), (0, 3, 4)):
        results = face_results(boxes=BOXES) | {"img": pixels.copy()}
        results["gt_ignore_flags"][1] = True
        before = labels_of(results)
        seed_everything(*key)
        results = transform(results)
        after = labels_of(results)
        assert len(after) == 4
        for name, value in before.items():
            np.testing.assert_array_equal(after[name], value)
        assert results["img"].shape == (100, 200, 3)
        made.append(results["img"])
    np.testing.assert_array_equal(made[0], made[1])
    assert not np.array_equal(made[0], pixels)
    if name_of(step) not in ("grey", "RandomGrayscale"):
        assert len({image.tobytes() for image in made}) > 1  # some draw that they do nothing


def test_strengths_are_log_uniform_between_the_bounds(face_results):
    np.random.seed(0)  # noqa: NPY002 - what MMEngine seeds
    darken = RandomCorruption("darkness", (0.0625, 1), prob=1.0)
    white = np.full((1, 1, 3), 255, np.uint8)
    found = [darken(face_results() | {"img": white})["img"][0, 0, 0] / 255 for _ in range(400)]
    assert (min(found), max(found)) == pytest.approx((0.0625, 1), abs=0.02)
    assert np.median(found) == pytest.approx(0.25, rel=0.2)


def test_probability_and_draws(face_results):
    np.random.seed(0)  # noqa: NPY002
    darken = RandomCorruption("darkness", 0.5, prob=0.3)
    white = np.full((1, 1, 3), 255, np.uint8)
    found = [darken(face_results() | {"img": white})["img"].max() for _ in range(500)]
    assert 110 < np.sum(np.array(found) < 255) < 190
    after = []
    for prob in (0.0, 1.0):
        np.random.seed(0)  # noqa: NPY002
        RandomCorruption("noise", 10, prob=prob)(face_results())
        after.append(np.random.random())  # noqa: NPY002
    assert after[0] == after[1]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kind": "fog", "strength": 1}, "no corruption 'fog'"),
        ({"kind": "jpeg", "strength": (10, 200)}, "jpeg of strength 200"),
        ({"kind": "jpeg", "strength": (50, 10)}, r"strength=\(50, 10\)"),
        ({"kind": "jpeg", "strength": (1, 2, 3)}, r"strength=\(1, 2, 3\)"),
        ({"kind": "jpeg", "strength": 10, "prob": 2}, "prob=2"),
    ],
)
def test_options_without_a_meaning(options, message):
    with pytest.raises(ValueError, match=message):
        RandomCorruption(**options)


def test_each_image_gets_one_of_the_interpolations(face_results):
    names = ("nearest", "bilinear", "bicubic", "area", "lanczos")
    pixels = np.random.default_rng(0).integers(0, 256, (100, 200, 3), dtype=np.uint8)

    def resized(interpolation):
        results = Resize(scale=(70, 45), interpolation=interpolation)(
            face_results(boxes=BOXES) | {"img": pixels}
        )
        return results["img"].tobytes(), results["gt_keypoints"].tobytes()

    known = {name: resized(name) for name in names}
    assert len({image for image, _ in known.values()}) == 5
    assert len({points for _, points in known.values()}) == 1
    np.random.seed(0)  # noqa: NPY002
    drawn = {resized(names) for _ in range(60)}
    assert drawn == set(known.values())


def test_one_interpolation_draws_nothing(face_results):
    np.random.seed(0)  # noqa: NPY002
    Resize(scale=(70, 45))(face_results())
    value = np.random.random()  # noqa: NPY002
    np.random.seed(0)  # noqa: NPY002
    assert value == np.random.random()  # noqa: NPY002
    with pytest.raises(ValueError, match="interpolation"):
        Resize(scale=(70, 45), interpolation=())
