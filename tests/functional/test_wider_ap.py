"""WIDER FACE average precision against hand-derived values and a naive oracle."""

import itertools

import numpy as np
import pytest
from helpers.boxes import naive_iou

from mmeiou.functional import wider_ap as module
from mmeiou.functional.wider_ap import (
    FaceImage,
    WIDERProtocol,
    best_faces,
    interpolated_ap,
    wider_ap,
    wider_pr_curves,
)

FACE = [10, 10, 19, 19]
OTHER_FACE = [40, 40, 49, 49]
NOWHERE = [70, 70, 79, 79]


def image(detections, faces=(), kept=None):
    """detections: (box, score) pairs; kept: one subset's flags, by default all faces."""
    boxes = np.array([box for box, _ in detections], dtype=np.float64).reshape(-1, 4)
    scores = np.array([score for _, score in detections], dtype=np.float64)
    kept = [1] * len(faces) if kept is None else kept
    faces = np.array(faces, dtype=np.float64).reshape(-1, 4)
    return FaceImage(boxes, scores, faces, np.array([kept], dtype=bool))


# --- The oracle: the protocol detection by detection, threshold by threshold, in plain Python.


def naive_history(im, subset, iou_thr):
    """Of each detection in score order: score, whether it is proposed, faces recalled by then."""
    recalled, history = set(), []
    for k in sorted(range(len(im.scores)), key=lambda k: -im.scores[k]):
        best, best_iou = None, -1.0
        for f, face in enumerate(im.faces.tolist()):
            iou = naive_iou(im.boxes[k].tolist(), face, offset=1)
            if iou > best_iou:
                best, best_iou = f, iou
        found = best is not None and best_iou >= iou_thr
        ignored = found and not im.kept[subset, best]
        if found and not ignored:
            recalled.add(best)
        history.append((im.scores[k], not ignored, len(recalled)))
    return history


def naive_ap(images, subset, iou_thr, skip_faceless):
    scores = [score for im in images for score in im.scores]
    low, high = min(scores), max(scores)
    faces_total = sum(int(im.kept[subset].sum()) for im in images)
    proposed, recalled = [0] * 1000, [0] * 1000
    for im in images:
        if len(im.faces) == 0 and skip_faceless:
            continue
        history = naive_history(im, subset, iou_thr)
        for t in range(1000):
            above = [h for h in history if (h[0] - low) / (high - low) >= 1 - (t + 1) / 1000]
            if above:
                proposed[t] += sum(counts for _, counts, _ in above)
                recalled[t] += above[-1][2]
    curve = [
        (r / faces_total, r / p if p else 0.0) for r, p in zip(recalled, proposed, strict=True)
    ]
    ap, previous = 0.0, 0.0
    for t, (recall, _) in enumerate(curve):
        ap += (recall - previous) * max(p for _, p in curve[t:])
        previous = recall
    return ap


def random_image(rng):
    """Whole coordinates on a small canvas and few score levels: many exact ties."""
    m, n = rng.integers(0, 5), rng.integers(0, 9)
    corners = rng.integers(0, 20, (m, 2))
    faces = np.concatenate([corners, corners + rng.integers(0, 8, (m, 2))], axis=1)
    if m:  # near the faces, some inverted
        near = faces[rng.integers(0, m, n)] + rng.integers(-2, 3, (n, 4))
    else:
        near = rng.integers(0, 20, (n, 4))
    scores = rng.integers(0, 6, n) / 8
    return FaceImage(near.astype(float), scores, faces.astype(float), rng.random((3, m)) < 0.6)


@pytest.mark.parametrize(
    ("seed", "iou_thr", "skip_faceless"),
    list(itertools.product(range(8), (0.3, 0.5), (True, False))),
)
def test_equals_naive_oracle(seed, iou_thr, skip_faceless):
    rng = np.random.default_rng(seed)
    images = [random_image(rng) for _ in range(10)]
    expected = [naive_ap(images, subset, iou_thr, skip_faceless) for subset in range(3)]
    assert any(0 < ap < 1 for ap in expected)
    got = wider_ap(images, WIDERProtocol(iou_thr, skip_faceless=skip_faceless))
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-12)


def test_equals_naive_oracle_on_fractions():
    rng = np.random.default_rng(0)
    images = []
    for _ in range(8):
        corners = rng.uniform(-20, 100, (12, 2))
        faces = np.concatenate([corners, corners + rng.uniform(1, 60, (12, 2))], axis=1)
        boxes = faces[rng.integers(0, 12, 30)] + rng.normal(0, 4, (30, 4))
        images.append(FaceImage(boxes, rng.normal(size=30), faces, rng.random((3, 12)) < 0.7))
    expected = [naive_ap(images, subset, 0.5, skip_faceless=True) for subset in range(3)]
    np.testing.assert_allclose(wider_ap(images), expected, rtol=0, atol=1e-12)


def test_blocks_of_pairs_do_not_change_the_matching(monkeypatch):
    rng = np.random.default_rng(1)
    images = [random_image(rng) for _ in range(20)]
    whole = wider_ap(images)
    monkeypatch.setattr(module, "_MAX_PAIRS", 3)
    assert wider_ap(images) == whole


# --- Values derived by hand.


def test_three_detections():
    # Scores 1, 0.5, 0 after normalisation: right, wrong, right. Recall 1/2 at precision 1, then
    # recall 1 at 2/3: AP = 1/2 * 1 + 1/2 * 2/3 = 5/6.
    detections = [(FACE, 0.9), (NOWHERE, 0.6), (OTHER_FACE, 0.3)]
    assert wider_ap([image(detections, [FACE, OTHER_FACE])]) == [pytest.approx(5 / 6)]


def test_false_positive_first():
    # Precision is 0, then 1/2 at recall 1.
    assert wider_ap([image([(NOWHERE, 0.9), (FACE, 0.1)], [FACE])]) == [pytest.approx(1 / 2)]


def test_face_is_found_once():
    # The second detection of the first face is wrong, as in the three detections above.
    detections = [(FACE, 0.9), (FACE, 0.6), (OTHER_FACE, 0.3)]
    assert wider_ap([image(detections, [FACE, OTHER_FACE])]) == [pytest.approx(5 / 6)]


def test_ignored_face_counts_neither_way():
    detections = [(OTHER_FACE, 0.9), (OTHER_FACE, 0.8), (FACE, 0.3)]
    assert wider_ap([image(detections, [FACE, OTHER_FACE], kept=[1, 0])]) == [1.0]


def test_detection_goes_to_its_best_face_even_if_ignored():
    # IoU 1 with the ignored face, 90 / 110 with the kept one, which therefore stays missed.
    shifted = [11, 10, 20, 19]
    assert wider_ap([image([(FACE, 0.9)], [shifted, FACE], kept=[1, 0])]) == [0.0]


def test_both_end_pixels_count():
    # 10 x 10 and 10 x 5 pixels: IoU exactly 0.5. Without the +1 it would be 36 / 81.
    half = [10, 10, 19, 14]
    faces = np.array([FACE], dtype=float)
    assert best_faces(np.array([half], dtype=float), faces, 0.5).tolist() == [0]
    assert best_faces(np.array([half], dtype=float), faces, 0.5001).tolist() == [-1]


def test_best_face_is_the_first_of_equals():
    faces = np.array([NOWHERE, FACE, FACE], dtype=float)
    assert best_faces(np.array([FACE], dtype=float), faces, 0.5).tolist() == [1]


def test_inverted_box_matches_nothing():
    # 1 - 7 + 1 = -5 pixels wide, 5 high: areas 25 and -25, so a union of 0.
    inverted = np.array([[7.0, 0.0, 1.0, 4.0]])
    with np.errstate(all="raise"):
        assert best_faces(inverted, np.array([[0.0, 0.0, 4.0, 4.0]]), 0.5).tolist() == [-1]


def test_detections_of_an_image_go_in_score_order():
    # File order would recall the face at the low score first; score order finds it at once.
    assert wider_ap([image([(NOWHERE, 0.1), (FACE, 0.9)], [FACE])]) == [1.0]


def test_equal_scores_keep_their_order():
    # Which of two detections recalls the face does not matter to AP, but both are read together:
    # precision 1/2 at recall 1.
    detections = [(FACE, 0.5), (NOWHERE, 0.5)]
    assert wider_ap([image(detections, [FACE])]) == [pytest.approx(1 / 2)]


def test_scores_within_a_threshold_step_are_read_together():
    # Normalised 1 and 0.9995 both first reach 0.999; 0.9985 comes one step later.
    lowest = (NOWHERE, 0.0)
    close = [(FACE, 1.0), (NOWHERE, 0.9995), lowest]
    apart = [(FACE, 1.0), (NOWHERE, 0.9985), lowest]
    assert wider_ap([image(close, [FACE])]) == [pytest.approx(1 / 2)]
    assert wider_ap([image(apart, [FACE])]) == [1.0]


def test_scores_are_normalised_over_the_whole_set():
    # 10, 8, 0 become 1, 0.8, 0: the face comes first. Within each image, or not normalised at all,
    # the first two would be read together.
    right = image([(FACE, 10.0)], [FACE])
    wrong = image([(NOWHERE, 8.0), (NOWHERE, 0.0)], [OTHER_FACE], kept=[0])
    assert wider_ap([wrong, right]) == [1.0]


def test_ap_does_not_depend_on_the_scale_of_scores():
    rng = np.random.default_rng(2)
    images = [random_image(rng) for _ in range(20)]
    scaled = [FaceImage(i.boxes, i.scores * 4 - 2, i.faces, i.kept) for i in images]
    assert wider_ap(scaled) == wider_ap(images)


def test_false_positives_on_faceless_images():
    faceless = image([(FACE, 0.9)])
    found = image([(FACE, 0.5)], [FACE])
    assert wider_ap([faceless, found], WIDERProtocol(skip_faceless=True)) == [1.0]
    assert wider_ap([faceless, found], WIDERProtocol(skip_faceless=False)) == [pytest.approx(0.5)]


def test_faces_of_images_without_detections_are_missed():
    assert wider_ap([image([(FACE, 0.9)], [FACE]), image([], [FACE])]) == [pytest.approx(1 / 2)]


def test_no_detections_at_all():
    assert wider_ap([image([], [FACE])]) == [0.0]


def test_subset_without_faces_is_nan():
    assert np.isnan(wider_ap([image([(FACE, 0.9)])])).all()


def test_curves_of_three_detections():
    detections = [(FACE, 1.0), (NOWHERE, 0.5), (OTHER_FACE, 0.0)]
    recall, precision = wider_pr_curves([image(detections, [FACE, OTHER_FACE])])
    assert recall.shape == precision.shape == (1, 1000)
    # Thresholds 0.999 .. 0.501 hold one detection, 0.5 .. 0.001 two, 0 three.
    np.testing.assert_array_equal(recall[0, [0, 498, 499, 998, 999]], [0.5, 0.5, 0.5, 0.5, 1])
    np.testing.assert_allclose(precision[0, [0, 498, 499, 998, 999]], [1, 1, 1 / 2, 1 / 2, 2 / 3])


def test_interpolated_ap_takes_the_envelope():
    # Precision 0.5 at recall 0.2 is lifted to 0.8: 0.6 * 0.8, and nothing beyond recall 0.6.
    assert interpolated_ap(np.array([0.2, 0.6]), np.array([0.5, 0.8])) == pytest.approx(0.48)


# --- Bad input.


@pytest.mark.parametrize("iou_thr", [0, -0.5, 1.1, float("nan")])
def test_iou_threshold_out_of_range(iou_thr):
    with pytest.raises(ValueError, match="iou_thr must be in"):
        WIDERProtocol(iou_thr)


@pytest.mark.parametrize("broken", ["boxes", "scores", "faces", "kept"])
def test_shapes_must_fit(broken):
    arrays = {
        "boxes": np.zeros((2, 4)),
        "scores": np.zeros(2),
        "faces": np.zeros((3, 4)),
        "kept": np.zeros((1, 3), dtype=bool),
    }
    FaceImage(**arrays)
    arrays[broken] = arrays[broken][..., :-1]
    with pytest.raises(ValueError, match=r"must have the shapes .* got"):
        FaceImage(**arrays)


def test_needs_images_of_the_same_subsets():
    with pytest.raises(ValueError, match="at least one image"):
        wider_ap([])
    two = FaceImage(np.zeros((0, 4)), np.zeros(0), np.zeros((0, 4)), np.zeros((2, 0), dtype=bool))
    with pytest.raises(ValueError, match="same subsets"):
        wider_ap([image([], [FACE]), two])


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("name", ["boxes", "scores", "faces"])
def test_what_is_not_finite_has_no_ap(name, value):
    parts = {"boxes": np.ones((1, 4)), "scores": np.ones(1), "faces": np.ones((1, 4))}
    parts[name].flat[-1] = value
    with pytest.raises(ValueError, match="must be finite"):
        FaceImage(**parts, kept=np.ones((1, 1), dtype=bool))
