import numpy as np
import pytest

from mmeiou.labels import LabelError, Source, read_labels
from mmeiou.labels.errors import Problems

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
        return read_labels(tmp_path / "gt.txt", "wider", **options).images

    return read


def test_boxes_and_invalid_flags(read):
    first, empty, last = read(TEXT)
    assert [label.file for label in (first, empty, last)] == [
        "0--Parade/a.jpg",
        "0--Parade/empty.jpg",
        "1--Handshaking/b.jpg",
    ]
    np.testing.assert_array_equal(first.bboxes, [[10, 20, 40, 60], [1, 2, 4, 6]])
    # the eighth column alone says invalid: illumination and pose of b.jpg do not
    assert first.ignore.tolist() == [False, True]
    assert empty.bboxes.shape == (0, 4)
    np.testing.assert_array_equal(last.bboxes, [[5, 6, 12, 14]])
    assert last.ignore.tolist() == [False]
    assert last.size is None


@pytest.mark.parametrize(("asked", "given"), [(None, 0), (5, 5), (0, 0)])
def test_landmarks_are_never_labelled(read, asked, given):
    labels = read(TEXT, num_keypoints=asked)
    assert labels[0].keypoints.shape == (2, given, 3)
    assert not labels[0].keypoints.any()


def test_an_image_without_faces_may_lack_its_line_of_zeros(read):
    labels = read("a.jpg\n0\nb.jpg\n1\n1 2 3 4 0 0 0 0 0 0\nc.jpg\n0")
    assert [len(label.bboxes) for label in labels] == [0, 1, 0]


@pytest.mark.parametrize("drop", [None, True, False])
def test_boxes_of_no_use_are_dropped_with_a_count(tmp_path, drop):
    text = TEXT.replace("1 2 3 4 2", "1 2 0 4 2").replace("5 6 7 8", "5 6 0 0")
    (tmp_path / "gt.txt").write_text(text)
    source = Source(tmp_path / "gt.txt", problems=Problems(drop_bad_boxes=drop))
    if drop is False:
        with pytest.raises(LabelError, match=r"gt.txt:4: a box of width 0 and height 4.*\n.*:10: "):
            read_labels(source, "wider")
        return
    first, _, last = read_labels(source, "wider").images
    assert (len(first), len(first.ignore), len(last)) == (1, 1, 0)
    phrase = f"2 boxes smaller than a pixel, left out, first {tmp_path / 'gt.txt'}:4"
    assert source.problems.left_out() == [phrase]


@pytest.mark.parametrize(
    ("flag", "meaning"), [("0", False), ("1", True), ("0.0", False), ("1.0", True)]
)
def test_invalid_column(read, flag, meaning):
    assert read(f"a.jpg\n1\n1 2 3 4 0 0 0 {flag} 0 0")[0].ignore.tolist() == [meaning]


def test_untidy_files(read):
    (label,) = read("\ufeff0--Parade\\a.jpg\r\n1\r\n\r\n1 2 3 4 0 0 0 0 0 0 \r\n")
    assert (label.file, label.bboxes.tolist()) == ("0--Parade/a.jpg", [[1, 2, 4, 6]])


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
        ("5 6 7 8", "5 6 7 nan", 10, "column 4: nan, expected a finite number"),
        ("5 6 7 8", "five 6 7 8", 10, "column 1: 'five', expected a number"),
        ("5 6 7 8", "5 6 seven 8", 10, "column 3: 'seven', expected a number"),
        ("1\n5 6 7 8 1 0 1 0 2 1\n", "", 8, "without a count"),
        ("b.jpg\n1", f"b.jpg\n{'9' * 5000}", 9, "expected the number of faces, found '9999"),
        ("b.jpg\n1", "b.jpg\n²", 9, "expected the number of faces, found '²'"),
        ("b.jpg\n1", "b.jpg\n-1", 9, "expected the number of faces, found '-1'"),
        ("2 0 0 1 0 0", "2 0 0 2 0 0", 4, "invalid: 2, expected 0 or 1"),
        ("2 0 0 1 0 0", "2 0 0 -1 0 0", 4, "invalid: -1, expected 0 or 1"),
        ("2 0 0 1 0 0", "2 0 0 0.5 0 0", 4, "invalid: 0.5, expected 0 or 1"),
        ("1--Handshaking/b", "../b", 8, "image line: '../b.jpg' does not lie below the folder"),
        ("1--Handshaking/b", "/b", 8, "image line: '/b.jpg' does not lie below the folder"),
        ("1--Handshaking/b", "0--Parade/a", 8, "0--Parade/a.jpg a second time, after .*gt.txt:1"),
    ],
)
def test_malformed_lines_are_named(read, tmp_path, old, new, line, problem):
    assert TEXT.count(old) == 1
    with pytest.raises(LabelError, match=problem) as caught:
        read(TEXT.replace(old, new))
    assert str(caught.value).startswith(f"{tmp_path / 'gt.txt'}:{line}: ")
