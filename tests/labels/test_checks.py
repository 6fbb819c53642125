"""Boxes that no detector can learn from."""

import pytest
from record_maker import image

from mmeiou.labels import LabelError
from mmeiou.labels.checks import usable
from mmeiou.labels.errors import Problems

GOOD = [
    [0, 0, 1, 1],
    [10, 20, 30, 40],
    [-50, -50, 150, 150],  # reaching beyond
    [99, 99, 120, 120],
    [-20, -20, 1, 1],
    [0, 0, 1 - 1e-9, 1],  # a pixel, but for rounding
]
SMALL = [
    [10, 20, 10, 40],
    [10, 20, 30, 20],
    [10, 20, 10.9, 40],
    [30, 20, 10, 40],
    [0.1, 0.2, 0.3, 0.4],
]
OUTSIDE = [[100, 0, 120, 9], [0, 100, 9, 120], [-20, 0, 0, 9], [0, -20, 9, 0]]


@pytest.mark.parametrize("box", GOOD)
def test_usable(box):
    problems = Problems()
    assert usable(image(bboxes=[box]), problems, "correct it").tolist() == [True]
    problems.check()


@pytest.mark.parametrize(
    ("boxes", "kind"), [(SMALL, "smaller than a pixel"), (OUTSIDE, "outside their image")]
)
def test_of_no_use(boxes, kind):
    problems = Problems(drop_bad_boxes=True)
    mixed = image(bboxes=[GOOD[0], *boxes, GOOD[1]])
    assert usable(mixed, problems, "").tolist() == [True, *[False] * len(boxes), True]
    assert problems.counted == {f"boxes {kind}, left out": len(boxes)}
    assert problems.left_out()[0].endswith("first labels.txt:2")


@pytest.mark.parametrize(
    ("box", "message"),
    [
        (
            [10, 20, 10.5, 40],
            r"^labels.txt:1: a box of width 0.5 and height 20, .*1 pixel; remedy$",
        ),
        ([0.1, 0.2, 0.3, 0.4], r"expected at least 1 pixel; are these parts of the image, not pix"),
        ([0.1, 0.2, 0.1, 0.4], r"of width 0 and height 0.2, expected at least 1 pixel; remedy$"),
        (
            [100, 0, 120, 9],
            r"^labels.txt:1: box 100 0 120 9 \(x1 y1 x2 y2\) lies outside its image",
        ),
    ],
)
def test_messages(box, message):
    problems = Problems()
    usable(image(bboxes=[box]), problems, "remedy")
    with pytest.raises(LabelError, match=message):
        problems.check()


def test_images_of_unknown_size_hold_any_box():
    boxes = image(bboxes=[*OUTSIDE, *SMALL], size=None)
    chosen = usable(boxes, Problems(), "").tolist()
    assert chosen == [True] * len(OUTSIDE) + [False] * len(SMALL)


@pytest.mark.parametrize("size", [(100, 100), None])
def test_no_boxes(size):
    assert usable(image(size=size), Problems(), "").tolist() == []
