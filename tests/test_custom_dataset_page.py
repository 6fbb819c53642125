"""The commands of docs/custom_dataset.md and docs/finetuning.md, on a dozen tiny pictures."""

import csv
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from xml.etree import ElementTree as ET

import pytest
import torch
from helpers.markdown import code_to_run, commands
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.runner.checkpoint import load_state_dict
from tiny_faces import SIZE, write_tiny_faces

from mmeiou.labels import ImageLabels, read_labels
from mmeiou.labels.landmarks import FACE_LANDMARKS
from mmeiou.registry import HOOKS, MODELS

REPO = Path(__file__).resolve().parents[1]
PAGE, FINETUNING = REPO / "docs/custom_dataset.md", REPO / "docs/finetuning.md"
CONVERT = "tools/dataset_converters/convert.py"
CONFIG = "configs/yunet/yunet-n_finetune_1xb16-8e_own-faces.py"
# Eight epochs of 640 pixels as they are would take minutes.
SHORTER = [
    "train_cfg.max_epochs=1",
    "param_scheduler.1.end=1",
    "train_dataloader.batch_size=2",
    "train_dataloader.dataset.pipeline.3.scale='(96,96)'",
]
QUICKER = [
    f"{loader}.{key}"
    for loader in ("train_dataloader", "val_dataloader", "test_dataloader")
    for key in ("num_workers=0", "persistent_workers=False")
]
OPTIONS = {
    # Weights that nothing trained score a quarter everywhere.
    "tools/dataset_converters/pseudo_label.py": ["--sure", "0.1", "--doubtful", "0.05"],
    "tools/train.py": ["--device", "cpu", "--cfg-options", *SHORTER, *QUICKER],
    "tools/test.py": ["--device", "cpu", "--cfg-options", *QUICKER],
}


def write_every_format(own: Path, labels: Sequence[ImageLabels]) -> None:
    for folder in ("labels", "xml", "pts"):
        (own / folder).mkdir()
    rows = []
    images, annotations = [], []
    for number, label in enumerate(labels, start=1):
        name = Path(label.file).name
        (x1, y1, x2, y2), points = label.bboxes[0].tolist(), label.keypoints[0, :, :2].tolist()
        cx, cy = (x1 + x2) / 2, (y1 + y2) / 2
        yolo = [cx, cy, x2 - x1, y2 - y1]
        poses = [f"{x / SIZE} {y / SIZE} 2" for x, y in points]
        line = " ".join(["0", *(f"{value / SIZE}" for value in yolo), *poses])
        (own / "labels" / name).with_suffix(".txt").write_text(line)

        root = ET.Element("annotation")
        ET.SubElement(root, "filename").text = name
        box = ET.SubElement(ET.SubElement(root, "object"), "bndbox")
        ET.SubElement(root[1], "name").text = "face"
        for key, value in zip(("xmin", "ymin", "xmax", "ymax"), (x1, y1, x2, y2), strict=True):
            ET.SubElement(box, key).text = str(value)
        ET.ElementTree(root).write((own / "xml" / name).with_suffix(".xml"))

        eyes = [points[0]] * 6 + [points[1]] * 6
        sixty_eight = [(x1, y1), (x2, y2), *[points[2]] * 34, *eyes, *[points[3]] * 6]
        sixty_eight += [points[4]] * 14
        rows_68 = "".join(f"{x} {y}\n" for x, y in sixty_eight)
        text = f"version: 1\nn_points: 68\n{{\n{rows_68}}}\n"
        (own / "pts" / name).with_suffix(".pts").write_text(text)

        flat = [value for point in points for value in point]
        rows.append([name, x1, y1, x2, y2, "face", *flat])
        images.append({"id": number, "file_name": name, "width": SIZE, "height": SIZE})
        annotations.append(
            {
                "id": number,
                "image_id": number,
                "category_id": 1,
                "bbox": [x1, y1, x2 - x1, y2 - y1],
                "keypoints": [value for point in points for value in (*point, 2)],
            }
        )
        rectangle = {"label": "face", "shape_type": "rectangle", "points": [[x1, y1], [x2, y2]]}
        shapes = [rectangle] + [
            {"label": key, "shape_type": "point", "points": [point]}
            for key, point in zip(FACE_LANDMARKS, points, strict=True)
        ]
        labelme = {"imagePath": name, "imageWidth": SIZE, "imageHeight": SIZE, "shapes": shapes}
        (own / "images" / name).with_suffix(".json").write_text(json.dumps(labelme))
    columns = [f"{name}_{axis}" for name in FACE_LANDMARKS for axis in "xy"]
    with (own / "faces.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["image", "x1", "y1", "x2", "y2", "class", *columns], *rows])
    (own / "data.yaml").write_text("names: [face]\nkpt_shape: [5, 3]\nflip_idx: [1, 0, 2, 4, 3]\n")
    categories = [{"id": 1, "name": "face", "keypoints": FACE_LANDMARKS}]
    document = {"images": images, "categories": categories, "annotations": annotations}
    (own / "instances.json").write_text(json.dumps(document))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where a user stands: the checkout's tools and configs, and their own pictures."""
    faces = write_tiny_faces(tmp_path / "faces")
    work = tmp_path / "work"
    own = work / "own"
    own.mkdir(parents=True)
    shutil.copytree(faces / "WIDER_train/images/0--Squares", own / "images")
    shutil.copytree(own / "images", work / "mine/images")
    write_every_format(own, read_labels(faces / "labelv2/train/labelv2.txt").images)
    for name in ("tools", "configs"):
        (work / name).symlink_to(REPO / name)
    cfg = Config.fromfile(REPO / CONFIG)
    init_default_scope("mmdet")
    model = MODELS.build(cfg.model)
    model.init_weights()
    for fine in model.bbox_head.multi_level_cls[:1]:  # or thousands of priors are faces
        torch.nn.init.constant_(fine.conv2.bias, -20)
    torch.save({"state_dict": model.state_dict()}, work / "yunet_n.pth")
    return work


def boxes_of(path: Path) -> list:
    labels = read_labels(path, "coco", countable=True)
    return sorted(
        (image.file, labels.classes[label], *map(round, bbox), int((points[:, 2] > 0).sum()))
        for image in labels.images
        for label, bbox, points in zip(image.labels, image.bboxes, image.keypoints, strict=True)
    )


class Shell:
    """Runs lines of a page in the user's folder; exported variables stay."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {**os.environ, "OMP_NUM_THREADS": "1"}

    def run(self, line: str) -> tuple[list[str], str]:
        """Arguments of the tool and what it printed."""
        first, *words = shlex.split(re.sub(r"epoch_\d+", "epoch_1", line))
        if first == "export":
            pairs = (word.split("=") for word in words)
            values = {key: value.replace("$PWD", str(self.folder)) for key, value in pairs}
            self.environment |= values
            return [], ""
        assert first == "python"
        options = OPTIONS.get(words[0], [])
        if "--cfg-options" in words:  # the last option of its line: the others join it
            options = [*options[options.index("--cfg-options") + 1 :], *options[:2]]
        command = [sys.executable, *words, *options]
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{line}\n{done.stdout[-1000:]}{done.stderr[-3000:]}"
        return words, done.stdout + done.stderr


@pytest.mark.slow
def test_commands_of_the_page(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shell = Shell(folder)
    converted = {}
    for line in commands(PAGE):
        words, output = shell.run(line)
        if words and words[0].endswith("convert.py"):
            found = boxes_of(folder / "own/train.json")
            if "--val-fraction" in words:
                found = sorted(found + boxes_of(folder / "own/val.json"))
            converted[words[1]] = found
        assert not (words and words[0] == "tools/test.py") or "coco/bbox_mAP" in output
    assert set(converted) == {"labelme", "yolo", "voc", "csv", "pts", "coco"}
    guessed = [read_labels(folder / f"mine/{part}.json") for part in ("train", "val")]
    assert sum(len(part) for part in guessed) == 12
    assert (folder / "mine.png").is_file()
    assert len(list((folder / "found").iterdir())) == 12
    assert (folder / "mine.onnx").is_file()
    landmarks_left_out = [(*box[:-1], 0) for box in converted["coco"]]
    assert len(landmarks_left_out) == 12
    assert converted["voc"] == landmarks_left_out
    for name in ("labelme", "yolo", "csv", "pts"):
        assert converted[name] == converted["coco"], name

    monkeypatch.chdir(folder)
    (block,) = code_to_run(PAGE, "python")
    exec(block, {})  # noqa: S102 - our own documentation


@pytest.mark.slow
def test_finetuning_page(folder: Path) -> None:
    shell = Shell(folder)
    arguments = ["csv", "own/faces.csv", "--images", "own/images", "--out", "own/train.json"]
    shell.run(shlex.join(["python", CONVERT, *arguments, "--val-fraction", "0.2"]))
    careful, bold = code_to_run(FINETUNING, "bash")
    outputs = [shell.run(line)[1] for line in (*careful.splitlines(), bold)]
    assert all("coco/bbox_mAP" in output for output in outputs[1:])
    assert all("and the warm-up takes 50" in output for output in outputs[2:])
    assert (folder / "work_dirs/own/epoch_1.pth").is_file()
    options = Config.fromfile(next((folder / "work_dirs/bold").glob("*.py")))
    assert options.optim_wrapper.optimizer.lr == 0.001
    assert options.train_cfg.max_epochs == 1


def test_other_landmarks_and_classes(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The config of the page takes over all but two branches of the weights."""
    monkeypatch.chdir(folder)
    (block,) = code_to_run(FINETUNING, "python")
    Path("own.py").write_text(block)
    cfg = Config.fromfile("own.py")
    model = MODELS.build(cfg.model)
    checkpoint = torch.load("yunet_n.pth", weights_only=True)
    hook = HOOKS.build(cfg.default_hooks.checkpoint_guard)
    hook.after_load_checkpoint(SimpleNamespace(model=model, _resume=False), checkpoint)
    load_state_dict(model, checkpoint["state_dict"])
    kept = [
        key
        for key, value in model.state_dict().items()
        if not torch.equal(value, checkpoint["state_dict"][key])
    ]
    # Three levels; the pointwise and the depthwise convolution, weight and bias each.
    assert len(kept) == 2 * 3 * 4


def test_the_json_of_the_page_is_valid(tmp_path: Path) -> None:
    (block,) = code_to_run(PAGE, "json")
    path = tmp_path / "own.json"
    path.write_text(block)
    labels = read_labels(path, countable=True)
    assert labels.flip_pairs == ((0, 1),)
    (image,) = labels.images
    assert [int((points[:, 2] > 0).sum()) for points in image.keypoints] == [1, 0]
