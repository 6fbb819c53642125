"""Reading and writing the official text format."""

import numpy as np
import pytest
from wider_files import write_text

from mmeiou.labels import Detections, LabelError, read_detections
from mmeiou.labels.formats import wider_txt
from mmeiou.labels.formats.wider_txt import check_replaceable, list_files, read_file, write

KEY = "0--Parade/a"


def detections(count, seed=0):
    """Fractional boxes, some outside the image, with float32 scores in no order."""
    rng = np.random.default_rng(seed)
    corners = rng.uniform(-50, 1000, (count, 2))
    boxes = np.concatenate([corners, corners + rng.uniform(0, 300, (count, 2))], axis=1)
    return Detections(boxes, rng.random(count, dtype=np.float32).astype(np.float64))


def test_round_trip(tmp_path):
    written = {KEY: detections(50), "9--Press/b.c": detections(0), "9--Press/d": detections(1, 2)}
    write(tmp_path / "out", written)
    read = read_detections(tmp_path / "out")
    assert read.keys() == written.keys()
    for key, found in written.items():
        boxes, scores = found.bboxes, found.scores
        order = np.argsort(-scores)
        np.testing.assert_array_equal(
            read[key].scores.astype(np.float32), scores[order].astype(np.float32)
        )
        # Three decimals of x y, and x y w h for the far corner.
        np.testing.assert_allclose(read[key].bboxes, boxes[order], rtol=0, atol=0.00101)


def test_printed_form(tmp_path):
    boxes = np.array([[1.25, -2, 11.75, 8], [0, 0, 1, 1]])
    write(tmp_path / "out", {KEY: Detections(boxes, np.array([0.25, 0.5]))})
    assert (tmp_path / "out" / f"{KEY}.txt").read_text() == (
        "a\n2\n0.000 0.000 1.000 1.000 0.5\n1.250 -2.000 10.500 10.000 0.25\n"
    )


def test_reads_x_y_w_h(tmp_path):
    read = read_file(write_text(tmp_path, KEY, "1.5 2 10 20.25 0.75", "0 0 1 1 0.5 "))
    assert read.bboxes.tolist() == [[1.5, 2, 11.5, 22.25], [0, 0, 1, 1]]
    assert read.scores.tolist() == [0.75, 0.5]


@pytest.mark.parametrize("text", ["a\n0\n", "a\n0", "a\n 0 \n", "a.jpg\r\n0\r\n\r\n"])
def test_reads_no_detections(tmp_path, text):
    path = tmp_path / "a.txt"
    path.write_bytes(text.encode())
    assert read_file(path).bboxes.shape == (0, 4)


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("1 2 3 4", "expected 'x y w h score', got '1 2 3 4'"),
        ("1 2 3 4 5 6", "expected 'x y w h score', got '1 2 3 4 5 6'"),
        ("7", "expected 'x y w h score', got '7'"),
        ("", "expected 'x y w h score', got ''"),
        ("1 2 3 4 x", "score: 'x', expected a number"),
        ("1 2 3 4 nan", "score: nan, expected a finite number"),
        ("inf 2 3 4 0.5", "x: inf, expected a finite number"),
        (f"1 2 3 {'9' * 5000} 0.5", "h: inf, expected a finite number"),
        ("1 2 -3 4 0.5", "width -3, height 4; expected x y w h, not two corners"),
        ("1 2 3 -4 0.5", "width 3, height -4; expected x y w h, not two corners"),
    ],
)
def test_malformed_row_names_file_and_line(tmp_path, row, problem):
    path = write_text(tmp_path, KEY, "1 2 3 4 0.5", row, "1 2 3 4 0.5")
    with pytest.raises(LabelError, match=rf"a\.txt:4: {problem}"):
        read_file(path)


def test_detections_without_area_are_read(tmp_path):
    # Detectors find some; they overlap nothing.
    found = read_file(write_text(tmp_path, KEY, "1 2 0 4 0.5"))
    assert found.bboxes.tolist() == [[1, 2, 1, 6]]


def test_byte_order_mark(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"\xef\xbb\xbfa\r\n1\r\n1 2 3 4 0.5\r\n")
    assert read_file(tmp_path / "a.txt").scores.tolist() == [0.5]


@pytest.mark.parametrize("count", [1, 3])
def test_wrong_count_names_file_and_line(tmp_path, count):
    path = write_text(tmp_path, KEY, "1 2 3 4 0.5", "1 2 3 4 0.5", count=count)
    with pytest.raises(LabelError, match=rf"a\.txt:2: declares {count} detections, but 2 lines"):
        read_file(path)


@pytest.mark.parametrize("text", ["", "a\n", "a\n1 2 3 4 0.5\n", "a\n-1\n", "a\nmany\n", "a\n²\n"])
def test_missing_count_names_file_and_line(tmp_path, text):
    path = tmp_path / "a.txt"
    path.write_text(text)
    with pytest.raises(LabelError, match=r"a\.txt:2: expected the number of detections"):
        read_file(path)


def test_binary_file(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"\xff\xd8\xff\xe0")
    with pytest.raises(LabelError, match=r"a\.txt: not a UTF-8 text"):
        read_file(path)


@pytest.mark.parametrize("where", ["", "nope"])
def test_no_list_files(tmp_path, where):
    (tmp_path / "a.txt").write_text("a\n0\n")
    with pytest.raises(FileNotFoundError, match=r"no prediction files .*<event>/<image>\.txt"):
        list_files(tmp_path / where)


def test_writing_replaces_the_whole_folder(tmp_path):
    out = tmp_path / "deep" / "out"
    write(out, {KEY: detections(1), "1--Old/b": detections(1)})
    write(out, {KEY: detections(2)})
    assert [path.name for path in out.iterdir()] == ["0--Parade"]
    assert len(read_file(out / f"{KEY}.txt").scores) == 2
    assert [path.name for path in out.parent.iterdir()] == ["out"]


def test_failed_writing_leaves_the_old_predictions(tmp_path, monkeypatch):
    out = tmp_path / "out"
    write(out, {KEY: detections(1), "9--Press/b": detections(1)})
    before = {path: path.read_bytes() for path in list_files(out)}
    original = wider_txt._format

    def disk_full_at_b(name, found):
        if name == "b":
            raise OSError("no space left")
        return original(name, found)

    monkeypatch.setattr(wider_txt, "_format", disk_full_at_b)
    with pytest.raises(OSError, match="no space left"):
        write(out, {KEY: detections(3), "9--Press/b": detections(3)})
    assert {path: path.read_bytes() for path in list_files(out)} == before
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("foreign", ["notes.md", "train/0001.txt", "a/b/c.txt", "a/image.jpg"])
def test_folder_of_something_else_is_not_replaced(tmp_path, foreign):
    out = tmp_path / "out"
    write(out, {KEY: detections(1)})
    path = out / foreign
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("0 0.5 0.5 0.1 0.1\n")
    with pytest.raises(FileExistsError, match="out would be replaced, but holds"):
        write(out, {KEY: detections(1)})
    assert path.is_file()


def test_file_in_place_of_the_folder(tmp_path):
    (tmp_path / "out").write_text("")
    with pytest.raises(FileExistsError, match="is a file"):
        write(tmp_path / "out", {})


def test_the_folder_is_checked_before_anything_is_detected(tmp_path):
    check_replaceable(tmp_path / "new")
    (tmp_path / "out").mkdir()
    check_replaceable(tmp_path / "out")
    write_text(tmp_path / "out", KEY)
    check_replaceable(tmp_path / "out")
    (tmp_path / "out/0--Parade/b.txt").write_text("a\n0\n")
    with pytest.raises(FileExistsError, match=r"holds 0--Parade/b.txt, which is no prediction"):
        check_replaceable(tmp_path / "out")


@pytest.mark.parametrize("key", ["a", "", "../a", "./a", "a/", "b/../a", "/a"])
def test_keys_without_an_event_or_outside_are_refused(tmp_path, key):
    with pytest.raises(LabelError, match="its image has no folder to tell the event's name"):
        write(tmp_path / "deep/out", {key: detections(1)})
    assert [path.name for path in tmp_path.rglob("*")] == ["deep"]
