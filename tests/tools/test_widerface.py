"""WIDER FACE's archives, with a handful of images."""

import runpy
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from mmeiou.labels import LabelError

with pytest.MonkeyPatch.context() as patch:
    patch.syspath_prepend(str(Path(__file__).parents[2] / "tools/dataset_converters"))
    from widerface_archives import prepare
    from widerface_parts import NUM_TRAIN, NUM_VAL, PARTS
from wider_files import write_ground_truth

FACE = "10 10 30 30 " + "15 15 0.0 " * 5


def parts(*names, count=2):
    return [replace(part, count=part.count and count) for name in names for part in PARTS[name]]


def jpeg():
    return cv2.imencode(".jpg", np.zeros((48, 64, 3), np.uint8))[1].tobytes()


def pack(path, **files):
    path.parent.mkdir(exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)


def labels(form="# {} 64 48\n{}\n", face=FACE):
    return "".join(form.format(f"0--Parade/{i}.jpg", face) for i in range(2))


@pytest.fixture
def downloads(tmp_path):
    folder = tmp_path / "downloads"
    for split in ("train", "val"):
        names = [f"WIDER_{split}/images/0--Parade/{i}.jpg" for i in range(2)]
        others = {f"WIDER_{split}/images/Thumbs.db": b"x"}
        pack(folder / f"WIDER_{split}.zip", **dict.fromkeys(names, jpeg()), **others)
    pack(
        folder / "labels.zip",
        **{
            "labelv2/train/labelv2.txt": labels(),
            "labelv2/val/labelv2.txt": labels(face="1 2 9 9"),
        },
    )
    gt = write_ground_truth(tmp_path / "gt")
    files = {f"eval_tools/ground_truth/{mat.name}": mat.read_bytes() for mat in gt.iterdir()}
    pack(folder / "eval_tools.zip", **files, **{"eval_tools/ground_truth/readme.txt": "x"})
    return folder


def layout(root):
    return sorted(p.relative_to(root).as_posix() for p in root.rglob("*") if p.is_file())


LAYOUT = [
    "WIDER_train/images/0--Parade/0.jpg",
    "WIDER_train/images/0--Parade/1.jpg",
    "WIDER_val/images/0--Parade/0.jpg",
    "WIDER_val/images/0--Parade/1.jpg",
    "labelv2/train/labelv2.txt",
    "labelv2/val/gt/wider_easy_val.mat",
    "labelv2/val/gt/wider_face_val.mat",
    "labelv2/val/gt/wider_hard_val.mat",
    "labelv2/val/gt/wider_medium_val.mat",
    "labelv2/val/labelv2.txt",
]


def test_layout(downloads, tmp_path):
    counts = prepare(downloads, tmp_path / "data/widerface", parts("train", "val"))
    assert layout(tmp_path / "data/widerface") == LAYOUT
    assert list(counts.values()) == [2, 1, 2, 1, 4]
    assert (NUM_TRAIN, NUM_VAL) == (12_880, 3_226)


def test_unpacked_folders_and_other_labels(downloads, tmp_path):
    with zipfile.ZipFile(downloads / "WIDER_val.zip") as archive:
        archive.extractall(downloads / "unpacked")
    (downloads / "WIDER_val.zip").unlink()
    (downloads / "labels.zip").unlink()
    face = "10 10 20 20 " + "15 15 0.0 " * 5 + "0.8"
    pack(downloads / "retinaface_gt_v1.1.zip", **{"train/label.txt": labels("# {}\n{}\n", face)})
    bbx = labels("{}\n1\n{}\n", "1 2 8 8 0 0 0 0 0 0")
    pack(downloads / "wider_face_split.zip", **{"wider_face_split/wider_face_val_bbx_gt.txt": bbx})
    prepare(downloads, tmp_path / "out", parts("train", "val"))
    assert layout(tmp_path / "out") == LAYOUT
    assert (tmp_path / "out/labelv2/val/labelv2.txt").read_text() == bbx


def test_what_is_whole_is_preferred(downloads, tmp_path):
    """Somebody has begun to unpack by hand."""
    for split in ("train", "val"):
        image = downloads / f"WIDER_{split}/images/0--Parade/0.jpg"
        image.parent.mkdir(parents=True)
        image.write_bytes(jpeg())
    prepare(downloads, tmp_path / "out", parts("train", "val"))
    assert layout(tmp_path / "out") == LAYOUT


def test_validation_alone(downloads, tmp_path):
    (downloads / "WIDER_train.zip").unlink()
    prepare(downloads, tmp_path / "out", parts("val"))
    assert layout(tmp_path / "out") == [name for name in LAYOUT if "train" not in name]


def test_everything_missing_is_named(tmp_path):
    (tmp_path / "none").mkdir()
    with pytest.raises(LabelError) as error:
        prepare(tmp_path / "none", tmp_path / "out", parts("train", "val"))
    text = str(error.value)
    assert text.count(": missing. Get ") == 5
    for source in ("WIDER_train.zip", "WIDER_val.zip", "labelv2", "eval_tools.zip", "http"):
        assert source in text
    assert not (tmp_path / "out").exists()


def damage_labels(downloads):
    files = {
        f"labelv2/{split}/labelv2.txt": "# a.jpg 64 48\n1 2 x 4\n" for split in ("train", "val")
    }
    pack(downloads / "labels.zip", **files)


def other_images(downloads):
    files = {f"labelv2/{split}/labelv2.txt": "# no.jpg 64 48\n" for split in ("train", "val")}
    pack(downloads / "labels.zip", **files)


def outside(downloads):
    files = {f"labelv2/{split}/labelv2.txt": "# ../0.jpg 64 48\n" for split in ("train", "val")}
    pack(downloads / "labels.zip", **files)


def encrypt(downloads):
    """As a password would: the flag in the headers of every file."""
    path = downloads / "WIDER_val.zip"
    data = bytearray(path.read_bytes())
    for start, flag in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        place = -1
        while (place := data.find(start, place + 1)) >= 0:
            data[place + flag] |= 1
    path.write_bytes(data)


def unknown_compression(downloads):
    path = downloads / "WIDER_val.zip"
    data = bytearray(path.read_bytes())
    for start, method in ((b"PK\3\4", 8), (b"PK\1\2", 10)):
        place = -1
        while (place := data.find(start, place + 1)) >= 0:
            data[place + method] = 99
    path.write_bytes(data)


def truncate(downloads):
    path = downloads / "WIDER_train.zip"
    path.write_bytes(path.read_bytes()[:-30])


def damage_bytes(downloads):
    path = downloads / "WIDER_val.zip"
    data = bytearray(path.read_bytes())
    data[90] ^= 255  # in the pixels of the first image
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            damage_labels,
            r"labels.zip: training labels.*: labelv2/train/labelv2.txt:2: column 3: 'x', exp",
        ),
        (outside, r"labels.zip: training labels.*: labelv2/train/labelv2.txt:1: image line: "),
        (encrypt, r"WIDER_val.zip: WIDER_val/images/0--Parade/0.jpg: .*encrypted.*unpack it by h"),
        (unknown_compression, r"WIDER_val.zip: WIDER_val/images/0--Parade/0.jpg: .*unpack it by h"),
        (truncate, r"WIDER_train.zip: .*download it again"),
        (lambda d: (d / "eval_tools.zip").write_bytes(b""), r"eval_tools.zip: .*download it again"),
        (other_images, r"labels.zip: training labels.*1 images are not there, e.g. no.jpg"),
        (damage_bytes, r"WIDER_val.zip: WIDER_val/images/0--Parade/0.jpg: .*download it again"),
        (lambda d: (d / "WIDER_val.zip").write_bytes(b"PK"), r"WIDER_val.zip: .*download it again"),
        (
            lambda d: pack(d / "eval_tools.zip", **{"ground_truth/wider_face_val.mat": "x"}),
            "no wider_e",
        ),
    ],
)
def test_damaged_archives(downloads, tmp_path, change, message):
    change(downloads)
    with pytest.raises(LabelError, match=message):
        prepare(downloads, tmp_path / "out", parts("train", "val"))
    assert not (tmp_path / "out").exists() or not list((tmp_path / "out").iterdir())


def test_incomplete_images(downloads, tmp_path):
    with pytest.raises(LabelError, match=r"2 of 12,880 images in .*WIDER_train.zip"):
        prepare(downloads, tmp_path / "out", PARTS["train"])


def test_nothing_is_replaced(downloads, tmp_path):
    (tmp_path / "out/WIDER_val/images").mkdir(parents=True)
    with pytest.raises(LabelError, match=r"already there, remove it first: .*WIDER_val/images"):
        prepare(downloads, tmp_path / "out", parts("val"))


def test_paths_that_lead_out_of_an_archive_are_left_alone(downloads, tmp_path):
    pack(downloads / "a.zip", **{"x/../../WIDER_val/images/0--Parade/evil.jpg": jpeg()})
    prepare(downloads, tmp_path / "out", parts("val"))
    assert not list(tmp_path.rglob("evil.jpg"))


def test_the_command_says_what_to_export(downloads, tmp_path, monkeypatch, capsys, repo):
    tool = repo / "tools/dataset_converters/widerface.py"
    monkeypatch.syspath_prepend(str(tool.parent))
    out = tmp_path / "my data"
    monkeypatch.setattr(sys, "argv", [str(tool), str(downloads), "--out", str(out)])
    with pytest.raises(SystemExit, match=r"widerface: nothing written: (?s:.*)2 of 12,880 images"):
        runpy.run_path(str(tool), run_name="__main__")
    for part in (*PARTS["train"], *PARTS["val"]):
        monkeypatch.setitem(part.__dict__, "count", part.count and 2)
    runpy.run_path(str(tool), run_name="__main__")
    printed = capsys.readouterr().out
    assert f"       2  training images: {out}/WIDER_train/images\n" in printed
    assert printed.endswith(f"export MMEIOU_WIDERFACE='{out}/'\n")
