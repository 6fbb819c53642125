"""TIDE: each kind of error by hand, and the numbers of the authors' package."""

from typing import NamedTuple

import numpy as np
import pytest

from mmeiou.evaluation.image_overlaps import ImageOverlaps, overlaps
from mmeiou.evaluation.tide import KINDS, classify, error_costs, tide_report

BOX, FAR = (0, 0, 10, 10), (100, 100, 110, 110)
HALF = (0, 0, 10, 4)  # IoU 0.4 with BOX


class Image(NamedTuple):
    """Boxes x1 y1 x2 y2 with scores and labels, and objects, some of them ignored."""

    boxes: np.ndarray
    scores: np.ndarray
    labels: np.ndarray
    truths: np.ndarray
    truth_labels: np.ndarray
    ignored: np.ndarray

    def overlaps(self) -> ImageOverlaps:
        """A detection that lies in an ignored object of its class by half is excused."""
        a, b = self.boxes[:, None], self.truths[self.ignored]
        sides = (np.minimum(a, b)[..., 2:] - np.maximum(a, b)[..., :2]).clip(0)
        part = sides.prod(-1) / (a[..., 2:] - a[..., :2]).prod(-1)
        same = self.labels[:, None] == self.truth_labels[self.ignored]
        kept = ~self.ignored
        return ImageOverlaps(
            self.scores,
            self.labels,
            self.truth_labels[kept],
            overlaps(self.boxes, self.truths[kept]),
            ((part > 0.5) & same).any(axis=1),
        )


def image(
    found: list[tuple[tuple[float, ...], float, int]],
    truths: list[tuple[tuple[float, ...], int]],
) -> ImageOverlaps:
    boxes, scores, labels = zip(*found, strict=True) if found else ((), (), ())
    places, classes = zip(*truths, strict=True) if truths else ((), ())
    return Image(
        np.array(boxes, float).reshape(-1, 4),
        np.array(scores, float),
        np.array(labels, int),
        np.array(places, float).reshape(-1, 4),
        np.array(classes, int),
        np.zeros(len(places), bool),
    ).overlaps()


def kinds(one: ImageOverlaps) -> list[str]:
    return ["true" if kind < 0 else KINDS[kind] for kind in classify([one]).kind]


def test_every_kind_by_hand() -> None:
    one = image(
        [
            (BOX, 0.9, 0),
            (BOX, 0.8, 0),  # found already
            (BOX, 0.7, 1),  # no object of class 1 is near
            (HALF, 0.6, 0),
            (HALF, 0.5, 1),  # wrong class, and too far off to be right in it
            ((50, 50, 60, 60), 0.4, 0),
        ],
        [(BOX, 0), (FAR, 1)],
    )
    assert kinds(one) == ["true", "Dupe", "Cls", "Loc", "Both", "Bkg"]
    assert classify([one]).missed.tolist() == [False, True]
    assert kinds(image([(BOX, 0.9, 0)], [])) == ["Bkg"]


def test_what_repairs_bring_by_hand() -> None:
    """The object of class 0 is found badly, once more so, and behind something false: AP is 0.

    Repaired, the better of the two finds it, second in order, and the other is gone: precision 1/2.
    Class 1 has an object that is found under the other name: it rises from 0 to 1.
    """
    one = image(
        [((50, 50, 60, 60), 0.9, 0), (HALF, 0.8, 0), (HALF, 0.7, 0), (FAR, 0.6, 0)],
        [(BOX, 0), (FAR, 1)],
    )
    assert kinds(one) == ["Bkg", "Loc", "Loc", "Cls"]
    costs = error_costs(classify([one]))
    expected = dict.fromkeys(("AP", "Dupe", "Bkg", "Both", "Miss", "FP", "FN"), 0)
    assert costs == pytest.approx(expected | {"Loc": 1 / 4, "Cls": 1 / 2})


def test_missed_and_false() -> None:
    """Found behind something false, and one of three objects missed.

    Recall 2/3: 67 of the 101 points, at the precisions 1 (34 of them) and 2/3.
    """
    third = (30, 0, 40, 10)
    found = [(BOX, 0.9, 0), ((200, 200, 210, 210), 0.8, 0), (third, 0.7, 0)]
    costs = error_costs(classify([image(found, [(BOX, 0), (third, 0), (FAR, 0)])]))
    ap = (34 + 33 * 2 / 3) / 101
    assert costs["AP"] == pytest.approx(ap)
    assert costs["Bkg"] == pytest.approx(67 / 101 - ap)
    assert costs["FP"] == pytest.approx(67 / 101 - ap)
    # Of two objects 51 points are at precision 1 and 50 at 2/3.
    without = (51 + 50 * 2 / 3) / 101
    assert costs["Miss"] == costs["FN"] == pytest.approx(without - ap)


def test_classes_without_objects_do_not_count() -> None:
    costs = error_costs(classify([image([(BOX, 0.9, 0), (FAR, 0.8, 1)], [(BOX, 0)])]))
    assert costs["AP"] == 1
    assert np.isnan(list(error_costs(classify([image([(BOX, 0.9, 0)], [])])).values())).all()
    nothing_found = error_costs(classify([image([], [(BOX, 0)])]))
    assert (nothing_found["AP"], nothing_found["Bkg"]) == (0, 0)
    assert np.isnan([nothing_found["Miss"], nothing_found["FN"]]).all()


def random_images(seed: int) -> list[Image]:
    """Objects and what might be taken for them, at quarters of pixels."""
    rng = np.random.default_rng(seed)
    images = []
    for _ in range(20):
        m = rng.integers(0, 7)
        corner, size = rng.integers(0, 480, (m, 2)) / 4, rng.integers(60, 200, (m, 2)) / 4
        truths, truth_labels = np.hstack([corner, corner + size]), rng.integers(0, 4, m)
        times = rng.integers(0, 4, m)
        near = np.repeat(truths, times, axis=0)
        near = near + rng.integers(-28, 29, near.shape) / 4
        away = rng.integers(0, 150, (3, 2))
        boxes = np.vstack([near, np.hstack([away, away + 25])])
        labels = np.concatenate([np.repeat(truth_labels, times), rng.integers(0, 4, 3)])
        labels = np.where(rng.random(len(labels)) < 0.25, rng.integers(0, 4, len(labels)), labels)
        scores = rng.random(len(boxes))
        images.append(Image(boxes, scores, labels, truths, truth_labels, rng.random(m) < 0.15))
    return images


# tidecv 1.0.1 of these sets, in hundredths: ignored objects as ignore regions.
NAMES = ("AP", "Loc", "Cls", "Dupe", "Bkg", "Both", "Miss", "FP", "FN")
TIDECV = {
    0: (
        28.119266,
        11.028978,
        4.987225,
        0.737190,
        15.450272,
        0.121802,
        8.712919,
        31.039150,
        18.286201,
    ),
    1: (
        32.990863,
        2.708423,
        6.608742,
        1.688884,
        10.707209,
        6.473144,
        9.918351,
        36.563592,
        14.236172,
    ),
    2: (
        31.310168,
        11.412243,
        2.147245,
        1.502051,
        6.247343,
        0.287842,
        13.850854,
        23.145277,
        24.779721,
    ),
    3: (
        36.775142,
        8.289854,
        2.585770,
        1.821505,
        12.054607,
        1.017579,
        12.853379,
        27.828819,
        20.121384,
    ),
}


@pytest.mark.parametrize("seed", TIDECV)
def test_is_tidecv(seed: int) -> None:
    images = [one.overlaps() for one in random_images(seed)]
    assert any(one.excused.any() for one in images)
    costs = error_costs(classify(images))
    expected = dict(zip(NAMES, np.array(TIDECV[seed]) / 100, strict=True))
    assert costs == pytest.approx(expected, abs=1e-6)


def test_names_of_the_report() -> None:
    report = tide_report([image([(BOX, 0.9, 0)], [(BOX, 0)])])
    assert list(report)[:2] == ["TIDE_AP50", "dAP_Loc"]
    assert report["TIDE_AP50"] == 1
    assert len(report) == 9
