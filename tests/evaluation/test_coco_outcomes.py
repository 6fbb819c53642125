"""pycocotools' matches as outcomes: by hand, and the precision and recall that it reports."""

from typing import Any

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from mmeiou.evaluation.coco_outcomes import class_outcomes, image_overlaps


def evaluated(objects: list[dict[str, Any]], found: list[dict[str, Any]]) -> COCOeval:
    truth = COCO()
    truth.dataset = {
        "images": [{"id": k} for k in range(3)],
        "annotations": [
            {"iscrowd": 0, **one, "id": k + 1, "area": one["bbox"][2] * one["bbox"][3]}
            for k, one in enumerate(objects)
        ],
        "categories": [{"id": 7}, {"id": 3}],
        "info": {},
    }
    truth.createIndex()
    evaluation = COCOeval(truth, truth.loadRes(found), "bbox")
    evaluation.evaluate()
    evaluation.accumulate()
    return evaluation


def row(image: int, category: int, bbox: list[float], **more: float) -> dict[str, Any]:
    return {"image_id": image, "category_id": category, "bbox": bbox, **more}


def test_by_hand() -> None:
    """A crowd stands before the objects in the file, and behind them in pycocotools' order."""
    objects = [
        row(0, 3, [100, 100, 50, 50], iscrowd=1),
        row(0, 3, [0, 0, 10, 10]),
        row(0, 7, [0, 0, 10, 10]),
        row(1, 3, [0, 0, 10, 10]),
    ]
    found = [
        row(0, 3, [0, 0, 10, 8], score=0.5),
        row(0, 3, [110, 110, 10, 10], score=0.9),  # in the crowd
        row(1, 3, [0, 0, 10, 6], score=0.8),
        row(1, 3, [0, 0, 10, 10], score=0.7),  # too late
        row(2, 3, [0, 0, 10, 10], score=0.6),
    ]
    three, seven = class_outcomes(evaluated(objects, found), 0.5)
    assert three.num_truths == 2
    assert three.scores.tolist() == [0.8, 0.7, 0.6, 0.5]
    assert three.true.tolist() == [True, False, False, True]
    assert three.ious[three.true] == pytest.approx([0.6, 0.8])
    assert (seven.num_truths, len(seven.true)) == (1, 0)
    with pytest.raises(ValueError, match=r"not at 0\.52"):
        class_outcomes(evaluated(objects, found), 0.52)


@pytest.mark.parametrize("seed", range(3))
def test_are_what_pycocotools_counts(seed: int) -> None:
    rng = np.random.default_rng(seed)
    objects, found = [], []
    for image in range(3):
        for _ in range(8):
            corner, size = rng.uniform(0, 60, 2), rng.uniform(15, 40, 2)
            category = int(rng.choice([3, 7]))
            crowd = int(rng.random() < 0.2)
            objects.append(row(image, category, [*corner, *size], iscrowd=crowd))
            for _ in range(2):
                box = [*(corner + rng.normal(0, 3, 2)), *size]
                found.append(row(image, category, box, score=rng.random()))
    evaluation = evaluated(objects, found)
    for k, one in enumerate(class_outcomes(evaluation, 0.75)):
        assert 0 < one.true.sum() < len(one.true)
        assert (one.ious[one.true] >= 0.75).all()
        assert (np.diff(one.scores) <= 0).all()
        recall = one.true.cumsum() / one.num_truths
        assert recall[-1] == pytest.approx(evaluation.eval["recall"][5, k, 0, -1])
        precision = one.true.cumsum() / np.arange(1, len(one.true) + 1)
        envelope = np.append(np.maximum.accumulate(precision[::-1])[::-1], 0)
        sampled = envelope[np.searchsorted(recall, np.linspace(0, 1, 101))]
        np.testing.assert_allclose(sampled, evaluation.eval["precision"][5, :, k, 0, -1])


def test_overlaps_by_hand() -> None:
    objects = [
        row(0, 7, [0, 0, 10, 10]),
        row(0, 3, [100, 100, 50, 50], iscrowd=1),
        row(0, 3, [0, 0, 10, 5]),
    ]
    found = [
        row(0, 7, [0, 0, 10, 8], score=0.5),
        row(0, 3, [110, 110, 10, 10], score=0.9),
        row(0, 7, [110, 110, 10, 10], score=0.8),  # a crowd of another class
        row(2, 3, [0, 0, 10, 10], score=0.6),
    ]
    first, second, third = image_overlaps(evaluated(objects, found), 0.5, np.arange(4) / 10)
    assert first.scores.tolist() == [0.9, 0.8, 0.5]
    assert first.labels.tolist() == [0, 1, 1]  # of the categories 3 and 7
    assert first.truth_labels.tolist() == [0, 1]
    np.testing.assert_allclose(first.ious, [[0, 0], [0, 0], [5 / 8, 0.8]])
    assert first.excused.tolist() == [True, False, False]
    assert first.iou_scores == pytest.approx([0.1, 0.2, 0.0])
    assert second.ious.shape == (0, 0)
    assert third.ious.shape == (1, 0)
    assert third.iou_scores == pytest.approx([0.3])
