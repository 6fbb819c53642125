import numpy as np
import pytest

from mmeiou.labels import LabelError, read_labels

POINTS = "11 12 0.0 21 13 1.0 16 18 0.0 12 24 0.0 20 25 0.0"


@pytest.fixture
def read(tmp_path):
    def read(text, **options):
        (tmp_path / "label.txt").write_text(text)
        return read_labels(tmp_path / "label.txt", "retinaface", **options).images

    return read


def test_boxes_and_landmarks(read):
    first, second = read(
        f"# a/b.jpg\n1 2 30 40 {POINTS} 0.82\n# c d.jpg\n5 6 7 8 {'-1.0 ' * 15}0.1\n9 9 1 1"
    )
    assert (first.file, first.size, second.file) == ("a/b.jpg", None, "c d.jpg")
    # x2 = 1 + 30, y2 = 2 + 40
    np.testing.assert_array_equal(first.bboxes, [[1, 2, 31, 42]])
    expected = [[11, 12, 1], [21, 13, 1], [16, 18, 1], [12, 24, 1], [20, 25, 1]]
    np.testing.assert_array_equal(first.keypoints, [expected])
    np.testing.assert_array_equal(second.bboxes, [[5, 6, 12, 14], [9, 9, 10, 10]])
    np.testing.assert_array_equal(second.keypoints, np.zeros((2, 5, 3)))


def test_untidy_files(read):
    (label,) = read("\ufeff# a\\b.jpg\r\n\r\n 1 2\t30 40 \r\n")
    assert (label.file, label.bboxes.tolist()) == ("a/b.jpg", [[1, 2, 31, 42]])


@pytest.mark.parametrize(
    ("point", "expected"),
    [
        ("-1 -1 -1", (0, 0, 0)),
        ("0 0 0", (0, 0, 0)),
        ("0 0 1", (0, 0, 1)),
        ("0 3 0", (0, 3, 1)),
        ("-1 -1 0", (0, 0, 0)),
        ("-1 5 0", (-1, 5, 1)),
        ("5 6 -0.5", (0, 0, 0)),
    ],
)
def test_landmarks_that_are_not_labelled(read, point, expected):
    (label,) = read(f"# a.jpg\n1 2 30 40 {point} 0.5")
    assert label.keypoints.tolist() == [[list(expected)]]


def test_validation_labels_without_landmarks(read):
    (label,) = read("# a.jpg\n1 2 30 40")
    assert label.keypoints.shape == (1, 0, 3)


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        ("1 2 3 4", 1, "before any '# image' line"),
        (f"# a.jpg\n1 2 3 4 {POINTS}", 2, r"19 numbers .* expected 4 .* 4 \+ 3K \+ 1"),
        (f"# a.jpg\n1 2 3 4 {POINTS} 0.5\n1 2 3 4 5", 3, "5 numbers .* or 20"),
        (f"# a.jpg\n1 2 3 4 {POINTS} inf", 2, "column 20: inf, expected a finite number"),
        ("# a.jpg\n1 2 0 4", 2, "box of width 0"),
        ("# a.jpg\n1 2 3 -4", 2, "height -4"),
        ("# a.jpg\n1 2 0.5 4", 2, "box of width 0.5"),
        ("# a\\..\\..\\b.jpg\n1 2 3 4", 1, "image line: .* does not lie below the folder"),
        ("# a.jpg\n1 2 3 4\n# a.jpg\n", 3, "a.jpg a second time, after .*label.txt:1"),
    ],
)
def test_malformed_lines_are_named(read, tmp_path, text, line, problem):
    with pytest.raises(LabelError, match=problem) as caught:
        read(text)
    assert str(caught.value).startswith(f"{tmp_path / 'label.txt'}:{line}: ")


def test_real_excerpt(shared_data):
    file = shared_data / "widerface/labelv2/retinaface_train_label_excerpt.txt"
    labels = read_labels(file, num_keypoints=5).images
    assert [len(label.bboxes) for label in labels] == [1, 1, 9]
    # second image: "361 98 263 339 424.143 251.656 ..."
    np.testing.assert_array_equal(labels[1].bboxes, [[361, 98, 624, 437]])
    np.testing.assert_allclose(labels[1].keypoints[0, 0], [424.143, 251.656, 1])
    # two of the nine faces of the third image have no landmarks
    labelled = labels[2].keypoints[..., 2].all(axis=1)
    assert labelled.tolist() == [True] * 6 + [False, True, False]
    assert not labels[2].keypoints[~labelled].any()
