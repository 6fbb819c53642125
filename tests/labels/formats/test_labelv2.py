import numpy as np
import pytest

from mmeiou.datasets.readers import LabelError, read_face_labels

POINTS = "11 12 0.0 21 13 1.0 16 18 0.0 12 24 0.0 20 25 0.0"
UNLABELLED = " ".join(["-1.0"] * 15)


@pytest.fixture
def read(tmp_path):
    def read(text, **options):
        (tmp_path / "labelv2.txt").write_text(text)
        return read_face_labels(tmp_path / "labelv2.txt", "labelv2", **options)

    return read


def test_boxes_sizes_and_landmarks(read):
    first, second = read(
        f"# a/b.jpg 100 80\n1 2 31 42.5 {POINTS}\n5 6 7 8 {UNLABELLED}\n# c.jpg 9 7"
    )
    assert (first.image, first.size) == ("a/b.jpg", (100, 80))
    np.testing.assert_array_equal(first.boxes, [[1, 2, 31, 42.5], [5, 6, 7, 8]])
    # flag 0 and flag 1 both give weight 1; three -1 give the origin with weight 0
    expected = [[11, 12, 1], [21, 13, 1], [16, 18, 1], [12, 24, 1], [20, 25, 1]]
    np.testing.assert_array_equal(first.keypoints, [expected, np.zeros((5, 3))])
    assert first.boxes.dtype == first.keypoints.dtype == np.float32
    assert not first.ignore.any()
    assert (second.image, second.size) == ("c.jpg", (9, 7))
    assert second.boxes.shape == (0, 4)
    assert second.keypoints.shape == (0, 5, 3)
    assert second.ignore.shape == (0,)


def test_flag_as_weight(read):
    (label,) = read(f"# a.jpg 9 9\n1 2 3 4 {POINTS}", keypoint_weight="flag")
    expected = np.zeros((5, 3))
    expected[1] = [21, 13, 1]
    np.testing.assert_array_equal(label.keypoints[0], expected)


def test_one_unlabelled_point_of_a_face(read):
    (label,) = read("# a.jpg 9 9\n1 2 3 4 5 6 0 -1 -1 -1 -1 -1 0")
    # x = y = -1 with flag 0 is a point left of the image, not an unlabelled one
    np.testing.assert_array_equal(label.keypoints[0], [[5, 6, 1], [0, 0, 0], [-1, -1, 1]])


def test_boxes_alone_beside_landmarks(read):
    labels = read(f"# a.jpg 9 9\n1 2 3 4\n1 2 5 6 {POINTS}\n# b.jpg 9 9\n2 2 3 3")
    np.testing.assert_array_equal(labels[0].keypoints[0], np.zeros((5, 3)))
    np.testing.assert_array_equal(labels[0].keypoints[1, :, 2], np.ones(5))
    np.testing.assert_array_equal(labels[1].keypoints, np.zeros((1, 5, 3)))


@pytest.mark.parametrize(("asked", "given"), [(None, 5), (5, 5), (0, 0)])
def test_number_of_landmarks(read, asked, given):
    (label,) = read(f"# a.jpg 9 9\n1 2 3 4 {POINTS}", num_keypoints=asked)
    assert label.keypoints.shape == (1, given, 3)


@pytest.mark.parametrize(("asked", "given"), [(None, 0), (5, 5), (0, 0)])
def test_number_of_landmarks_of_boxes_alone(read, asked, given):
    (label,) = read("# a.jpg 9 9\n1 2 3 4", num_keypoints=asked)
    assert label.keypoints.shape == (1, given, 3)
    assert not label.keypoints.any()


def test_paths_with_blanks_and_untidy_lines(read):
    labels = read("\n  # my dir/1 2.jpg \t 640  480 \r\n\n\t1  2\t3 4 \n\n")
    assert (labels[0].image, labels[0].size) == ("my dir/1 2.jpg", (640, 480))
    np.testing.assert_array_equal(labels[0].boxes, [[1, 2, 3, 4]])


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        ("1 2 3 4\n# a.jpg 9 9", 1, "before any '# image' line"),
        ("# a.jpg 9 9\n1 2 3 4\n# b.jpg 9\n1 2 3 4", 3, "expected '# path width height'"),
        ("# a.jpg 9 0\n1 2 3 4", 1, "expected '# path width height'"),
        ("# 640 480\n1 2 3 4", 1, "expected '# path width height'"),
        ("#\n1 2 3 4", 1, "without a path"),
        ("# a.jpg 9 9\n1 2 3 4\n\n1 2 x3 4", 4, "'x3' is not a finite number"),
        ("# a.jpg 9 9\n1 2 nan 4", 2, "'nan' is not a finite number"),
        ("# a.jpg 9 9\n1 2 3 4\n1 -inf 3 4", 3, "'-inf' is not a finite number"),
        ("# a.jpg 9 9\n1 2 3 1e999", 2, "'1e999' is not a finite number"),
        ("# a.jpg 9 9\n1 2 3", 2, "3 numbers in a face line, expected 4"),
        ("# a.jpg 9 9\n1 2 3 4 5", 2, "5 numbers in a face line, expected 4 .* 3K"),
        (f"# a.jpg 9 9\n1 2 3 4 {POINTS}\n1 2 3 4 {POINTS} 7", 3, "20 numbers .* or 19"),
        ("# a.jpg 9 9\n3 2 3 4", 2, "box of width 0 and height 2.*on_bad_box='drop'"),
        ("# a.jpg 9 9\n1 2 3 4\n5 6 7 3.5", 3, "box of width 2 and height -2.5"),
    ],
)
def test_malformed_lines_are_named(read, tmp_path, text, line, problem):
    with pytest.raises(LabelError, match=problem) as caught:
        read(text)
    assert str(caught.value).startswith(f"{tmp_path / 'labelv2.txt'}:{line}: ")


def test_wrong_landmark_count_is_named(read):
    with pytest.raises(LabelError, match=r":2: 19 numbers .* expected 4 .* 16 \(4 landmarks\)"):
        read(f"# a.jpg 9 9\n1 2 3 4 {POINTS}", num_keypoints=4)
    # the odd line out is blamed although it comes first
    with pytest.raises(LabelError, match=r":2: 7 numbers .* or 19 \(5 landmarks\)"):
        read(f"# a.jpg 9 9\n1 2 3 4 5 6 1\n1 2 3 4 {POINTS}", num_keypoints=5)


def test_bad_boxes_can_be_dropped(read):
    text = f"# a.jpg 9 9\n3 2 3 4\n1 2 3 4 {POINTS}\n# b.jpg 9 9\n1 5 3 4\n2 2 4 5"
    with pytest.warns(UserWarning, match=r"2 faces without area dropped.*labelv2.txt:2: "):
        first, second = read(text, on_bad_box="drop")
    np.testing.assert_array_equal(first.boxes, [[1, 2, 3, 4]])
    np.testing.assert_array_equal(first.keypoints[0, 0], [11, 12, 1])
    np.testing.assert_array_equal(second.boxes, [[2, 2, 4, 5]])
