"""Reading and writing the official text format."""

from pathlib import Path

import numpy as np
import pytest
from wider_files import write_text

from mmeiou.evaluation import wider_text
from mmeiou.evaluation.wider_text import (
    Detections,
    image_key,
    prediction_files,
    read_prediction,
    read_predictions,
    write_predictions,
)

KEY = "0--Parade/a"


def detections(count, seed=0):
    """Fractional boxes, some outside the image, with float32 scores in no order."""
    rng = np.random.default_rng(seed)
    corners = rng.uniform(-50, 1000, (count, 2))
    boxes = np.concatenate([corners, corners + rng.uniform(0, 300, (count, 2))], axis=1)
    return Detections(boxes, rng.random(count, dtype=np.float32).astype(np.float64))


def test_round_trip(tmp_path):
    written = {KEY: detections(50), "9--Press/b.c": detections(0), "9--Press/d": detections(1, 2)}
    write_predictions(tmp_path / "out", written)
    read = read_predictions(prediction_files(tmp_path / "out"))
    assert read.keys() == written.keys()
    for key, (boxes, scores) in written.items():
        order = np.argsort(-scores)
        np.testing.assert_array_equal(
            read[key].scores.astype(np.float32), scores[order].astype(np.float32)
        )
        # Three decimals of x y, and x y w h for the far corner.
        np.testing.assert_allclose(read[key].boxes, boxes[order], rtol=0, atol=0.00101)


def test_printed_form(tmp_path):
    boxes = np.array([[1.25, -2, 11.75, 8], [0, 0, 1, 1]])
    write_predictions(tmp_path / "out", {KEY: Detections(boxes, np.array([0.25, 0.5]))})
    assert (tmp_path / "out" / f"{KEY}.txt").read_text() == (
        "a\n2\n0.000 0.000 1.000 1.000 0.5\n1.250 -2.000 10.500 10.000 0.25\n"
    )


def test_reads_x_y_w_h(tmp_path):
    read = read_prediction(write_text(tmp_path, KEY, "1.5 2 10 20.25 0.75", "0 0 1 1 0.5 "))
    assert read.boxes.tolist() == [[1.5, 2, 11.5, 22.25], [0, 0, 1, 1]]
    assert read.scores.tolist() == [0.75, 0.5]


@pytest.mark.parametrize("text", ["a\n0\n", "a\n0", "a.jpg\r\n0\r\n\r\n"])
def test_reads_no_detections(tmp_path, text):
    path = tmp_path / "a.txt"
    path.write_bytes(text.encode())
    assert read_prediction(path).boxes.shape == (0, 4)


@pytest.mark.parametrize(
    ("img_path", "key"),
    [
        ("images/0--Parade/0_Parade_1.jpg", "0--Parade/0_Parade_1"),
        ("images/0--Parade/jpg.of.gpj.jpg", "0--Parade/jpg.of.gpj"),
        (Path("/9--Press/image.png"), "9--Press/image"),
    ],
)
def test_image_key(img_path, key):
    assert image_key(img_path) == key


def test_image_key_needs_a_folder():
    with pytest.raises(ValueError, match=r"'a\.jpg' has no parent folder"):
        image_key("a.jpg")


@pytest.mark.parametrize(
    "row", ["1 2 3 4", "1 2 3 4 5 6", "1 2 3 4 x", "1 2 3 4 nan", "inf 2 3 4 0.5", "7", ""]
)
def test_malformed_row_names_file_and_line(tmp_path, row):
    path = write_text(tmp_path, KEY, "1 2 3 4 0.5", row, "1 2 3 4 0.5")
    with pytest.raises(ValueError, match=rf"a\.txt:4: expected 'x y w h score', got '{row}'"):
        read_prediction(path)


@pytest.mark.parametrize("count", [1, 3])
def test_wrong_count_names_file_and_line(tmp_path, count):
    path = write_text(tmp_path, KEY, "1 2 3 4 0.5", "1 2 3 4 0.5", count=count)
    with pytest.raises(ValueError, match=rf"a\.txt:2: declares {count} detections, but 2 lines"):
        read_prediction(path)


@pytest.mark.parametrize("text", ["", "a\n", "a\n1 2 3 4 0.5\n", "a\n-1\n", "a\nmany\n"])
def test_missing_count_names_file_and_line(tmp_path, text):
    path = tmp_path / "a.txt"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"a\.txt:2: expected the number of detections"):
        read_prediction(path)


def test_binary_file(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"\xff\xd8\xff\xe0")
    with pytest.raises(ValueError, match=r"a\.txt: not a text file"):
        read_prediction(path)


@pytest.mark.parametrize("where", ["", "nope"])
def test_no_prediction_files(tmp_path, where):
    (tmp_path / "a.txt").write_text("a\n0\n")
    with pytest.raises(FileNotFoundError, match=r"no prediction files .*<event>/<image>\.txt"):
        prediction_files(tmp_path / where)


def test_writing_replaces_the_whole_folder(tmp_path):
    out = tmp_path / "deep" / "out"
    write_predictions(out, {KEY: detections(1), "1--Old/b": detections(1)})
    write_predictions(out, {KEY: detections(2)})
    assert [path.name for path in out.iterdir()] == ["0--Parade"]
    assert len(read_prediction(out / f"{KEY}.txt").scores) == 2
    assert [path.name for path in out.parent.iterdir()] == ["out"]


def test_failed_writing_leaves_the_old_predictions(tmp_path, monkeypatch):
    out = tmp_path / "out"
    write_predictions(out, {KEY: detections(1), "9--Press/b": detections(1)})
    before = {path: path.read_bytes() for path in prediction_files(out)}
    original = wider_text._format

    def disk_full_at_b(name, found):
        if name == "b":
            raise OSError("no space left")
        return original(name, found)

    monkeypatch.setattr(wider_text, "_format", disk_full_at_b)
    with pytest.raises(OSError, match="no space left"):
        write_predictions(out, {KEY: detections(3), "9--Press/b": detections(3)})
    assert {path: path.read_bytes() for path in prediction_files(out)} == before
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("foreign", ["notes.md", "train/0001.txt", "a/b/c.txt", "a/image.jpg"])
def test_folder_of_something_else_is_not_replaced(tmp_path, foreign):
    out = tmp_path / "out"
    write_predictions(out, {KEY: detections(1)})
    path = out / foreign
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("0 0.5 0.5 0.1 0.1\n")
    with pytest.raises(FileExistsError, match="out would be replaced, but holds"):
        write_predictions(out, {KEY: detections(1)})
    assert path.is_file()


def test_file_in_place_of_the_folder(tmp_path):
    (tmp_path / "out").write_text("")
    with pytest.raises(FileExistsError, match="is a file"):
        write_predictions(tmp_path / "out", {})
