import numpy as np
import pytest

from mmeiou.labels import LabelError, Source, read_labels
from mmeiou.labels.errors import Problems
from mmeiou.labels.formats.labelv2 import parse_header
from mmeiou.labels.image_list import ImageList
from mmeiou.labels.landmarks import FACE_LANDMARKS

POINTS = "11 12 0.0 21 13 1.0 16 18 0.0 12 24 0.0 20 25 0.0"
UNLABELLED = " ".join(["-1.0"] * 15)


@pytest.fixture
def read(tmp_path):
    def read(text, **options):
        (tmp_path / "labelv2.txt").write_bytes(text.encode())
        return read_labels(tmp_path / "labelv2.txt", "labelv2", **options).images

    return read


def test_boxes_sizes_and_landmarks(read):
    first, second = read(
        f"# a/b.jpg 100 80\n1 2 31 42.5 {POINTS}\n5 6 7 8 {UNLABELLED}\n# c.jpg 9 7"
    )
    assert (first.file, first.size) == ("a/b.jpg", (100, 80))
    np.testing.assert_array_equal(first.bboxes, [[1, 2, 31, 42.5], [5, 6, 7, 8]])
    # flag 0 and flag 1 both give weight 1; three -1 give the origin with weight 0
    expected = [[11, 12, 1], [21, 13, 1], [16, 18, 1], [12, 24, 1], [20, 25, 1]]
    np.testing.assert_array_equal(first.keypoints, [expected, np.zeros((5, 3))])
    assert first.bboxes.dtype == first.keypoints.dtype == np.float64
    assert not first.ignore.any()
    assert (second.file, second.size) == ("c.jpg", (9, 7))
    assert second.bboxes.shape == (0, 4)
    assert second.keypoints.shape == (0, 5, 3)
    assert second.ignore.shape == (0,)


def test_flag_as_weight(read):
    (label,) = read(f"# a.jpg 9 9\n1 2 3 4 {POINTS}", keypoint_weight="flag")
    expected = np.zeros((5, 3))
    expected[1] = [21, 13, 1]
    np.testing.assert_array_equal(label.keypoints[0], expected)


def test_one_unlabelled_point_of_a_face(read):
    (label,) = read("# a.jpg 9 9\n1 2 3 4 5 6 0 -1 -1 -1 -1 -2 0")
    # x = -1 and y = -2 with flag 0 is a point left of the image, not an unlabelled one
    np.testing.assert_array_equal(label.keypoints[0], [[5, 6, 1], [0, 0, 0], [-1, -2, 1]])


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
    assert (labels[0].file, labels[0].size) == ("my dir/1 2.jpg", (640, 480))
    np.testing.assert_array_equal(labels[0].bboxes, [[1, 2, 3, 4]])


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        ("1 2 3 4\n# a.jpg 9 9", 1, "before any '# image' line"),
        ("# a.jpg 9 9\n1 2 3 4\n# b.jpg 9\n1 2 3 4", 3, "expected '# path width height'"),
        ("# a.jpg 9 0\n1 2 3 4", 1, "expected '# path width height'"),
        (f"# a.jpg 9 {'9' * 5000}\n1 2 3 4", 1, "expected '# path width height'"),
        ("# a.jpg 9 ²\n1 2 3 4", 1, "expected '# path width height'"),
        ("# a.jpg 9 inf\n1 2 3 4", 1, "expected '# path width height'"),
        ("# a.jpg -9 9\n1 2 3 4", 1, "expected '# path width height'"),
        ("# 640 480\n1 2 3 4", 1, "expected '# path width height'"),
        ("#\n1 2 3 4", 1, "without a path"),
        ("# a.jpg 9 9\n1 2 3 4\n\n1 2 x3 4", 4, "column 3: 'x3', expected a number"),
        ("# a.jpg 9 9\n1 2 nan 4", 2, "column 3: nan, expected a finite number"),
        ("# a.jpg 9 9\n1 2 3 4\n1 -inf 3 4", 3, "column 2: -inf, expected a finite number"),
        ("# a.jpg 9 9\n1 2 3 1e999", 2, "column 4: inf, expected a finite number"),
        (f"# a.jpg 9 9\n1 2 3 {'9' * 5000}", 2, "column 4: inf, expected a finite number"),
        ("# a.jpg 9 9\n1 2 3 1e9", 2, "column 4: 1000000000.0, expected at most 16,777,216"),
        ("# a.jpg 9 9\n1 2 3", 2, "3 numbers in a face line, expected 4"),
        ("# a.jpg 9 9\n1 2 3 4 5", 2, "5 numbers in a face line, expected 4 .* 3K"),
        (f"# a.jpg 9 9\n1 2 3 4 {POINTS}\n1 2 3 4 {POINTS} 7", 3, "20 numbers .* or 19"),
        ("# a.jpg 9 9\n3 2 3 4", 2, "box of width 0 and height 2.*; correct it"),
        ("# a.jpg 9 9\n3 2 3.5 4", 2, "box of width 0.5 and height 2"),
        ("# a.jpg 9 9\n1 2 3 4\n5 6 7 3.5", 3, "box of width 2 and height -2.5"),
        ("# a.jpg 9 9\n9 2 12 4", 2, "box 9 2 12 4 .* lies outside its image of 9 x 9"),
        ("# ../a.jpg 9 9\n1 2 3 4", 1, "image line: '../a.jpg' does not lie below the folder"),
        ("# /a.jpg 9 9\n1 2 3 4", 1, "image line: '/a.jpg' does not lie below the folder"),
        ("# C:\\a.jpg 9 9\n1 2 3 4", 1, "image line: .* does not lie below the folder"),
        ("# a\x1b.jpg 9 9\n1 2 3 4", 1, "image line: .*, expected the path of an image"),
        (
            "# a.jpg 9 9\n1 2 3 4\n# ./a.jpg 9 9",
            3,
            "a.jpg a second time, after .*labelv2.txt:1; give it one label",
        ),
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


def test_bad_boxes_can_be_dropped(tmp_path):
    (tmp_path / "labelv2.txt").write_text(
        f"# a.jpg 9 9\n3 2 3 4\n1 2 3 4 {POINTS}\n# b.jpg 9 9\n1 5 3 4\n2 2 4 5\n11 2 14 5"
    )
    source = Source(tmp_path / "labelv2.txt", problems=Problems(drop_bad_boxes=True))
    first, second = read_labels(source, "labelv2").images
    np.testing.assert_array_equal(first.bboxes, [[1, 2, 3, 4]])
    np.testing.assert_array_equal(first.keypoints[0, 0], [11, 12, 1])
    assert first.where == [f"{source.labels}:3"]
    np.testing.assert_array_equal(second.bboxes, [[2, 2, 4, 5]])
    assert source.problems.left_out() == [
        f"2 boxes smaller than a pixel, left out, first {source.labels}:2",
        f"1 boxes outside their image, left out, first {source.labels}:7",
    ]


def test_images_are_looked_at_and_chosen(source, tmp_path):
    text = "# a.jpg 200 100\n1 2 9 9\n# sub\\b.png 200 100\n1 2 9 9\n# c.jpg 9 9\n"
    (tmp_path / "labels.txt").write_text(text)
    (tmp_path / "list.txt").write_text("a.jpg\nd.jpg\n")
    with pytest.raises(LabelError, match=r"labels.txt:5: its image .*c.jpg does not exist"):
        read_labels(source("labels.txt"))
    made = source("labels.txt", listed=ImageList(tmp_path / "list.txt"))
    assert [image.file for image in read_labels(made).images] == ["a.jpg"]
    assert made.problems.counted == {"lines of the list without such an image": 1}
    made = source("labels.txt", below="sub")
    assert [image.file for image in read_labels(made).images] == ["sub/b.png"]
    (tmp_path / "labels.txt").write_text("# a.jpg 100 200\n1 2 9 9\n")
    with pytest.raises(LabelError, match=r":1: the label says 100 x 200 pixels, a.jpg has 200 x"):
        read_labels(source("labels.txt"))


def test_pictures_without_a_line_are_counted(source, tmp_path):
    (tmp_path / "labels.txt").write_text("# a.jpg 200 100\n1 2 9 9\n")
    made = source("labels.txt")
    read_labels(made)
    assert made.problems.counted == {"images without a label file or entry, left out": 1}


def test_byte_order_mark(read):
    assert read("\ufeff# a.jpg 9 9\r\n1 2 3 4\r\n")[0].file == "a.jpg"


@pytest.mark.parametrize(
    ("header", "path", "size"),
    [
        ("a b.jpg 640 480", "a b.jpg", (640, 480)),
        ("a.jpg", "a.jpg", None),
        ("a.jpg 640", "a.jpg 640", None),
        ("640 480", "640 480", None),
        ("1 640 480", "1", (640, 480)),
        ("a.jpg 640 0", "a.jpg 640 0", None),
        ("", "", None),
    ],
)
def test_image_lines(header, path, size):
    assert parse_header(header) == (path, size)


def test_classes_and_landmarks_are_those_of_a_face(tmp_path):
    (tmp_path / "labels.txt").write_text(f"# a.jpg 200 100\n1 2 9 9 {POINTS}\n")

    def chosen(**options):
        return read_labels(Source(tmp_path / "labels.txt", **options), "labelv2")

    assert chosen(classes=("face",), landmarks=FACE_LANDMARKS).landmarks == FACE_LANDMARKS
    with pytest.raises(LabelError, match=r"labels.txt: no class 'cat' in it, but face"):
        chosen(classes=("cat",))
    # Rather than in an order, or a number, that nobody asked for.
    for landmarks in (("nose",), FACE_LANDMARKS[::-1]):
        with pytest.raises(LabelError, match=r"labels.txt: of its landmarks none can be chosen: r"):
            chosen(landmarks=landmarks)
