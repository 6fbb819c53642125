"""tools/dataset_converters/convert.py as a user runs it, in this process."""

import json
import runpy
import shlex
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
    (data / "val.txt").write_text("images/c.jpg\nimages/gone.jpg\n")
    output = convert("--list", data / "val.txt", "--out", data / "val.json")
    assert len(json.loads((data / "val.json").read_text())["images"]) == 1
    assert "       1  lines of the list without such an image\n" in output


def test_what_is_left_out_is_said(convert, data):
    (data / "faces.csv").write_text(
        "image,x1,y1,x2,y2,class,nose_x,nose_y,chin_x,chin_y\n"
        "a.jpg,1,1,50,50,face,5,5,6,6\na.jpg,1,1,9,9,mask,,,,\nb.jpg,1,1,1.5,9,face,,,,\n"
    )
    options = ("--classes", "face", "--landmarks", "nose", "--drop-bad-boxes")
    output = convert("--out", data / "x.json", *options, fmt="csv", labels="faces.csv")
    for line in (
        "       2  images",
        "       1    without a box",
        "       1    face",
        "       1    with landmarks",
        "       1  boxes of class mask, which is not chosen",
        "       1  points of landmark chin, which is not chosen",
        "       1  boxes smaller than a pixel, left out",
        "       1  images without a label file or entry, left out",
        "classes: face",
        "landmarks: nose",
    ):
        assert f"{line}\n" in output


def test_classes_without_a_box_are_said(convert, data):
    (data / "data.yaml").write_text("names: [face, 'a mask']\nkpt_shape: [2, 3]\n")
    output = convert("--out", data / "x.json", "--data", data / "data.yaml")
    assert "no box is of the class a mask; --classes face leaves it out" in output
    categories = json.loads((data / "x.json").read_text())["categories"]
    assert [category["name"] for category in categories] == ["face", "a mask"]


def test_paths_with_blanks_can_be_pasted(convert, data):
    output = convert("--out", data / "my out/train.json", "--classes", "face", "--num-landmarks", 2)
    (line,) = [line for line in output.splitlines() if line.startswith("export")]
    assert shlex.split(line)[1] == f"MMEIOU_OWN_DATA={data}/my out/"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--out", "x.json"), "name them by --data data.yaml or --classes face"),
        (("--out", "x.json", "--classes", "face"), "a.txt:1: 11 numbers, expected 5"),
        (("--out", "val.json", "--val-fraction", "0.5"), "--val-fraction writes .*val.json"),
        (("--out", "x.json", "--data", "bad.yaml"), "bad.yaml: names: expected those of the cla"),
        (("--out", "x.json", "--data", "gone.yaml"), "gone.yaml"),
        (("--out", "x.json", "--classes", "face", "--list", "empty.txt"), "empty list of images"),
        (("--out", "x.json", "--classes", "face", "--list", "gone.txt"), "gone.txt"),
        (
            ("--out", "x.json", "--classes", "face", "--num-landmarks", "2", "--list", "b.txt"),
            "labels: no box in it that is wanted",
        ),
        (
            # Of the three images one has no box: alone in a part, nothing could be measured.
            (
                *("--out", "x.json", "--classes", "face", "--num-landmarks", "2"),
                *("--val-fraction", "0.3", "--seed", "SEED"),
            ),
            r"the 1 images drawn by seed \d+ for the validation part have no box to find",
        ),
    ],
)
def test_failures_write_nothing(convert, data, monkeypatch, arguments, message):
    monkeypatch.chdir(data)
    (data / "bad.yaml").write_text("train: x\n")
    (data / "empty.txt").write_text("\n")
    (data / "b.txt").write_text("b.jpg\n")
    arguments = [str(seed_that_draws_b(data)) if word == "SEED" else word for word in arguments]
    before = sorted(data.rglob("*"))
    with pytest.raises(SystemExit, match=f"convert yolo: nothing written: (?s:.*){message}"):
        convert(*arguments)
    assert sorted(data.rglob("*")) == before


def seed_that_draws_b(data):
    files = sorted(path.name for path in (data / "images").iterdir())
    drawn = (np.random.default_rng(seed).permutation(len(files))[0] for seed in range(99))
    return next(seed for seed, index in enumerate(drawn) if files[index] == "b.jpg")


@pytest.mark.parametrize(
    "wrong",
    [
        ("--seed", "-1"),
        ("--num-landmarks", "-1"),
        ("--val-fraction", "1"),
        ("--val-fraction", "-1"),
    ],
)
def test_wrong_numbers(convert, data, capsys, wrong):
    with pytest.raises(SystemExit, match="2"):
        convert(*options(data, *wrong))
    assert f"{wrong[0]}" in capsys.readouterr().err
    assert not (data / "out").exists()


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


def test_300w_pixels_from_one(convert, data):
    (data / "pts").mkdir()
    points = [(31 + index, 41 + index % 4) for index in range(68)]  # the nose, 30, at 61, 43
    rows = "".join(f"{x} {y}\n" for x, y in points)
    (data / "pts/a.pts").write_text(f"version: 1\nn_points: 68\n{{\n{rows}}}\n")
    convert("--out", data / "train.json", "--one-based", fmt="pts", labels="pts")
    (face,) = json.loads((data / "train.json").read_text())["annotations"]
    assert face["bbox"] == [30, 40, 67, 3]
    assert face["keypoints"][6:9] == [60, 42, 2]


@pytest.mark.parametrize("name", ["train", "val"])
def test_a_folder_of_the_name_leaves_both_parts_unwritten(convert, data, name):
    (data / f"out/{name}.json").mkdir(parents=True)
    with pytest.raises(SystemExit, match=rf"nothing written: .*{name}\.json is a folder: choose"):
        convert(*options(data, "--val-fraction", 0.3, "--force"))
    assert [file.name for file in (data / "out").iterdir()] == [f"{name}.json"]
