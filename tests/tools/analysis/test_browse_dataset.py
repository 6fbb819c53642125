"""tools/analysis/browse_dataset.py."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from mmeiou.labels import read_labels
from mmeiou.visualization.faces import BOX_COLOUR, LANDMARK_COLOURS

STRIP = 22  # the caption's


def coloured(image: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    return (image == colour).all(2)


def test_boxes_of_validation_are_where_the_labels_say(run_tool, config, tiny, tmp_path) -> None:
    """Labels in pixels of the original image, drawn on one of twice the size."""
    child = tmp_path / "twice.py"
    child.write_text(
        f"_base_ = {str(config)!r}\n"
        "pipeline = [dict(type='mmeiou.LoadImageFromFile'),\n"
        "            dict(type='mmeiou.Resize', scale=(192, 192)),\n"
        "            dict(type='mmeiou.PackDetInputs', meta_keys=('img_path', 'scale_factor'))]\n"
        "val_dataloader = dict(dataset=dict(pipeline=pipeline))\n"
    )
    out = tmp_path / "sheet.png"
    said = run_tool(
        "browse_dataset", child, "--out", out, "--split", "val", "--number", 9, "--columns", 1
    )
    assert f"4 of 4 images of the val dataset: {out}" in said
    sheet = cv2.imread(str(out))
    for row, label in enumerate(read_labels(tiny / "labelv2/val/labelv2.txt").images):
        top = row * (STRIP + 192 + 6) + STRIP
        y, x = np.nonzero(coloured(sheet[top : top + 192, :192], BOX_COLOUR))
        # the image of twice the size is drawn with thin lines
        expected = np.rint(2 * label.bboxes[0])
        np.testing.assert_allclose([x.min(), y.min(), x.max(), y.max()], expected, atol=1)


@pytest.mark.usefixtures("tiny")
def test_training_samples_have_landmarks_and_depend_on_the_seed(run_tool, config, tmp_path) -> None:
    def browse(seed: int) -> np.ndarray:
        out = tmp_path / f"{seed}.png"
        run_tool("browse_dataset", config, "--out", out, "--number", 6, "--seed", seed)
        return cv2.imread(str(out))

    first = browse(1)
    assert first.shape == (2 * (STRIP + 256 + 6), 4 * (256 + 6), 3)
    assert all(coloured(first, colour).any() for colour in LANDMARK_COLOURS)
    assert coloured(first, BOX_COLOUR).sum() > 100
    np.testing.assert_array_equal(browse(1), first)
    assert (browse(2) != first).any()


@pytest.mark.usefixtures("tiny")
def test_ignored_regions_are_hatched_and_not_boxed(run_tool, config, tmp_path) -> None:
    out = tmp_path / "sheet.png"
    run_tool(
        *("browse_dataset", config, "--out", out, "--split", "val", "--number", 1),
        *("--cfg-options", "val_dataloader.dataset.min_face_size=90"),
    )
    picture = cv2.imread(str(out))[STRIP : STRIP + 96, :96]
    assert not coloured(picture, BOX_COLOUR).any()
    assert coloured(picture, (255, 255, 255)).sum() > 100


@pytest.fixture
def coco_config(tmp_path: Path) -> Path:
    """A config of MMDetection's, of two classes, whose test pipeline packs original boxes."""
    folder = tmp_path / "coco"
    folder.mkdir()
    cv2.imwrite(str(folder / "a.png"), np.zeros((50, 100, 3), np.uint8))
    boxes = [([10, 10, 30, 20], 1, 0), ([60, 5, 30, 40], 2, 0), ([0, 40, 20, 8], 1, 1)]
    annotations = [
        {"id": i, "image_id": 1, "category_id": c, "bbox": b, "area": b[2] * b[3], "iscrowd": crowd}
        for i, (b, c, crowd) in enumerate(boxes, 1)
    ]
    categories = [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}]
    images = [{"id": 1, "file_name": "a.png", "width": 100, "height": 50}]
    labels = {"images": images, "annotations": annotations, "categories": categories}
    (folder / "a.json").write_text(json.dumps(labels))
    file = tmp_path / "coco.py"
    file.write_text(
        "pipeline = [dict(type='LoadImageFromFile'), dict(type='Resize', scale=(200, 100)),\n"
        "            dict(type='LoadAnnotations', with_bbox=True), dict(type='PackDetInputs')]\n"
        "dataset = dict(type='CocoDataset', ann_file='a.json', test_mode=True,\n"
        f"               data_root={str(folder)!r}, data_prefix=dict(img=''), pipeline=pipeline,\n"
        "               metainfo=dict(classes=('cat', 'dog')))\n"
        "val_dataloader = dict(dataset=dataset)\n"
        "train_dataloader = dict(dataset={**dataset, 'test_mode': False})\n"
    )
    return file


def test_other_data_is_drawn_by_mmdetection(run_tool, coco_config, tmp_path) -> None:
    out = tmp_path / "sheet.png"
    run_tool("browse_dataset", coco_config, "--out", out, "--split", "val")
    picture = cv2.imread(str(out))[STRIP : STRIP + 100, :200]
    # boxes at twice their place: x 120 to 180, y 10 to 90 is the dog's; inside it is black
    assert picture[40:60, 118:123].any()
    assert picture[40:60, 178:183].any()
    assert not picture[40:60, 130:170].any()
    assert coloured(picture, (255, 255, 255))[82:95, 2:38].any()  # hatched crowd
    run_tool("browse_dataset", coco_config, "--out", out)
    assert (cv2.imread(str(out))[STRIP : STRIP + 100, :200] != picture).any()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["gone.py", "--out", "a.png"], "config not found: gone.py"),
        (["{config}", "--out", "a.png", "--split", "test"], "has no test_dataloader"),
        (["{config}", "--out", "{tmp}/a.xyz"], "OpenCV"),
    ],
)
def test_bad_input(arguments, message, run_tool, coco_config, tmp_path) -> None:
    words = [word.format(config=coco_config, tmp=tmp_path) for word in arguments]
    with pytest.raises(SystemExit, match=f"browse_dataset: .*{message}"):
        run_tool("browse_dataset", *words)


def test_numbers_below_one_are_refused(run_tool, config, capsys) -> None:
    with pytest.raises(SystemExit):
        run_tool("browse_dataset", config, "--out", "a.png", "--number", 0)
    assert "--number, --columns and --side must be at least 1" in capsys.readouterr().err
