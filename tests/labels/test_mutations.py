"""Damaged labels and detections are read, or refused by an error that names them.

``MMEIOU_FUZZ`` is the number of damaged inputs, over all formats together.
"""

import json
import os
import pickle
import random
import time
from collections.abc import Callable
from copy import deepcopy
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from picture_files import write_picture
from scipy.io import loadmat, savemat
from wider_files import cell, write_ground_truth, write_text

from mmeiou.evaluation.predictions import read_predictions
from mmeiou.labels import ImageError, LabelError, Source, read_labels
from mmeiou.labels.errors import Problems
from mmeiou.labels.formats.yolo import YoloNames, names_from_yaml
from mmeiou.labels.image_list import ImageList
from mmeiou.labels.read import FORMATS

CASES = int(os.environ.get("MMEIOU_FUZZ", "300"))
SECONDS = 10  # far beyond what the smallest machine takes for any of these

WORDS = [
    "nan", "inf", "-inf", "1e999", "-1", "0", "", " ", "9" * 5000, "0x10", "1_000", "2.5", "²",
    "a" * 9000, "face", "\x00", "\x1b[2J", "../" * 9, "/etc/passwd", "C:\\a.jpg", "\ufeff", "#",
    "'", '"', "&amp;", "]]>", "<!--", "*", "&a", "!!int", "- -", "{", "[" * 3000, "a.jpg", "\u2028",
]  # fmt: skip


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


VALUES: list[Any] = [
    None, True, False, 0, -1, 1, 2.5, 1e300, float("nan"), float("inf"), 10**4000, "", " ", "1",
    "nan", "a" * 9000, "\ud800", "\x00", "../x", [], {}, [[]], [None], {"": None}, {"id": {}},
    [1, 2, 3, 4], [1e300] * 4, ["1"] * 4, nested(500), {"a": nested(50)}, [0] * 15, "a.jpg",
]  # fmt: skip

ARRAYS: list[Any] = [
    np.zeros((0, 0)), np.zeros((0, 4)), np.zeros((1, 4)), np.ones((1, 1)), np.full((2, 4), np.nan),
    np.array([[1.0, 2, 3]]), np.array([[1e300, 0, 0, 0]]), np.array([[1j, 0, 0, 0]]), "text",
    np.array([[-1]]), np.array([[2**40]]), np.array([[1.5]]), np.zeros((1, 1, 4)),
    cell([]), cell(["a"]), cell([cell([np.ones((1, 4))])]),
    np.array([["a", "b"]]),
]  # fmt: skip

LABELS = {
    "labelv2": "# a.jpg 200 100\n10 20 30 40 11 22 0 25 22 1 18 30 0 -1 -1 -1 0 0 0\n5 5 9 9\n"
    "# sub/b.png 200 100\n1 2 30 40\n",
    "retinaface": "# a.jpg\n10 20 20 20 11 22 0 25 22 1 0.8\n5 5 9 9\n# sub/b.png\n1 2 30 40\n",
    "wider": "a.jpg\n2\n10 20 30 40 0 0 0 0 0 0\n1 2 3 4 2 0 0 1 0 0\nsub/b.png\n0\n"
    "0 0 0 0 0 0 0 0 0 0\n",
    "csv": "image,x1,y1,x2,y2,class,ignore,width,height,eye_x,eye_y,eye_v\n"
    "a.jpg,10,20,30,40,face,0,200,100,15,25,1\na.jpg,50,20,70,40,mask,1,,,-1,-1,\n"
    'sub/b.png,"1",2,30,40,face,,200,100,5,6,2\n',
    "coco": json.dumps(
        {
            "images": [
                {"id": 7, "file_name": "a.jpg", "width": 200, "height": 100},
                {"id": "b", "file_name": "sub/b.png", "width": 200, "height": 100},
            ],
            "categories": [
                {"id": 1, "name": "face", "keypoints": ["l", "r"], "flip_pairs": [[0, 1]]},
                {"id": 2, "name": "mask"},
            ],
            "annotations": [
                {
                    "id": 1,
                    "image_id": 7,
                    "category_id": 1,
                    "bbox": [10, 20, 30, 40.5],
                    "keypoints": [15, 25, 2, 0, 0, 0],
                    "iscrowd": 0,
                },
                {"id": 2, "image_id": "b", "category_id": 2, "bbox": [0, 0, 5, 5], "ignore": 1},
            ],
        },
        indent=1,
    ),
    "voc": "<annotation>\n<filename>a.jpg</filename>\n<size><width>200</width>"
    "<height>100</height></size>\n<object>\n<name>face</name>\n<difficult>0</difficult>\n"
    "<bndbox><xmin>11</xmin><ymin>21</ymin><xmax>30</xmax><ymax>40</ymax></bndbox>\n</object>\n"
    "</annotation>\n",
    "labelme": json.dumps(
        {
            "imagePath": "a.jpg",
            "imageWidth": 200,
            "imageHeight": 100,
            "shapes": [
                {
                    "label": "face",
                    "points": [[10, 20], [60, 70]],
                    "shape_type": "rectangle",
                    "group_id": 3,
                    "flags": {"ignore": True},
                },
                {"label": "nose", "points": [[20, 30]], "shape_type": "point", "group_id": 3},
                {"label": "face", "points": [[90, 20], [99, 70], [80, 40]], "flags": {}},
            ],
        },
        indent=1,
    ),
    "yolo": "0 0.5 0.5 0.2 0.5 0.4 0.4 2 0.6 0.6 1\n1 0.1 0.2 0.1 0.2\n",
    "pts": "version: 1\nn_points: 68\n{\n"
    + "".join(f"{20 + i} {30 + i % 7}\n" for i in range(68))
    + "}\n",
}
FILES = {"coco": "labels.json", "csv": "labels.csv", "voc": "labels/a.xml"} | {
    "labelme": "images/a.json",
    "yolo": "labels/a.txt",
    "pts": "labels/a.pts",
}
DATA_YAML = (
    "names: {0: face, 1: mask}\nkpt_shape: [2, 3]\nflip_idx: [1, 0]\nkpt_names: {0: [l, r]}\n"
    "train: images/train\nnc: 2\n"
)
MAT_FILES = ("wider_face_val.mat", "wider_hard_val.mat")
YOLO = YoloNames(("face", "mask"), ("l", "r"), 3)
FACES = json.dumps(
    [
        {
            "image": "0--A/a.jpg",
            "faces": [
                {"box": [1, 2, 30, 40], "score": 0.5, "landmarks": [[1, 2]], "label": 0},
                {"box": [1, 2, 30, 40], "score": 0.25},
            ],
        },
        {"image": "0--A/b.jpg", "faces": []},
    ],
    indent=1,
)
PREDICTED = [
    {
        "img_path": "0--A/a.jpg",
        "pred_instances": {
            "bboxes": torch.tensor([[1.0, 2, 30, 40]]),
            "scores": np.array([0.5]),
            "labels": torch.tensor([0]),
        },
    }
]


class Subject(NamedTuple):
    """A valid input, and who reads it.

    Attributes:
        file: To damage.
        source: The file, or its folder: what the reader is given, and an error is to name.
        roads: The ways of reading it.
    """

    file: Path
    source: Path
    roads: list[Callable[[], object]]


def label_subject(root: Path, name: str, half: int) -> Subject:
    if name == "wider_mat":
        folder = write_ground_truth(root / "gt")
        return Subject(folder / MAT_FILES[half], folder, [lambda: read_labels(folder)])
    file = root / FILES.get(name, "labels.txt")
    file.parent.mkdir(exist_ok=True)
    file.write_text(LABELS[name])
    labels = file if file.parent == root else file.parent
    options = {"names": YOLO} if name == "yolo" else {}

    def looking_at_the_images() -> object:
        source = Source(labels, root / "images", Problems())
        return read_labels(source, name, **options)

    def choosing() -> object:
        (root / "some.txt").write_text("a.jpg\nsub/c\n")
        source = Source(
            labels,
            root / "images",
            Problems(drop_bad_boxes=True),
            classes=("face",),
            listed=ImageList(root / "some.txt"),
        )
        return read_labels(source, name, **options)

    roads = [looking_at_the_images, choosing]
    # YOLO's numbers mean nothing without the images.
    return Subject(file, labels, roads if name == "yolo" else [*roads, lambda: read_labels(labels)])


def subject(root: Path, name: str, half: int = 0) -> Subject:
    """Write a valid input of some kind below a folder; ``half`` is that of the runs."""
    if name in FORMATS:
        return label_subject(root, name, half)
    file = root / name
    if name == "data.yaml":
        file.write_text(DATA_YAML)
        return Subject(file, file, [lambda: names_from_yaml(file)])
    if name == "list.txt":
        file.write_text("images/a.jpg\n./sub/b.png 1\n\nc\n")
        return Subject(file, file, [lambda: "a.jpg" in ImageList(file)])
    if name == "faces.json":
        file.write_text(FACES)
    elif name == "found.pkl":
        file.write_bytes(pickle.dumps(PREDICTED))
    else:
        file = write_text(root / "text", "0--A/a", "1 2 30 40 0.5", "1 2 3 4 0.25")
        return Subject(file, root / "text", [lambda: read_predictions(root / "text")])
    return Subject(file, file, [lambda: read_predictions(file)])


READ = ["data.yaml", "list.txt", *FORMATS]
FOUND = ["wider_txt", "faces.json", "found.pkl"]


def damaged(data: bytes, rng: random.Random) -> bytes:
    """The same with one to three things wrong with it."""
    for _ in range(rng.choice((1, 1, 2, 3))):
        ways: list[Callable[[bytes, random.Random], bytes]] = [_bytes, _lines, _words]
        if data.startswith(b"MATLAB"):
            ways = [_cells]
        if data.lstrip()[:1] in (b"{", b"["):
            ways += [_json, _json]
        data = rng.choice(ways)(data, rng)
    return data


def _bytes(data: bytes, rng: random.Random) -> bytes:
    if not data:
        return rng.randbytes(20)
    place = rng.randrange(len(data))
    way = rng.randrange(4)
    if way == 0:
        return data[:place]
    if way == 1:
        return data[:place] + rng.randbytes(rng.randint(1, 9)) + data[place:]
    flipped = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        flipped[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    return bytes(flipped)


def _lines(data: bytes, rng: random.Random) -> bytes:
    lines = data.split(b"\n")
    place = rng.randrange(len(lines))
    way = rng.randrange(4)
    if way == 0:
        del lines[place]
    elif way == 1:
        lines.insert(place, rng.choice(lines))
    elif way == 2:
        rng.shuffle(lines)
    else:
        lines[place] = rng.choice(WORDS).encode()
    return b"\n".join(lines) if rng.random() < 0.9 else b"\r\n".join(lines)


def _words(data: bytes, rng: random.Random) -> bytes:
    text = data.decode("utf-8", "surrogateescape")
    starts = [i for i, char in enumerate(text) if char.isalnum()] or [0]
    start = end = rng.choice(starts)
    while end < len(text) and (text[end].isalnum() or text[end] in ".-"):
        end += 1
    changed = text[:start] + rng.choice(WORDS) + text[end:]
    return changed.encode("utf-8", "surrogateescape")


def _cells(data: bytes, rng: random.Random) -> bytes:
    """Other variables: damaged bytes crash SciPy, whose reader is none of ours."""
    variables = {name: v for name, v in loadmat(BytesIO(data)).items() if not name.startswith("_")}
    if not variables:
        return data
    name = rng.choice(sorted(variables))
    place: Any = variables
    key: Any = name
    while (part := np.asarray(place[key])).dtype == object and part.size and rng.random() < 0.7:
        place = part
        key = tuple(rng.randrange(size) for size in part.shape)
    if key == name and rng.random() < 0.3:
        del variables[name]
    else:
        junk = rng.choice(ARRAYS)
        place[key] = junk if key == name or rng.random() < 0.5 else deepcopy(variables[name])
    file = BytesIO()
    savemat(file, variables)
    return file.getvalue()


def _json(data: bytes, rng: random.Random) -> bytes:
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        return data
    holders = list(_holders(document))
    if not holders:
        return json.dumps(rng.choice(VALUES)).encode()
    holder, key = rng.choice(holders)
    if rng.random() < 0.2:
        del holder[key]
    elif rng.random() < 0.2:
        holder[key] = json.loads(json.dumps(rng.choice(holders)[0]))  # another part of it
    else:
        holder[key] = rng.choice(VALUES)
    return json.dumps(document, indent=1).encode()


def _holders(value: Any) -> list[tuple[Any, Any]]:
    """Every container with every key in it."""
    found, left = [], [value]
    while left:
        one = left.pop()
        if isinstance(one, (dict, list)):
            keys = list(one) if isinstance(one, dict) else list(range(len(one)))
            found += [(one, key) for key in keys]
            left += [one[key] for key in keys]
    return found


def outcome(one: Subject, road: Callable[[], object]) -> str:
    """What is wrong with how an input is met; empty if nothing is."""
    start = time.monotonic()
    try:
        road()
    except (LabelError, ImageError, FileNotFoundError) as error:
        text = str(error)
        if str(one.source) not in text:
            return f"the message does not name the file: {text[:300]!r}"
        try:
            text.encode()
        except UnicodeEncodeError:
            return f"the message cannot be printed: {text[:300]!r}"
    except BaseException as error:  # noqa: BLE001 - whatever it is, it is the finding
        return f"{type(error).__name__}: {str(error)[:300]}"
    took = time.monotonic() - start
    return f"took {took:.0f} seconds" if took > SECONDS else ""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write_picture(tmp_path / "images/a.jpg")
    write_picture(tmp_path / "images/sub/b.png")
    return tmp_path


@pytest.mark.parametrize("name", [*READ, *FOUND])
def test_the_valid_input_is_read(root, name):
    for road in subject(root, name).roads:
        road()


@pytest.mark.parametrize("name", [*READ, *FOUND])
@pytest.mark.filterwarnings("ignore")
def test_damaged_inputs(root, name):
    cases = max(CASES // len([*READ, *FOUND]), 1)
    found = {}
    for seed in range(cases):
        if seed in (0, cases // 2):
            one = subject(root, name, half=int(seed > 0))
            whole = one.file.read_bytes()
        data = damaged(whole, random.Random(f"{name} {seed}"))  # noqa: S311
        one.file.write_bytes(data)
        for road in one.roads:
            if problem := outcome(one, road):
                found[seed, road.__name__] = problem
                if keep := os.environ.get("MMEIOU_FUZZ_KEEP"):
                    Path(keep, f"{name}-{seed}").write_bytes(data)
    assert not found
