"""tools/analysis/worst_images.py."""

import cv2
import numpy as np
import pytest
from wider_files import write_ground_truth, write_text

STRIP = 22  # of the legend, with a gap, and of a caption
# <event>/<image>: faces, then what easy, medium and hard keep
LABELS = {
    "0--A/good": ([[10, 10, 29, 29]], [[1], [1], [1]]),
    "0--A/bad": ([[10, 10, 29, 29], [60, 60, 29, 29]], [[], [1], [1]]),
    "0--A/none": ([], [[], [], []]),
}


@pytest.fixture
def data(tmp_path):
    write_ground_truth(tmp_path / "gt", LABELS)
    write_text(tmp_path / "pred", "0--A/good", "10 10 29 29 0.9")
    write_text(tmp_path / "pred", "0--A/bad", "61 9 20 20 0.8")
    write_text(tmp_path / "pred", "0--A/none", "30 30 30 30 0.4")
    (tmp_path / "img/0--A").mkdir(parents=True)
    for key in LABELS:
        cv2.imwrite(str(tmp_path / f"img/{key}.jpg"), np.zeros((100, 120, 3), np.uint8))
    return tmp_path


def where(image, colour):
    y, x = np.nonzero((image == colour).all(2))
    return [x.min(), y.min(), x.max(), y.max()] if len(x) else None


def test_the_worst_comes_first_with_its_errors_drawn(run_tool, import_tool, data) -> None:
    worst = import_tool("worst_images")
    out = data / "sheet.png"
    args = ["--images", data / "img", "--out", out, "--columns", 1]
    said = run_tool("worst_images", data / "gt", data / "pred", *args)
    assert "hard, score >= 0.3: 1 found, 2 false, 1 missed in 3 images; the worst 2" in said
    sheet = cv2.imread(str(out))
    top = 28 + STRIP  # below the legend and the caption
    first, second = sheet[top : top + 100, :120], sheet[top + 128 : top + 228, :120]
    # lines of large boxes are thick
    assert where(first, worst.MISSED) == [9, 9, 40, 40]
    left, _, _, bottom = where(first[:, 45:], worst.FALSE)  # the score is wider
    assert (left, bottom) == (15, 30)
    assert where(first, worst.IGNORED) == [60, 60, 89, 89]
    assert where(first, worst.FOUND) is None
    assert where(second, worst.FALSE)[2:] == [61, 61]
    assert where(second, worst.MISSED) is None
    assert sheet.shape[0] == 28 + 2 * (STRIP + 100 + 6)
    legend = [where(sheet[:28], colour) for colour in worst.LEGEND.values()]
    assert all(legend)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--by", "missed"], "worst 1 by missed"),
        (["--score-thr", "0.5"], "1 found, 1 false, 1 missed in 3 images; the worst 1"),
        (["--subset", "easy"], "easy, score >= 0.3: 1 found, 2 false, 0 missed"),
        (["--by", "missed", "--subset", "easy"], "no missed in 3 images"),
    ],
)
def test_what_counts(options, words, run_tool, data) -> None:
    args = ["--images", data / "img", "--out", data / "sheet.png", *options]
    assert words in run_tool("worst_images", data / "gt", data / "pred", *args)


def test_found_faces_and_shrunk_images(run_tool, import_tool, data) -> None:
    worst = import_tool("worst_images")
    write_text(data / "pred", "0--A/good", "10 10 29 29 0.9", "70 70 20 20 0.9", "50 9 9 9 0.9")
    cv2.imwrite(str(data / "img/0--A/good.jpg"), np.zeros((100, 200, 3), np.uint8))
    args = ["--images", data / "img", "--out", data / "s.png", "--side", 100, "--by", "false"]
    run_tool("worst_images", data / "gt", data / "pred", *args, "--number", 1)
    sheet = cv2.imread(str(data / "s.png"))
    picture = sheet[50:100, :100]
    assert where(picture, worst.FOUND) == [5, 5, 20, 20]  # 10 to 39, halved
    assert where(picture, worst.FALSE)[2:] == [45, 45]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--subset", "clear"], "--subset clear: these labels have easy, medium, hard"),
        (["--images", "gone"], "gone"),
        (["--out", "sheet.xyz"], "OpenCV writes no such format"),
    ],
)
def test_bad_input(options, message, run_tool, data) -> None:
    with pytest.raises(SystemExit, match=f"worst_images: .*{message}"):
        run_tool("worst_images", data / "gt", data / "pred", "--out", data / "s.png", *options)
    assert not (data / "s.png").exists()
