"""Missed and false faces of an image."""

import numpy as np
from helpers.boxes import naive_iou
from hypothesis import given
from hypothesis import strategies as st

from mmeiou.evaluation.face_errors import face_errors
from mmeiou.functional.wider_ap import FaceImage

NEAR, FAR = [0.0, 0, 9, 9], [50.0, 50, 59, 59]


def image(boxes, scores, faces, kept) -> FaceImage:
    return FaceImage(
        np.array(boxes, float).reshape(-1, 4),
        np.array(scores, float),
        np.array(faces, float).reshape(-1, 4),
        np.atleast_2d(np.array(kept, bool)),
    )


def test_best_scored_finds_the_face_the_second_is_false() -> None:
    found, false, missed = face_errors(
        image([NEAR, NEAR, [80, 80, 89, 89]], [0.5, 0.9, 0.4], [NEAR, FAR], [1, 1])
    )
    assert found.tolist() == [False, True, False]
    assert false.tolist() == [True, False, True]
    assert missed.tolist() == [False, True]


def test_what_lies_below_the_threshold_is_nothing() -> None:
    one = image([NEAR, FAR], [0.29, 0.3], [NEAR, FAR], [1, 1])
    found, false, missed = face_errors(one, score_thr=0.3)
    assert (found.tolist(), false.tolist(), missed.tolist()) == (
        [False, True],
        [False, False],
        [True, False],
    )


def test_faces_outside_the_subset_are_neither_missed_nor_false() -> None:
    one = image([NEAR, NEAR], [0.9, 0.8], [NEAR, FAR], [[0, 0], [1, 1]])
    errors = face_errors(one, subset=0)
    assert not any(part.any() for part in errors)
    assert face_errors(one).missed.tolist() == [False, True]


def test_an_image_without_faces_or_detections() -> None:
    assert face_errors(image([NEAR], [0.9], [], [])).false.tolist() == [True]
    assert face_errors(image([], [], [NEAR], [1])).missed.tolist() == [True]


@given(st.data())
def test_every_face_is_found_or_missed(data: st.DataObject) -> None:
    """Against a loop over detections in the order of their scores."""
    corner = st.integers(0, 30)
    boxes = data.draw(st.lists(st.tuples(corner, corner, st.sampled_from([5, 9])), max_size=6))
    faces = data.draw(st.lists(st.tuples(corner, corner, st.sampled_from([5, 9])), max_size=5))
    scores = data.draw(
        st.lists(st.sampled_from([0.1, 0.4, 0.8]), min_size=len(boxes), max_size=len(boxes))
    )
    kept = data.draw(st.lists(st.booleans(), min_size=len(faces), max_size=len(faces)))
    squares = [[(x, y, x + s, y + s) for x, y, s in some] for some in (boxes, faces)]
    found, false, missed = face_errors(image(squares[0], scores, squares[1], kept))

    open_faces = {k for k, keep in enumerate(kept) if keep}
    for i in sorted(range(len(boxes)), key=lambda i: -scores[i]):
        if scores[i] < 0.3:
            assert not found[i] | false[i]
            continue
        ious = [naive_iou(squares[0][i], face, offset=1) for face in squares[1]]
        best = int(np.argmax(ious)) if ious and max(ious) >= 0.5 else None
        assert found[i] == (best in open_faces)
        ignored = best is not None and not kept[best]
        assert false[i] == (not found[i] and not ignored)
        open_faces.discard(best)
    assert set(np.flatnonzero(missed).tolist()) == open_faces
