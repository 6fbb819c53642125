"""tools/dataset_converters/convert.py as a user runs it, in this process."""

import json
import runpy
import sys

import cv2
import numpy as np
import pytest

YOLO = {"a": "0 0.5 0.5 0.2 0.5 0.45 0.4 2 0.55 0.4 2", "b": "", "c": "0 0.5 0.5 0.1 0.1"}


@pytest.fixture
def data(tmp_path):
    for name, text in YOLO.items():
        for folder in ("images", "labels"):
            (tmp_path / folder).mkdir(exist_ok=True)
        cv2.imwrite(str(tmp_path / f"images/{name}.jpg"), np.zeros((100, 200, 3), np.uint8))
        (tmp_path / f"labels/{name}.txt").write_text(text)
    return tmp_path


@pytest.fixture
def convert(repo, data, monkeypatch, capsys):
    monkeypatch.syspath_prepend(str(repo / "tools/dataset_converters"))  # as Python does

    def convert(*arguments, fmt="yolo", labels="labels"):
        command = ["convert.py", fmt, str(data / labels), "--images", str(data / "images")]
        monkeypatch.setattr(sys, "argv", [*command, *map(str, arguments)])
        runpy.run_path(str(repo / "tools/dataset_converters/convert.py"), run_name="__main__")
        return capsys.readouterr().out

    return convert


def options(data, *more):
    return ("--out", data / "out/train.json", "--classes", "face", "--num-landmarks", 2, *more)


def test_writes_and_sums_up(convert, data):
    output = convert(*options(data))
    document = json.loads((data / "out/train.json").read_text())
    assert [image["file_name"] for image in document["images"]] == ["a.jpg", "b.jpg", "c.jpg"]
    assert [one["bbox"] for one in document["annotations"]] == [[80, 25, 40, 50], [90, 45, 20, 10]]
    assert document["annotations"][0]["keypoints"] == [90, 40, 2, 110, 40, 2]
    assert "       3  images\n       1    without a box\n" in output
    assert "landmarks: point_0, point_1\nwhich landmarks are left and right" in output
    assert f"MMEIOU_OWN_DATA={data}/out/ MMEIOU_OWN_IMAGES={data}/images/" in output


def test_splits(convert, data):
    convert(*options(data, "--val-fraction", 0.3, "--landmarks", "left", "right"))
    parts = [json.loads((data / f"out/{part}.json").read_text()) for part in ("train", "val")]
    assert [len(part["images"]) for part in parts] == [2, 1]
    files = [image["file_name"] for part in parts for image in part["images"]]
    assert sorted(files) == ["a.jpg", "b.jpg", "c.jpg"]
    assert parts[0]["categories"] == parts[1]["categories"]
    assert parts[0]["categories"][0]["flip_pairs"] == [[0, 1]]


def test_reads_what_it_wrote(convert, data):
    convert(*options(data))
    convert("--out", data / "out/again.json", fmt="coco", labels="out/train.json")
    assert (data / "out/again.json").read_text() == (data / "out/train.json").read_text()


def test_lists_and_class_list(convert, data):
    (data / "labels/classes.txt").write_text("face\n")
    (data / "val.txt").write_text("images/c.jpg\n")
    convert("--list", data / "val.txt", "--out", data / "val.json")
    assert len(json.loads((data / "val.json").read_text())["images"]) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--out", "x.json"), "name them by --data data.yaml or --classes face"),
        (("--out", "x.json", "--classes", "face"), "a.txt:1: 11 numbers, expected 5"),
        (("--out", "val.json", "--val-fraction", "0.5"), "--val-fraction writes .*val.json"),
    ],
)
def test_failures_write_nothing(convert, data, monkeypatch, arguments, message):
    monkeypatch.chdir(data)
    before = sorted(data.rglob("*"))
    with pytest.raises(SystemExit, match=f"convert yolo: nothing written: (?s:.*){message}"):
        convert(*arguments)
    assert sorted(data.rglob("*")) == before


def test_wrong_paths(convert, data):
    out = ("--out", data / "x.json")
    with pytest.raises(SystemExit, match=r"LABELS .*elsewhere does not exist"):
        convert(*out, labels="elsewhere")
    with pytest.raises(SystemExit, match=r"LABELS .* is a folder; expected a file"):
        convert(*out, fmt="csv")
    with pytest.raises(SystemExit, match=r"LABELS .* is no folder"):
        convert(*out, labels="labels/a.txt")


def test_never_overwrites_without_force(convert, data):
    convert(*options(data))
    (data / "out/train.json").write_text("precious")
    with pytest.raises(SystemExit, match=r"train.json exists; --force replaces it"):
        convert(*options(data))
    assert (data / "out/train.json").read_text() == "precious"
    convert(*options(data, "--force"))
    assert (data / "out/train.json").read_text() != "precious"


def test_imports_neither_torch_nor_mmdet(repo):
    import subprocess  # noqa: PLC0415

    program = (
        "import sys; sys.argv = ['convert.py', '--help']\n"
        f"sys.path.insert(0, {str(repo / 'tools/dataset_converters')!r})\n"
        "import convert\n"
        "print({'torch', 'mmdet', 'mmcv', 'mmengine'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "set()"
