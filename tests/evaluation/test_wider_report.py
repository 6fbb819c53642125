"""Pairing predictions with labels, and the report."""

import numpy as np
import pytest

from mmeiou.evaluation.wider_report import evaluate, pair
from mmeiou.functional.wider_ap import WIDERProtocol
from mmeiou.labels import Detections, ImageLabels

BOX = np.array([[10.0, 10.0, 19.0, 19.0]])
FOUND = Detections(BOX, np.array([0.5]))


def labelled(boxes, kept):
    """Faces of an image, and which of them each subset keeps."""
    count = len(boxes)
    return ImageLabels(
        "e/a.jpg",
        None,
        bboxes=boxes,
        labels=np.zeros(count, dtype=np.int64),
        ignore=np.zeros(count, dtype=bool),
        keypoints=np.zeros((count, 0, 3)),
        subsets=np.array(kept, dtype=bool),
    )


TRUTH = {f"e/{name}": labelled(BOX, [[True]]) for name in "abcdef"}


def test_all_predicted():
    paired = pair(dict.fromkeys(TRUTH, FOUND), TRUTH)
    assert len(paired.images) == 6
    assert paired.warnings() == []


def test_missed_images_count_and_are_named():
    paired = pair({"e/a": FOUND, "e/c": FOUND}, TRUTH)
    assert paired.missed == ["e/b", "e/d", "e/e", "e/f"]
    assert paired.warnings() == [
        "4 of 6 images were not predicted, their faces count as missed: e/b, e/d, e/e, ..."
    ]
    assert evaluate(paired.images, ["AP"], WIDERProtocol()).ap == {"AP": pytest.approx(2 / 6)}


def test_unknown_images_are_left_out_and_named():
    # The stray would be a false positive at the highest score, and stretch the range of scores.
    stray = Detections(BOX + 50, np.array([99.0]))
    paired = pair({"e/stray": stray, **dict.fromkeys(TRUTH, FOUND)}, TRUTH)
    assert paired.warnings() == [
        "1 predicted images are not in the ground truth, their detections are left out: e/stray"
    ]
    report = evaluate(paired.images, ["AP"], WIDERProtocol())
    assert report.ap == {"AP": 1.0}
    assert report.num_detections == 6


def test_suspected_units_are_said():
    corner = Detections(np.array([[10.0, 10.0, 29.0, 29.0]]), np.array([0.5]))  # x1 y1 x2 y2 read
    (warning,) = pair(dict.fromkeys(TRUTH, corner), TRUTH).warnings()  # as x y w h
    assert "x1 y1 x2 y2 in place of x y w h" in warning


def test_nothing_in_common():
    with pytest.raises(ValueError, match=r"none of the 1 predicted images \(other/a\) is in .*e/a"):
        pair({"other/a": FOUND}, TRUTH)


def test_images_without_an_event_are_found_by_their_name():
    truth = {**TRUTH, "other/b": TRUTH["e/b"], "c": TRUTH["e/c"]}
    nothing = Detections(BOX[:0], np.zeros(0))
    paired = pair({"a": FOUND, "b": FOUND, "c": FOUND, "d": nothing, "e/d": FOUND}, truth)
    assert paired.unknown == ["b", "d"]  # two images are called so; predicted already
    assert paired.missed == ["e/b", "e/c", "e/e", "e/f", "other/b"]
    assert [len(image.scores) for image in paired.images] == [1, 0, 0, 1, 0, 0, 0, 1]


def test_report_tells_protocol_and_size():
    kept = [[True, False], [True, True]]
    truth = {"e/a": labelled(BOX.repeat(2, axis=0), kept), "e/b": labelled(BOX, [[True]] * 2)}
    paired = pair({"e/a": FOUND}, truth)
    report = evaluate(paired.images, ["easy", "hard"], WIDERProtocol(iou_thr=0.6))
    assert str(report) == (
        "WIDER FACE protocol: IoU >= 0.6 with the +1 pixel convention, scores min-max normalised "
        "over the whole set, 1000 thresholds, false positives on images without faces left out; "
        "2 images, 1 detections, faces: easy 2, hard 3"
    )


def test_subsets_must_be_named():
    with pytest.raises(ValueError, match="zip"):
        evaluate(pair({"e/a": FOUND}, TRUTH).images, ["easy", "hard"], WIDERProtocol())
