"""tools/dataset_converters/pseudo_label.py in this process, with a teacher easy to predict.

The teacher of most tests is an ONNX file of one convolution: the score of a cell follows from its
blue channel, its box is the cell.
"""

import json
import runpy
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import MODELS, init_default_scope

from mmeiou.labels import read_labels
from mmeiou.labels.landmarks import FACE_LANDMARKS

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

STRIDE = 32


def write_teacher(path: Path, classes: tuple[str, ...] = ()) -> Path:
    """A model of FaceDetectorYN's outputs: cls = mean blue / 255 of a cell, obj = 1, box = cell."""
    mean = np.zeros((1, 3, STRIDE, STRIDE), np.float32)
    mean[0, 0] = 1 / (255 * STRIDE**2)
    make, tensor = onnx.helper.make_node, onnx.numpy_helper.from_array
    nodes = [
        make("Conv", ["input", "mean"], ["map"], strides=[STRIDE, STRIDE]),
        make("Reshape", ["map", "flat"], ["cls_32"]),
        make("Add", ["zero1", "one"], ["obj_32"]),
        make("Mul", ["cls_32", "zero"], ["zero1"]),
        make("Add", ["zero1", "centre"], ["bbox_32"]),
        make("Add", ["zero1", "points"], ["kps_32"]),
    ]
    nodes.insert(2, nodes.pop(3))
    values = {
        "mean": mean,
        "flat": np.array([0, -1, 1]),
        "zero": np.zeros(1, np.float32),
        "one": np.ones(1, np.float32),
        "centre": np.array([0.5, 0.5, 0, 0], np.float32),  # of the cell, one stride wide
        "points": np.array([0.25, 0.25, 0.75, 0.25, 0.5, 0.5, 0.25, 0.75, 0.75, 0.75], np.float32),
    }
    info = onnx.helper.make_tensor_value_info
    float32 = onnx.TensorProto.FLOAT
    graph = onnx.helper.make_graph(
        nodes,
        "teacher",
        [info("input", float32, ["n", 3, "h", "w"])],
        [
            info(f"{name}_32", float32, ["n", None, size])
            for name, size in (("cls", 1), ("obj", 1), ("bbox", 4), ("kps", 10))
        ],
        [tensor(value, name) for name, value in values.items()],
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)])
    model.ir_version = 9
    if classes:
        onnx.helper.set_model_props(model, {"classes": json.dumps(classes)})
    onnx.save(model, path)
    return path


def write_picture(path: Path, *cells: tuple[int, int, int]) -> None:
    """64 x 96 pixels, black but for cells (row, column, blue)."""
    image = np.zeros((64, 96, 3), np.uint8)
    for row, column, blue in cells:
        top, left = row * STRIDE, column * STRIDE
        image[top : top + STRIDE, left : left + STRIDE, 0] = blue
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), image)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Pictures with a sure face of 0.8, a doubtful one of 0.4, and none."""
    images = tmp_path / "images"
    write_picture(images / "a.png", (0, 0, 204), (1, 1, 102))
    write_picture(images / "b/deep.png", (1, 2, 204))
    write_picture(images / "c.png")
    write_teacher(tmp_path / "teacher.onnx")
    return tmp_path


Run = Callable[..., str]


@pytest.fixture
def run(repo: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> Run:
    monkeypatch.syspath_prepend(str(repo / "tools/dataset_converters"))  # as Python does

    def run(*arguments: object, model: object = folder / "teacher.onnx") -> str:
        command = ["pseudo_label.py", folder / "images", "--out", folder / "out/train.json"]
        monkeypatch.setattr(sys, "argv", [*map(str, [*command, "--model", model, *arguments])])
        tool = repo / "tools/dataset_converters/pseudo_label.py"
        runpy.run_path(str(tool), run_name="__main__")
        return str(capsys.readouterr().out)

    return run


def left_in(folder: Path) -> set[str]:
    """Files in the folder of the output, but for what the teacher found."""
    files = folder.glob("out/**/*")
    return {file.name for file in files if not file.name.endswith(".faces.jsonl")}


def test_two_thresholds_landmarks_and_pictures_without_faces(run: Run, folder: Path) -> None:
    output = run()
    labels = read_labels(folder / "out/train.json", countable=True)
    assert labels.landmarks == FACE_LANDMARKS
    assert labels.flip_pairs == ((0, 1), (3, 4))
    a, b, c = labels.images
    assert [image.file for image in (a, b, c)] == ["a.png", "b/deep.png", "c.png"]
    assert a.bboxes.tolist() == [[0, 0, 32, 32], [32, 32, 64, 64]]
    assert a.ignore.tolist() == [False, True]
    assert a.keypoints[0].tolist() == [[8, 8, 2], [24, 8, 2], [16, 16, 2], [8, 24, 2], [24, 24, 2]]
    assert not a.keypoints[1].any()
    assert b.bboxes.tolist() == [[64, 32, 96, 64]]
    assert not len(c)
    assert "       3  images\n       1    without a box\n       3  boxes" in output
    assert f"MMEIOU_OWN_IMAGES={folder / 'images'}/" in output


def test_counts_pictures_in_formats_that_are_not_read(run: Run, folder: Path) -> None:
    assert "left out" not in run()
    for name in ("1.HEIC", "b/2.heic", "3.gif", "notes.txt"):
        (folder / "images" / name).write_bytes(b"")
    lines = [line for line in run("--force").splitlines() if "left out" in line]
    assert lines == [
        "       1  .gif pictures, left out: save them as JPEG or PNG",
        "       2  .heic pictures, left out: save them as JPEG or PNG",
    ]


def test_faces_that_are_too_small_are_ignored(run: Run, folder: Path) -> None:
    run("--min-size", 32, "--sure", 0.3)
    assert not read_labels(folder / "out/train.json").images[0].ignore.any()
    with pytest.raises(SystemExit, match=r"no face in 3 pictures: the best score is 0\.80, --sure"):
        run("--min-size", 33, "--force")


def test_splits(run: Run, folder: Path) -> None:
    write_picture(folder / "images/d.png", (0, 0, 204))
    run("--val-fraction", 0.5, "--seed", 1)
    parts = [read_labels(folder / f"out/{name}.json") for name in ("train", "val")]
    assert sorted(image.file for part in parts for image in part.images) == [
        "a.png",
        "b/deep.png",
        "c.png",
        "d.png",
    ]
    assert [len(part) for part in parts] == [2, 2]


def test_other_thresholds_ask_the_teacher_nothing(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mmeiou.apis import FaceDetector  # noqa: PLC0415

    asked: list[str] = []
    detect = FaceDetector.__call__

    def noting(self: Any, path: Any) -> Any:
        asked.append(path.name)
        return detect(self, path)

    monkeypatch.setattr(FaceDetector, "__call__", noting)
    run()
    assert asked == ["a.png", "deep.png", "c.png"]
    run("--sure", 0.3, "--force")
    assert len(asked) == 3
    assert len(read_labels(folder / "out/train.json").images[0]) == 2
    write_picture(folder / "images/c.png", (0, 1, 204))  # another picture than before
    kept = folder / "out/train.faces.jsonl"
    lines = kept.read_text().splitlines(keepends=True)
    kept.write_text("".join(lines[:-2]) + lines[-2][:40])  # killed within a line
    run("--force")
    assert asked[3:] == ["deep.png", "c.png"]
    assert [len(image) for image in read_labels(folder / "out/train.json").images] == [2, 1, 1]


def test_what_another_teacher_found_is_not_taken(run: Run, folder: Path) -> None:
    run()
    with pytest.raises(SystemExit, match=r"train\.faces\.jsonl: found by another teacher"):
        run("--scales", 1, 2, "--force")
    (folder / "out/train.faces.jsonl").write_text("[]\n")
    with pytest.raises(
        SystemExit, match=r"train\.faces\.jsonl:1: not what a teacher found: remove"
    ):
        run("--force")


def test_a_file_that_is_refused_stays_as_it_is(run: Run, folder: Path) -> None:
    kept = folder / "out/train.faces.jsonl"
    kept.parent.mkdir()
    foreign = b'{"important": 1}\n{"last": "line without newline"}'
    kept.write_bytes(foreign)
    with pytest.raises(SystemExit, match=r"jsonl:1: not what a teacher found \(no key 'teacher'\)"):
        run()
    assert kept.read_bytes() == foreign
    kept.unlink()
    run()
    killed = kept.read_bytes()[:-9]  # the last line of another teacher's
    kept.write_bytes(killed)
    with pytest.raises(SystemExit, match="found by another teacher"):
        run("--scales", 1, 2, "--force")
    assert kept.read_bytes() == killed


@pytest.mark.parametrize("key", ["image", "sha256", "size", "landmarks", "faces"])
def test_a_line_without_a_key_is_named(run: Run, folder: Path, key: str) -> None:
    run()
    kept = folder / "out/train.faces.jsonl"
    lines = kept.read_text().splitlines()
    record = json.loads(lines[2])
    del record[key]
    lines[2] = json.dumps(record)
    kept.write_text("\n".join(lines) + "\n")
    with pytest.raises(SystemExit, match=rf"train\.faces\.jsonl:3: .* \(no key '{key}'\)"):
        run("--force")


def test_another_picture_of_as_many_bytes_is_looked_at(run: Run, folder: Path) -> None:
    picture = folder / "images/d.bmp"
    write_picture(picture)
    size = picture.stat().st_size
    run()
    write_picture(picture, (0, 0, 204))
    assert picture.stat().st_size == size
    run("--force")
    assert [len(image) for image in read_labels(folder / "out/train.json").images] == [2, 1, 0, 1]


def test_what_a_config_inherits_makes_another_teacher(
    repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(repo / "tools/dataset_converters"))
    import teachers  # noqa: PLC0415

    def digest(device: str = "cpu", scale: float = 1.0) -> str:
        options = teachers.Options(device, [scale], None, tta=False, score_thr=0.05)
        return teachers.digest_of(str(tmp_path / "child.py"), str(tmp_path / "a.pth"), options)

    (tmp_path / "child.py").write_text("_base_ = ['base.py']\n")
    (tmp_path / "base.py").write_text("nms = 0.4\n")
    (tmp_path / "a.pth").write_bytes(b"weights")
    first = digest()
    assert digest("cuda:1") == first
    found = {first, digest(scale=2.0)}
    (tmp_path / "base.py").write_text("nms = 0.5\n")
    found.add(digest())
    (tmp_path / "a.pth").write_bytes(b"others")
    found.add(digest())
    assert len(found) == 4


def test_unreadable_pictures_are_named_and_left_out(run: Run, folder: Path, capsys: Any) -> None:
    (folder / "images/broken.jpg").write_bytes(b"no picture")
    write_picture(folder / "images/cut.jpg")
    whole = (folder / "images/cut.jpg").read_bytes()
    (folder / "images/cut.jpg").write_bytes(whole[:-40])
    (folder / "images/gone.jpg").symlink_to("nowhere.jpg")
    with pytest.raises(SystemExit, match="3 unreadable images were left out"):
        run()
    said = capsys.readouterr().err
    assert "broken.jpg: not an image" in said
    assert "cut.jpg: a truncated JPEG" in said
    assert "gone.jpg: cannot be read (No such file" in said
    assert len(read_labels(folder / "out/train.json")) == 3


def test_the_sheet_shows_sure_and_doubtful_faces(run: Run, folder: Path) -> None:
    run("--sheet", folder / "sheet.png", "--number", 2)
    sheet = cv2.imread(str(folder / "sheet.png"))
    assert sheet.shape[1] > 2 * 96
    green, orange = ((sheet == colour).all(axis=-1) for colour in ((0, 220, 0), (0, 140, 255)))
    # Beside the squares of the legend: two faces, one doubtful one, 32 pixels a side.
    legend = 28
    assert green[legend:].sum() > 150
    assert 80 < orange[legend:].sum() < 200


def test_classes(run: Run, folder: Path) -> None:
    other = write_teacher(folder / "other.onnx", ("mask",))
    with pytest.raises(SystemExit, match="knows the classes mask, not face: choose by --classes"):
        run(model=other)
    assert not (folder / "out").exists()  # before a picture is looked at
    run("--classes", "mask", model=other)
    assert read_labels(folder / "out/train.json").classes == ("mask",)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--sure", 0.9], "no face in 3 pictures"),
        (["--sure", 0.1], "expected 0 < doubtful <= sure <= 1"),
        (["--doubtful", 0.01], r"--doubtful 0\.01: expected at least 0\.05"),
        (["--sheet", "images/sheet.png"], "would be one of the pictures"),
        (["--sheet", "sheet.doc"], "OpenCV writes no such format"),
        (["--tta"], "--tta needs a config"),
        (["--val-fraction", 0.01], "have no box to find; choose another seed"),
        (["--checkpoint", "teacher.onnx"], "holds its weights: leave out checkpoint"),
    ],
)
def test_nothing_is_written(
    run: Run, folder: Path, arguments: list, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    with pytest.raises(SystemExit, match=f"no labels written: .*{message}"):
        run(*arguments, "--seed", 2)
    assert left_in(folder) == set()


def test_an_empty_folder_and_teachers_that_are_none(run: Run, folder: Path) -> None:
    with pytest.raises(SystemExit, match=r"teacher: .*no\.onnx not found"):
        run(model=folder / "no.onnx")
    (folder / "no.onnx").write_bytes(b"no model")
    with pytest.raises(SystemExit, match=r"no labels written: .*no\.onnx cannot be opened by ONNX"):
        run(model=folder / "no.onnx")
    for file in (folder / "images").rglob("*.png"):
        file.unlink()
    with pytest.raises(SystemExit, match="images: no images"):
        run()


def test_an_existing_file_stays(run: Run, folder: Path) -> None:
    run()
    before = (folder / "out/train.json").read_bytes()
    with pytest.raises(SystemExit, match=r"train\.json exists; --force replaces it"):
        run("--sure", 0.3)
    assert (folder / "out/train.json").read_bytes() == before


def test_a_config_with_its_augmentation(run: Run, folder: Path, repo: Path) -> None:
    """Random weights score about a quarter everywhere."""
    name = "yunet-n_tta_2xb16-640e_widerface.py"
    cfg = Config.fromfile(repo / "configs/yunet" / name)
    init_default_scope("mmdet")
    torch.manual_seed(0)
    model = MODELS.build(cfg.model)
    model.init_weights()
    torch.save(model.state_dict(), folder / "yunet.pth")
    arguments = ["--checkpoint", folder / "yunet.pth", "--sure", 0.1, "--doubtful", 0.05]
    run(*arguments, "--tta", "--min-size", 1, model=name)
    found = read_labels(folder / "out/train.json")
    assert all(len(image) for image in found.images)
    run_again = folder / "out/train.faces.jsonl"
    run_again.unlink()
    run(*arguments, "--min-size", 1, "--force", model=name)
    plain = read_labels(folder / "out/train.json")
    assert [len(image) for image in plain.images] != [len(image) for image in found.images]


def test_released_scrfd(run: Run, folder: Path, shared_data: Path) -> None:
    pictures = sorted((shared_data / "widerface/WIDER_val/images/0--Parade").glob("*.jpg"))
    (folder / "images/parade.jpg").write_bytes(pictures[3].read_bytes())
    run("--doubtful", 0.3, model=shared_data / "weights/scrfd_500m_kps.onnx")
    parade = next(
        image
        for image in read_labels(folder / "out/train.json").images
        if image.file == "parade.jpg"
    )
    assert (~parade.ignore).sum() >= 5
    eyes, mouth = parade.keypoints[~parade.ignore][:, :2], parade.keypoints[~parade.ignore][:, 3:]
    assert (eyes[..., 1].mean(axis=1) < mouth[..., 1].mean(axis=1)).all()
