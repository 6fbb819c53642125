"""The .pts files of 300-W."""

import numpy as np
import pytest
from label_views import points

from mmeiou.labels import LabelError, Source, read_labels
from mmeiou.labels.formats.pts import read
from mmeiou.labels.landmarks import FACE_LANDMARKS

# 68 points by hand: all at (50, 50) but those that count, and two corners of the box.
FACE = np.full((68, 2), 50.0)
FACE[0], FACE[8] = (20, 40), (60, 90)
FACE[36:42] = [(30, 40), (32, 38), (34, 38), (36, 40), (34, 42), (32, 42)]  # mean 33, 40
FACE[42:48] = [(42, 41), (44, 39), (46, 39), (48, 41), (46, 43), (44, 43)]  # mean 45, 41
FACE[30], FACE[48], FACE[54] = (40, 52), (35, 70), (45, 71)


def pts(face=FACE, head="version: 1\nn_points:  68\n{\n", tail="}\n"):
    return head + "".join(f"{x} {y}\n" for x, y in face) + tail


@pytest.fixture
def labels(tmp_path):
    folder = tmp_path / "labels"
    (folder / "sub").mkdir(parents=True)
    (folder / "a.pts").write_text(pts())
    return folder


def test_five_points_and_a_box(source, labels):
    (labels / "sub/b.pts").write_text(pts(FACE + 1))
    found = read(source())
    first, second = found.images
    assert (first.file, first.size, second.file) == ("a.jpg", (200, 100), "sub/b.png")
    assert first.bboxes.tolist() == [[20, 38, 60, 90]]
    assert (found.classes, found.landmarks) == (("face",), FACE_LANDMARKS)
    assert found.flip_pairs == ((0, 1), (3, 4))
    assert points(found) == {
        "right_eye": (33, 40, 2),
        "left_eye": (45, 41, 2),
        "nose": (40, 52, 2),
        "right_mouth_corner": (35, 70, 2),
        "left_mouth_corner": (45, 71, 2),
    }
    np.testing.assert_allclose(second.keypoints[..., :2], first.keypoints[..., :2] + 1)


def test_each_of_the_68_has_its_part(source, labels):
    """Moving a point moves the landmark it belongs to by its share, and no other."""
    members = dict.fromkeys(range(36, 42), (0, 6)) | dict.fromkeys(range(42, 48), (1, 6))
    members |= {30: (2, 1), 48: (3, 1), 54: (4, 1)}
    before = read(source()).images[0].keypoints[0, :, 0]
    for index in range(68):
        moved = FACE.copy()
        moved[index, 0] += 6
        (labels / "a.pts").write_text(pts(moved))
        expected = np.zeros(5)
        if index in members:
            landmark, count = members[index]
            expected[landmark] = 6 / count
        after = read(source()).images[0].keypoints[0, :, 0]
        np.testing.assert_allclose(after - before, expected, atol=1e-12)


def test_pixels_from_one(source, labels):
    assert labels.is_dir()
    image = read(source(), one_based=True).images[0]
    assert image.bboxes.tolist() == [[19, 37, 59, 89]]
    assert image.keypoints[0, 2].tolist() == [39, 51, 2]


def test_a_single_file_without_images(labels):
    found = read(Source(labels / "a.pts"))
    assert (found.images[0].file, found.images[0].size) == ("a", None)


def test_it_is_recognised(labels):
    for path in (labels, labels / "a.pts"):
        assert len(read_labels(path).images) == 1


def test_chosen_landmarks(source, labels):
    assert labels.is_dir()
    found = read(source(landmarks=("nose", "left_eye")))
    assert points(found) == {"nose": (40, 52, 2), "left_eye": (45, 41, 2)}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"a.pts: not of 300-W: expected points"),
        (pts(head="version: 1\n"), r"a.pts: not of 300-W"),
        (pts(tail=""), r"a.pts: not of 300-W"),
        (pts(FACE[:67]), r"a.pts: 67 points, expected 68"),
        (pts(FACE[:5]), r"a.pts: 5 points, expected 68"),
        (pts().replace("40.0 52.0", "40.0 x"), r"a.pts:34: y: 'x', expected a number"),
        (pts().replace("40.0 52.0", "40.0 nan"), r"a.pts:34: y: nan, expected a finite number"),
        (pts().replace("40.0 52.0", "40.0"), r"a.pts:34: '40.0', expected x and y"),
        (pts().replace("40.0 52.0", "40 52 1"), r"a.pts:34: '40 52 1', expected x and y"),
        (pts(FACE * 0 + 5), r"a.pts: a box of width 0 and height 0"),
        (pts(FACE + 300), r"a.pts: box .* lies outside its image"),
    ],
)
def test_bad_files(source, labels, text, message):
    (labels / "a.pts").write_text(text)
    with pytest.raises(LabelError, match=message) as caught:
        read(source())
    assert str(caught.value).startswith(f"{labels / 'a.pts'}:")


def test_missing_image(source, labels):
    (labels / "c.pts").write_text(pts())
    with pytest.raises(LabelError, match=r"c.pts: its image .*c does not exist"):
        read(source())
