"""VOC's protocol: by hand, against a naive oracle, MMDetection and pycocotools."""

from collections.abc import Sequence

import numpy as np
import pytest
from mmdet.evaluation.functional import eval_map
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from mmeiou.evaluation.voc_ap import (
    Floats,
    average_precisions,
    match_class,
    outcomes,
    precision_recall,
)

THRESHOLDS = [percent / 100 for percent in range(50, 100, 5)]
NONE = np.zeros((0, 4))


def scored(*rows: Sequence[float]) -> Floats:
    return np.array(rows, dtype=float).reshape(-1, 5)


def test_one_curve_by_hand() -> None:
    """Two objects; a hit, a second hit of the same object, a miss, a hit of the other."""
    truths = [np.array([[0, 0, 9, 9], [100, 100, 109, 109]], float)]
    found = scored(
        (0, 0, 9, 9, 0.9), (0, 0, 9, 8, 0.8), (50, 50, 59, 59, 0.7), (100, 100, 109, 109, 0.6)
    )
    matches = match_class([found], truths, [NONE])
    # 90 of 100 pixels, both end pixels counted.
    np.testing.assert_allclose(matches.iou, [1, 0.9, 0, 1])
    precision, recall = precision_recall(matches, 0.5)
    np.testing.assert_allclose(precision, [1, 1 / 2, 1 / 3, 2 / 4])
    np.testing.assert_allclose(recall, [1 / 2, 1 / 2, 1 / 2, 1])
    # Area: half at precision 1, half at 1/2. 11 points: 0 to 0.5 at 1, 0.6 to 1 at 1/2.
    area, points = average_precisions(matches, [0.5])
    assert area == pytest.approx([0.75])
    assert points == pytest.approx([(6 * 1 + 5 * 0.5) / 11])


def test_the_threshold_itself_is_enough() -> None:
    half = match_class([scored((0, 0, 9, 4, 0.9))], [np.array([[0, 0, 9, 9]], float)], [NONE])
    assert half.iou == [0.5]
    assert [aps.tolist() for aps in average_precisions(half, [0.5, 0.55])] == [[1, 0], [1, 0]]


def test_a_detection_belongs_to_the_object_it_overlaps_most() -> None:
    """Unlike COCO's: it is false if that one is taken, however well it fits another."""
    truths = [np.array([[0, 0, 9, 9], [0, 3, 9, 12]], float)]
    # IoU 9/11 and 7/13 with the first, the other way round with the second.
    found = scored((0, 0, 9, 9, 0.9), (0, 1, 9, 10, 0.8))
    precision, recall = precision_recall(match_class([found], truths, [NONE]), 0.5)
    np.testing.assert_allclose(precision, [1, 0.5])
    np.testing.assert_allclose(recall, [0.5, 0.5])


def test_difficult_objects_count_neither_way() -> None:
    difficult = [np.array([[20, 20, 29, 29]], float)]
    found = scored((20, 20, 29, 29, 0.9), (20, 20, 29, 28, 0.8), (0, 0, 9, 9, 0.7))
    matches = match_class([found], [np.array([[0, 0, 9, 9]], float)], difficult)
    assert matches.num_truths == 1
    precision, recall = precision_recall(matches, 0.5)
    np.testing.assert_allclose(precision, [0, 0, 1])
    np.testing.assert_allclose(recall, [0, 0, 1])
    # Where the overlap is too small for the threshold it is an ordinary false detection.
    precision, _ = precision_recall(matches, 0.95)
    np.testing.assert_allclose(precision, [0, 0, 1 / 2])
    nothing_to_find = match_class([found], [NONE], difficult)
    assert np.isnan(average_precisions(nothing_to_find, [0.5])).all()


def test_recall_of_three_tenths_reaches_its_point() -> None:
    truths = [np.array([[20 * k, 0, 20 * k + 9, 9] for k in range(10)], float)]
    found = np.column_stack([truths[0], np.linspace(0.9, 0.1, 10)])
    for number in range(11):
        _, points = average_precisions(match_class([found[:number]], truths, [NONE]), [0.5])
        assert points == pytest.approx([(number + 1) / 11 if number else 0])


def random_set(
    rng: np.random.Generator, images: int = 12
) -> tuple[list[Floats], list[Floats], list[Floats]]:
    """Objects on a grid, so that they do not overlap; detections near some, and elsewhere."""
    found, truths, difficult = [], [], []
    for _ in range(images):
        corners = 60.0 * np.stack(np.divmod(rng.permutation(16)[: rng.integers(0, 9)], 4), 1)
        boxes = np.hstack([corners, corners + rng.uniform(15, 40, corners.shape)])
        near = np.repeat(boxes, rng.integers(0, 4, len(boxes)), axis=0)
        near = near + rng.normal(0, 2, near.shape)
        away = rng.uniform(300, 400, (3, 2))
        everything = np.vstack([near, np.hstack([away, away + 20])])
        found.append(np.column_stack([everything, rng.random(len(everything))]))
        hard = rng.random(len(boxes)) < 0.2
        truths.append(boxes[~hard])
        difficult.append(boxes[hard])
    return found, truths, difficult


def naive_aps(
    found: list[Floats], truths: list[Floats], difficult: list[Floats], iou_thr: float
) -> tuple[float, float]:
    """The development kit's loop, one detection and one object at a time."""
    rows = sorted(
        ((row[4], image, row[:4]) for image, rows in enumerate(found) for row in rows),
        key=lambda row: -row[0],
    )
    taken: set[tuple[int, int]] = set()
    true = false = 0
    total = sum(map(len, truths))
    curve = []
    for _, image, box in rows:
        objects = np.concatenate([truths[image], difficult[image]])
        best, owner = 0.0, -1
        for k, other in enumerate(objects):
            width = min(box[2], other[2]) - max(box[0], other[0]) + 1
            height = min(box[3], other[3]) - max(box[1], other[1]) + 1
            if width <= 0 or height <= 0:
                continue
            areas = [(b[2] - b[0] + 1) * (b[3] - b[1] + 1) for b in (box, other)]
            iou = width * height / (sum(areas) - width * height)
            if iou > best:
                best, owner = iou, k
        if best >= iou_thr and owner >= len(truths[image]):
            continue
        if best >= iou_thr and (image, owner) not in taken:
            taken.add((image, owner))
            true += 1
        else:
            false += 1
        curve.append((true / total, true / (true + false)))
    area = sum(max(p for r, p in curve if r >= k / total) / total for k in range(1, true + 1))
    points = [max([p for r, p in curve if r >= k / 10], default=0.0) for k in range(11)]
    return area, sum(points) / 11


@pytest.mark.parametrize("seed", range(4))
def test_is_the_naive_loop_and_mmdets_eval_map(seed: int) -> None:
    found, truths, difficult = random_set(np.random.default_rng(seed))
    area, points = average_precisions(match_class(found, truths, difficult), THRESHOLDS)
    assert 0.05 < area[5] < 0.95
    naive = [naive_aps(found, truths, difficult, iou_thr) for iou_thr in THRESHOLDS]
    np.testing.assert_allclose(np.stack([area, points], 1), naive, atol=1e-12)

    labels = [np.zeros(len(boxes), int) for boxes in truths]
    annotations = [
        {"bboxes": t, "labels": k, "bboxes_ignore": d, "labels_ignore": np.zeros(len(d), int)}
        for t, k, d in zip(truths, labels, difficult, strict=True)
    ]
    for aps, mode in ((area, "area"), (points, "11points")):
        mean, _ = eval_map(
            [[boxes] for boxes in found],
            annotations,
            iou_thr=0.75,
            eval_mode=mode,
            use_legacy_coordinate=True,
            logger="silent",
            nproc=1,
        )
        assert aps[5] == pytest.approx(mean, abs=1e-6)


def test_other_sizes_are_ignored_by_hand() -> None:
    """A small and a large object. Of the detections without one only the small counts as small."""
    truths = [np.array([[0, 0, 9, 9], [100, 100, 199, 199]], float)]
    found = scored(
        (300, 300, 309, 309, 0.9),  # small, finds nothing
        (100, 100, 199, 199, 0.8),
        (300, 0, 399, 99, 0.7),  # large, finds nothing
        (0, 0, 9, 9, 0.6),
    )
    small = match_class([found], truths, [NONE]).of_size(0, 100.5)
    assert small.num_truths == 1
    precision, recall = precision_recall(small, 0.5)
    np.testing.assert_allclose(precision, [0, 0, 0, 1 / 2])
    np.testing.assert_allclose(recall, [0, 0, 0, 1])
    # The limit itself belongs to the larger: ten pixels by ten are 100.
    assert match_class([found], truths, [NONE]).of_size(0, 100).num_truths == 0
    assert match_class([found], truths, [NONE]).of_size(100, 101).num_truths == 1


@pytest.mark.parametrize("seed", range(4))
def test_sizes_are_mmdets_scale_ranges(seed: int) -> None:
    found, truths, difficult = random_set(np.random.default_rng(seed), images=40)
    scales = [(0.0, 25.0), (25.0, 32.0), (32.0, 1e4)]
    annotations = [
        {
            "bboxes": t,
            "labels": np.zeros(len(t), int),
            "bboxes_ignore": d,
            "labels_ignore": np.zeros(len(d), int),
        }
        for t, d in zip(truths, difficult, strict=True)
    ]
    expected, _ = eval_map(
        [[boxes] for boxes in found],
        annotations,
        scale_ranges=scales,
        iou_thr=0.75,
        use_legacy_coordinate=True,
        logger="silent",
        nproc=1,
    )
    matches = match_class(found, truths, difficult)
    aps = [
        average_precisions(matches.of_size(low**2, high**2), [0.75])[0].item()
        for low, high in scales
    ]
    assert len(set(aps)) == 3
    assert aps == pytest.approx(list(expected), abs=1e-6)


def test_outcomes_are_what_the_curve_counts() -> None:
    found, truths, difficult = random_set(np.random.default_rng(0))
    matches = match_class(found, truths, difficult)
    precision, recall = precision_recall(matches, 0.6)
    counted = outcomes(matches, 0.6)
    assert 0 < len(counted.true) < len(precision)
    assert counted.num_truths == sum(map(len, truths))
    assert counted.true.mean() == pytest.approx(precision[-1])
    assert counted.true.sum() / counted.num_truths == pytest.approx(recall[-1])
    assert (counted.ious[counted.true] >= 0.6).all()
    assert (np.diff(counted.scores) <= 0).all()


def coco_precision(found: list[Floats], truths: list[Floats]) -> Floats:
    """(10, 101) precision by pycocotools; its widths have no +1, so that they are given it."""

    def entry(image: int, row: Floats) -> dict[str, object]:
        x1, y1, x2, y2 = row[:4]
        box = [x1, y1, x2 - x1 + 1, y2 - y1 + 1]
        return {"image_id": image, "category_id": 0, "bbox": box, "area": box[2] * box[3]}

    objects = [entry(image, row) for image, rows in enumerate(truths) for row in rows]
    rows = [(image, row) for image, rows in enumerate(found) for row in rows]
    truth = COCO()
    truth.dataset = {
        "images": [{"id": image} for image in range(len(truths))],
        "annotations": [one | {"id": k + 1, "iscrowd": 0} for k, one in enumerate(objects)],
        "categories": [{"id": 0}],
        "info": {},
    }
    truth.createIndex()
    evaluation = COCOeval(
        truth, truth.loadRes([entry(*row) | {"score": row[1][4]} for row in rows]), "bbox"
    )
    evaluation.evaluate()
    evaluation.accumulate()
    return evaluation.eval["precision"][:, :, 0, 0, -1]


@pytest.mark.parametrize("seed", range(4))
def test_is_pycocotools_where_the_protocols_coincide(seed: int) -> None:
    """No object near another, none difficult: the same curve, and sampled the same number."""
    found, easy, hard = random_set(np.random.default_rng(seed), images=25)
    truths = [np.concatenate(both) for both in zip(easy, hard, strict=True)]
    matches = match_class(found, truths, [NONE] * len(truths))
    expected = coco_precision(found, truths)
    area, _ = average_precisions(matches, THRESHOLDS)
    for k, iou_thr in enumerate(THRESHOLDS):
        precision, recall = precision_recall(matches, iou_thr)
        envelope = np.append(np.maximum.accumulate(precision[::-1])[::-1], 0)
        sampled = envelope[np.searchsorted(recall, np.linspace(0, 1, 101))]
        np.testing.assert_allclose(sampled, expected[k], atol=1e-12)
        # The area under a falling curve and the mean of 101 of its points.
        assert abs(area[k] - expected[k].mean()) < 0.01


@pytest.mark.parametrize("row", [(0, 0, 9, 9, np.nan), (0, 0, 9, np.inf, 0.5)])
def test_a_number_that_is_not_finite_is_no_detection(row: Sequence[float]) -> None:
    nothing = np.zeros((0, 4))
    with pytest.raises(ValueError, match=r"image 1: .* not finite"):
        match_class([scored(), scored(row)], [nothing] * 2, [nothing] * 2)
