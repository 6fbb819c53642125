"""Landmark errors: values by hand, and a slow oracle."""

import numpy as np
import pytest

from mmeiou.evaluation.landmark_error import (
    LandmarkImage,
    NormalisedErrors,
    landmark_errors,
    match_faces,
)

NAN = float("nan")


def image(found=(), truths=(), ignore=None, num_points=2):
    """``found``: box, score, points; ``truths``: box, points with weights."""
    boxes, scores, points = zip(*found, strict=True) if found else ((), (), ())
    gt_boxes, gt_points = zip(*truths, strict=True) if truths else ((), ())
    return LandmarkImage(
        np.array(boxes, float).reshape(-1, 4),
        np.array(scores, float),
        np.array(points, float).reshape(len(boxes), num_points, 2),
        np.array(gt_boxes, float).reshape(-1, 4),
        np.array(gt_points, float).reshape(len(gt_boxes), num_points, 3),
        np.zeros(len(gt_boxes), bool) if ignore is None else np.array(ignore),
    )


BOX, FAR = [0, 0, 40, 10], [100, 100, 140, 110]  # of the side sqrt(400) = 20
TRUTH = [[10, 5, 1], [20, 5, 1]]  # 10 apart


def test_one_face_by_hand():
    # 3-4-5: the first point is off by 5, the second by 1.
    errors = landmark_errors([image([(BOX, 0.9, [[13, 9], [20, 6]])], [(BOX, TRUTH)])])
    assert errors.pixels.tolist() == [[5, 1]]
    assert (errors.found, errors.missed) == (1, 0)
    by_eyes, by_box = errors.by_points(0, 1), errors.by_box()
    assert by_eyes.of_points == pytest.approx([0.5, 0.1])
    assert by_eyes.nme == pytest.approx(0.3)
    assert by_box.nme == pytest.approx(0.15)
    assert errors.by(np.array([30.0])).nme == pytest.approx(0.1)
    assert by_eyes.failure_rate(0.29) == 1
    assert by_eyes.failure_rate(0.31) == 0
    assert by_eyes.auc(0.4) == pytest.approx(0.25)
    assert by_eyes.auc(0.1) == 0


def test_means_are_of_faces_and_of_points():
    # Faces of errors 0.1 (one point labelled) and 0.4; the unlabelled point counts nowhere.
    errors = NormalisedErrors(np.array([[0.1, NAN], [0.6, 0.2], [NAN, NAN]]))
    assert errors.of_faces == pytest.approx([0.1, 0.4])
    assert errors.nme == pytest.approx(0.25)
    assert errors.of_points == pytest.approx([0.35, 0.2])
    assert errors.failure_rate(0.3) == 0.5
    assert errors.auc(0.2) == pytest.approx(0.25)


def test_eyes_at_one_place_are_no_unit():
    errors = landmark_errors([image([(BOX, 0.9, [[10, 5], [10, 6]])], [(BOX, [[10, 5, 1]] * 2)])])
    assert errors.by_points(0, 1).errors.shape == (0, 2)
    assert errors.by_box().nme == pytest.approx(0.025)


def test_perfect_and_nothing():
    perfect = NormalisedErrors(np.zeros((3, 5)))
    assert (perfect.nme, perfect.failure_rate(), perfect.auc()) == (0, 0, 1)
    nothing = landmark_errors([image()])
    assert np.isnan([nothing.found, nothing.by_box().nme, nothing.by_box().auc()]).all()
    assert np.isnan(nothing.by_points(0, 1).of_points).tolist() == [True, True]


@pytest.mark.parametrize("threshold", [0.05, 0.1, 0.3])
def test_auc_is_the_area_under_the_curve(threshold):
    errors = np.random.default_rng(0).gamma(2, 0.05, (200, 1))
    xs = (np.arange(20_000) + 0.5) / 20_000 * threshold
    share = [(errors <= x).mean() for x in xs]
    assert NormalisedErrors(errors).auc(threshold) == pytest.approx(np.mean(share), abs=1e-4)


def test_missed_faces_have_no_error():
    errors = landmark_errors(
        [
            image([(BOX, 0.9, [[10, 5], [20, 5]])], [(BOX, TRUTH), (FAR, TRUTH)]),
            image([(BOX, 0.2, [[10, 5], [20, 5]])], [(BOX, TRUTH)]),  # below the score
            image([], [(BOX, TRUTH)]),
        ]
    )
    assert (errors.missed, errors.found) == (3, 0.25)
    assert errors.by_box().nme == 0
    assert (errors.image.tolist(), errors.face.tolist()) == ([0], [0])


def test_what_is_ignored_or_not_labelled_is_neither_found_nor_missed():
    found = [(BOX, 0.9, [[0, 0], [0, 0]]), (FAR, 0.9, [[101, 100], [0, 0]])]
    unlabelled, half = [[-1, -1, -1], [0, 0, 0]], [[100, 100, 2], [0, 0, 0]]
    errors = landmark_errors(
        [
            image(found, [(BOX, TRUTH), (FAR, half)], ignore=[True, False]),
            image(found, [(BOX, unlabelled)]),
            image([], [(BOX, unlabelled)]),
            image([], [(BOX, TRUTH)], ignore=[True]),
        ]
    )
    assert (errors.found, errors.missed) == (1, 0)
    assert (errors.image.tolist(), errors.face.tolist()) == ([0], [1])
    np.testing.assert_equal(errors.pixels, [[1, NAN]])
    assert np.isnan(errors.by_points(0, 1).nme)  # an eye is not labelled
    assert errors.by_box().nme == pytest.approx(1 / 20)


def test_the_best_scored_chooses_first_and_one_to_one():
    faces = np.array([[0.0, 0, 10, 10], [0, 4, 10, 14]])
    # The first overlaps face 0 by 9/11 and face 1 by 5/15, the second face 0 by 1 and face 1 by
    # 6/14; the third face 1 by 8/12.
    boxes = np.array([[0.0, -1, 10, 9], [0, 0, 10, 10], [0, 6, 10, 16]])
    assert match_faces(boxes, np.array([0.9, 0.8, 0.7]), faces).tolist() == [0, 2]
    assert match_faces(boxes, np.array([0.8, 0.9, 0.7]), faces).tolist() == [1, 2]
    # Face 0 taken, the second takes face 1 where 6/14 is enough.
    assert match_faces(boxes, np.array([0.9, 0.8, 0.7]), faces, 0.4).tolist() == [0, 1]


def test_an_iou_of_exactly_the_threshold_is_a_match():
    face = np.array([[0.0, 0, 10, 10]])
    assert match_faces(np.array([[0.0, 0, 10, 5]]), np.ones(1), face).tolist() == [0]
    assert match_faces(np.array([[0.0, 0, 10, 4.9]]), np.ones(1), face).tolist() == [-1]
    assert match_faces(np.zeros((0, 4)), np.zeros(0), face).tolist() == [-1]
    assert match_faces(face, np.ones(1), np.zeros((0, 4))).tolist() == []


def slow_match(boxes, scores, faces, iou_thr):
    found = [-1] * len(faces)
    for d in sorted(range(len(boxes)), key=lambda d: -scores[d]):
        best, best_iou = None, iou_thr
        for f, face in enumerate(faces):
            w = min(boxes[d][2], face[2]) - max(boxes[d][0], face[0])
            h = min(boxes[d][3], face[3]) - max(boxes[d][1], face[1])
            inter = max(w, 0) * max(h, 0)
            areas = [(b[2] - b[0]) * (b[3] - b[1]) for b in (boxes[d], face)]
            iou = inter / (sum(areas) - inter)
            if found[f] < 0 and iou >= best_iou:
                best, best_iou = f, iou
        if best is not None:
            found[best] = d
    return found


@pytest.mark.parametrize("seed", range(20))
def test_matching_against_loops(seed):
    rng = np.random.default_rng(seed)
    boxes, faces = (np.tile(rng.uniform(0, 30, (n, 2)), 2) for n in (15, 8))
    boxes[:, 2:] += rng.uniform(8, 15, (15, 2))
    faces[:, 2:] += rng.uniform(8, 15, (8, 2))
    scores = rng.random(15)
    for iou_thr in (0.1, 0.5):
        expected = slow_match(boxes, scores, faces, iou_thr)
        assert match_faces(boxes, scores, faces, iou_thr).tolist() == expected


def test_arrays_that_do_not_fit():
    with pytest.raises(ValueError, match=r"keypoints of the shape \(0, 3, 2\), expected \(0, 2, 2"):
        LandmarkImage(
            np.zeros((0, 4)), np.zeros(0), np.zeros((0, 3, 2)),
            np.zeros((0, 4)), np.zeros((0, 2, 3)), np.zeros(0, bool),
        )  # fmt: skip
