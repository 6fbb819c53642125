import numpy as np
import pytest

from mmeiou.datasets.readers import LabelError, read_face_labels

TEXT = """0--Parade/a.jpg
2
10 20 30 40 0 0 0 0 0 0
1 2 3 4 2 0 0 1 0 0
0--Parade/empty.jpg
0
0 0 0 0 0 0 0 0 0 0
1--Handshaking/b.jpg
1
5 6 7 8 1 0 1 0 2 1
"""


@pytest.fixture
def read(tmp_path):
    def read(text, **options):
        (tmp_path / "gt.txt").write_text(text)
        return read_face_labels(tmp_path / "gt.txt", "wider", **options)

    return read


def test_boxes_and_invalid_flags(read):
    first, empty, last = read(TEXT)
    assert [label.image for label in (first, empty, last)] == [
        "0--Parade/a.jpg",
        "0--Parade/empty.jpg",
        "1--Handshaking/b.jpg",
    ]
    np.testing.assert_array_equal(first.boxes, [[10, 20, 40, 60], [1, 2, 4, 6]])
    # the eighth column alone says invalid: illumination and pose of b.jpg do not
    assert first.ignore.tolist() == [False, True]
    assert empty.boxes.shape == (0, 4)
    np.testing.assert_array_equal(last.boxes, [[5, 6, 12, 14]])
    assert last.ignore.tolist() == [False]
    assert last.size is None


@pytest.mark.parametrize(("asked", "given"), [(None, 0), (5, 5), (0, 0)])
def test_landmarks_are_never_labelled(read, asked, given):
    labels = read(TEXT, num_keypoints=asked)
    assert labels[0].keypoints.shape == (2, given, 3)
    assert not labels[0].keypoints.any()


def test_an_image_without_faces_may_lack_its_line_of_zeros(read):
    labels = read("a.jpg\n0\nb.jpg\n1\n1 2 3 4 0 0 0 0 0 0\nc.jpg\n0")
    assert [len(label.boxes) for label in labels] == [0, 1, 0]


def test_faces_without_area_are_dropped_with_a_count(read):
    text = TEXT.replace("1 2 3 4 2", "1 2 0 4 2").replace("5 6 7 8", "5 6 0 0")
    with pytest.warns(UserWarning, match=r"2 faces without area dropped.*gt.txt:4: box of width 0"):
        first, _, last = read(text)
    assert (len(first.boxes), len(first.ignore), len(last.boxes)) == (1, 1, 0)
    with pytest.raises(LabelError, match=r"gt.txt:4: box of width 0"):
        read(text, on_bad_box="error")


@pytest.mark.parametrize(
    ("old", "new", "line", "problem"),
    [
        ("a.jpg\n2", "a.jpg\n3", 5, "fewer than the 3 faces announced for 0--Parade/a.jpg"),
        ("a.jpg\n2", "a.jpg\n1", 4, "more faces than the count of 0--Parade/a.jpg"),
        ("2 0 0 1 0 0\n", "2 0 0 1 0 0\n" + "0 " * 10 + "\n", 5, "more faces than the count"),
        ("b.jpg\n1", "b.jpg\n2", 8, "fewer than the 2 faces announced"),
        ("b.jpg\n1", "b.jpg\none", 9, "expected the number of faces, found 'one'"),
        ("a.jpg\n2\n", "a.jpg\n", 2, "expected the number of faces, found '10 20"),
        ("0--Parade/a.jpg\n", "1 2 3 4 0 0 0 0 0 0\n", 1, "expected an image path"),
        ("40 0 0 0 0 0 0", "40 0 0 0 0 0", 3, "9 numbers in a face line, expected 10"),
        ("5 6 7 8", "5 6 7 nan", 10, "'nan' is not a finite number"),
        ("5 6 7 8", "five 6 7 8", 10, "'five' is not a finite number"),
        ("5 6 7 8", "5 6 seven 8", 10, "'seven' is not a finite number"),
        ("1\n5 6 7 8 1 0 1 0 2 1\n", "", 8, "without a count"),
    ],
)
def test_malformed_lines_are_named(read, tmp_path, old, new, line, problem):
    assert TEXT.count(old) == 1
    with pytest.raises(LabelError, match=problem) as caught:
        read(TEXT.replace(old, new))
    assert str(caught.value).startswith(f"{tmp_path / 'gt.txt'}:{line}: ")
