"""OKS and its AP, by hand and against pycocotools' own loops."""

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from mmeiou.evaluation.landmark_error import LandmarkImage
from mmeiou.evaluation.oks import FACE_SIGMA, oks, oks_ap

SIGMAS = np.full(2, FACE_SIGMA)
BOX = np.array([[0.0, 0, 40, 10]])  # of the side sqrt(400) = 20
TRUTH = np.array([[[10.0, 5, 1], [20, 5, 1]]])


def one(points, score=0.9, truth=TRUTH, ignore=False):
    """An image of one face and one detection."""
    return LandmarkImage(
        BOX, np.array([score]), np.array([points], float), BOX, truth, np.array([ignore])
    )


def test_a_tenth_of_the_side():
    # Off by 2 of 20 pixels, and by nothing.
    found = oks(np.array([[[12.0, 5], [20, 5]]]), TRUTH, BOX, SIGMAS)
    assert found == pytest.approx((np.exp(-0.5) + 1) / 2)
    # What is not labelled counts nowhere.
    half = TRUTH.copy()
    half[0, 1] = 0
    assert oks(np.array([[[12.0, 5], [90, 90]]]), half, BOX, SIGMAS) == pytest.approx(np.exp(-0.5))


def test_shapes():
    assert oks(np.zeros((0, 2, 2)), TRUTH, BOX, SIGMAS).shape == (0, 1)
    found = oks(np.zeros((3, 2, 2)), np.zeros((0, 2, 3)), np.zeros((0, 4)), SIGMAS)
    assert found.shape == (3, 0)


def test_ap_by_hand():
    right, wrong = [[10, 5], [20, 5]], [[90, 5], [90, 5]]
    assert oks_ap([one(right)], SIGMAS) == pytest.approx(1)
    assert oks_ap([one(wrong)], SIGMAS) == 0
    # Two faces, one found: precision 1 at the 51 recalls 0, 0.01 to 0.50 of 101.
    assert oks_ap([one(right), one(wrong, 0.8)], SIGMAS) == pytest.approx(51 / 101)
    # The wrong one first: precision 1/2 there.
    assert oks_ap([one(right, 0.8), one(wrong)], SIGMAS) == pytest.approx(51 / 202)
    # OKS (exp(-0.5) + 1) / 2 = 0.803 reaches 0.50 to 0.80: seven of ten.
    assert oks_ap([one([[12, 5], [20, 5]])], SIGMAS) == pytest.approx(0.7)


def test_ignored_and_unlabelled_faces():
    right, wrong = [[10, 5], [20, 5]], [[90, 5], [90, 5]]
    ignored, unlabelled = one(right, ignore=True), one(right, truth=TRUTH * 0)
    assert np.isnan(oks_ap([ignored, unlabelled], SIGMAS))
    assert oks_ap([ignored, unlabelled, one(right, 0.1)], SIGMAS) == pytest.approx(1)
    # A detection elsewhere is false, of a best score: precision 1/2.
    elsewhere = one(wrong, 0.95, ignore=True)
    assert oks_ap([elsewhere, one(right, 0.1)], SIGMAS) == pytest.approx(0.5)


def test_nothing_found():
    empty = LandmarkImage(
        np.zeros((0, 4)), np.zeros(0), np.zeros((0, 2, 2)), BOX, TRUTH, np.zeros(1, bool)
    )
    assert oks_ap([empty], SIGMAS) == 0


def crowd(rng, num_points):
    """A random image, of points near the labelled ones."""
    m, extra = 6, 4
    low = rng.uniform(0, 100, (m, 2))
    truths = np.concatenate([low, low + rng.uniform(10, 40, (m, 2))], axis=1)
    size = (truths[:, 2:] - truths[:, :2])[:, None]
    points = low[:, None] + rng.random((m, num_points, 2)) * size
    weights = rng.integers(0, 3, (m, num_points, 1))
    weights[0] = 0
    found = np.concatenate([points, points[:extra]])
    found = found + rng.normal(0, 2, found.shape)
    boxes = np.concatenate([truths, truths[:extra]])
    keypoints = np.concatenate([points * (weights > 0), weights], axis=2)
    scores = rng.random(m + extra)
    return LandmarkImage(boxes, scores, found, truths, keypoints, np.arange(m) == 1)


def by_pycocotools(images, sigmas):
    """AP and similarities by the library's own functions and format."""
    truth, detected = COCO(), COCO()
    truth.dataset = {"images": [{"id": i} for i in range(len(images))], "categories": [{"id": 1}]}
    truth.dataset["annotations"], found = [], []
    for i, image in enumerate(images):
        for box, points, ignore in zip(
            image.gt_bboxes, image.gt_keypoints, image.gt_ignore, strict=True
        ):
            size = box[2:] - box[:2]
            truth.dataset["annotations"].append(
                {
                    "id": len(truth.dataset["annotations"]) + 1,
                    "image_id": i,
                    "category_id": 1,
                    "bbox": [*box[:2], *size],
                    "area": size.prod(),
                    "iscrowd": int(ignore),
                    "keypoints": points.ravel(),
                    "num_keypoints": int((points[:, 2] > 0).sum()),
                }
            )
        for score, points in zip(image.scores, image.keypoints, strict=True):
            xyv = np.concatenate([points, np.ones((len(points), 1))], axis=1)
            entry = {"image_id": i, "category_id": 1, "keypoints": xyv.ravel().tolist()}
            found.append({**entry, "score": score, "area": 1, "id": len(found) + 1})
    truth.createIndex()
    detected.dataset = {**truth.dataset, "annotations": found}
    detected.createIndex()
    evaluation = COCOeval(truth, detected, "keypoints")
    evaluation.params.kpt_oks_sigmas = sigmas
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    return evaluation.stats[0], evaluation.ious


@pytest.mark.parametrize("num_points", [1, 5, 17])
def test_against_pycocotools(num_points):
    rng = np.random.default_rng(num_points)
    sigmas = rng.uniform(0.02, 0.1, num_points)
    images = [crowd(rng, num_points) for _ in range(8)]
    ap, similarities = by_pycocotools(images, sigmas)
    assert 0.1 < ap < 0.95
    assert oks_ap(images, sigmas) == pytest.approx(ap)
    for i, image in enumerate(images):
        order = np.argsort(-image.scores)
        ours = oks(image.keypoints[order], image.gt_keypoints, image.gt_bboxes, sigmas)
        np.testing.assert_allclose(ours, similarities[i, 1], rtol=1e-9, atol=1e-12)
