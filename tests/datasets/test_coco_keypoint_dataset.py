"""The dataset of one's own labels, through the pipelines of its config."""

import json
from copy import deepcopy
from pathlib import Path

import cv2
import numpy as np
import pytest
from mmengine.config import Config
from mmengine.registry import DATASETS, METRICS, init_default_scope
from mmengine.structures import InstanceData

from mmeiou.labels import LabelError

WIDTH, HEIGHT = 160, 120
DOCUMENT = {
    "images": [
        {"id": 5, "file_name": "a.png", "width": WIDTH, "height": HEIGHT},
        {"id": 2, "file_name": "b.png", "width": WIDTH, "height": HEIGHT},
        {"id": 3, "file_name": "c.png", "width": WIDTH, "height": HEIGHT},
    ],
    "categories": [
        {"id": 4, "name": "mask", "keypoints": ["left_eye", "right_eye"]},
        {"id": 1, "name": "face", "keypoints": ["left_eye", "right_eye"]},
    ],
    "annotations": [
        {
            "id": 1,
            "image_id": 5,
            "category_id": 1,
            "bbox": [20, 30, 40, 50],
            "keypoints": [50, 40, 2, 30, 41, 1],
        },
        {
            "id": 2,
            "image_id": 5,
            "category_id": 4,
            "bbox": [100, 10, 30, 30],
            "keypoints": [110, 20, 1, 120, 20, 0],
        },
        {"id": 3, "image_id": 5, "category_id": 1, "bbox": [80, 80, 20, 20], "ignore": 1},
        {"id": 4, "image_id": 2, "category_id": 1, "bbox": [0, 0, 20, 20], "iscrowd": 1},
    ],
}


@pytest.fixture
def own(tmp_path: Path):
    """Writer and builder of a dataset from a json."""
    init_default_scope("mmdet")
    (tmp_path / "images").mkdir()
    for image in DOCUMENT["images"]:
        pixels = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
        cv2.imwrite(str(tmp_path / "images" / image["file_name"]), pixels)

    def build(document=DOCUMENT, **options):
        (tmp_path / "train.json").write_text(json.dumps(document))
        return DATASETS.build(
            {
                "type": "mmeiou.CocoKeypointDataset",
                "data_root": str(tmp_path),
                "ann_file": "train.json",
                "data_prefix": {"img": "images"},
                "pipeline": [],
                **options,
            }
        )

    return build


def changed(path, value):
    document = deepcopy(DOCUMENT)
    *keys, last = path
    part = document
    for key in keys:
        part = part[key]
    part[last] = value
    return document


def by_name(dataset, name):
    infos = map(dataset.get_data_info, range(len(dataset)))
    return next(info for info in infos if info["img_path"].endswith(name))


def test_instances(own):
    dataset = own()
    assert len(dataset) == 3
    assert dataset.metainfo["classes"] == ("mask", "face")
    assert dataset.metainfo["keypoint_names"] == ("left_eye", "right_eye")
    info = by_name(dataset, "a.png")
    assert (info["img_id"], info["width"], info["height"]) == (5, WIDTH, HEIGHT)
    assert (info["num_keypoints"], info["keypoint_flip_pairs"]) == (2, ((0, 1),))
    face, mask, ignored = info["instances"]
    assert face == {
        "ignore_flag": 0,
        "bbox": [20, 30, 60, 80],
        "bbox_label": 1,
        "keypoints": [[50, 40, 1], [30, 41, 1]],
    }
    assert (mask["bbox_label"], mask["keypoints"]) == (0, [[110, 20, 1], [0, 0, 0]])
    assert (ignored["ignore_flag"], ignored["keypoints"]) == (1, [[0, 0, 0]] * 2)


def test_classes_are_chosen(own):
    (only,) = by_name(own(metainfo={"classes": ("mask",)}), "a.png")["instances"]
    assert (only["bbox"], only["bbox_label"]) == ([100, 10, 130, 40], 0)
    face, ignored = by_name(own(metainfo={"classes": ("face",)}), "a.png")["instances"]
    assert (face["bbox_label"], ignored["bbox_label"]) == (0, 0)


def test_another_order_of_classes_is_refused(own):
    """pycocotools numbers them in the order of the json, whatever a config says."""
    with pytest.raises(ValueError, match=r"order \('mask', 'face'\).*convert.*--classes face mask"):
        own(metainfo={"classes": ("face", "mask")})


def test_a_class_without_a_box_keeps_its_number(own):
    document = changed(("categories",), [{"id": 9, "name": "cat"}, *DOCUMENT["categories"]])
    dataset = own(document)
    assert dataset.metainfo["classes"] == ("cat", "mask", "face")
    assert [one["bbox_label"] for one in by_name(dataset, "a.png")["instances"]] == [2, 1, 2]


@pytest.mark.parametrize(
    ("annotation", "key", "message"),
    [
        (1, 1, r"annotations\[1\]: id: 1, a second time; pycocotools would lose that box"),
        (0, 0, r"annotations\[0\]: id: 0; pycocotools would lose that box"),
        (3, None, r"annotations\[3\]: id: None, expected a number"),
    ],
)
def test_ids_that_lose_boxes_are_refused_in_test_mode(own, annotation, key, message):
    document = changed(("annotations", annotation, "id"), key)
    assert len(own(document)) == 3
    with pytest.raises(LabelError, match=message):
        own(document, test_mode=True)


@pytest.mark.parametrize(
    ("value", "flag"), [(0, 0), (0.0, 0), ("False", 0), (None, 0), (1, 1), (1.0, 1), ("true", 1)]
)
def test_flags(own, value, flag):
    document = changed(("annotations", 3, "iscrowd"), value)
    assert by_name(own(document), "b.png")["instances"][0]["ignore_flag"] == flag


def test_images_without_boxes(own):
    assert by_name(own(), "c.png")["instances"] == []
    assert len(own(filter_cfg={"filter_empty_gt": True})) == 1  # b has a region to ignore alone
    assert len(own(filter_cfg={"filter_empty_gt": True}, test_mode=True)) == 3


def test_boxes_alone(own):
    document = deepcopy(DOCUMENT)
    for part in (*document["categories"], *document["annotations"]):
        part.pop("keypoints", None)
    info = by_name(own(document), "a.png")
    assert info["num_keypoints"] == 0
    assert [one["keypoints"] for one in info["instances"]] == [[], [], []]
    info = by_name(own(document, fallback_num_keypoints=5), "a.png")
    assert info["num_keypoints"] == 5
    assert info["keypoint_flip_pairs"] == ((0, 1), (3, 4))
    assert info["instances"][0]["keypoints"] == [[0, 0, 0]] * 5


@pytest.fixture
def cfg(repo: Path) -> Config:
    return Config.fromfile(repo / "configs/yunet/yunet-n_finetune_1xb16-8e_own-faces.py")


def test_through_the_training_pipeline(own, cfg):
    """Landmarks stay in their place of the box, mirrored or not; weights stay."""
    np.random.seed(0)  # noqa: NPY002 - as the transforms draw
    dataset = own(pipeline=cfg.train_dataloader.dataset.pipeline)
    flipped = set()
    index = next(i for i in range(3) if dataset.get_data_info(i)["img_id"] == 5)
    for _ in range(20):
        packed = dataset[index]
        sample = packed["data_samples"]
        assert packed["inputs"].shape == (3, 640, 640)
        flipped.add(sample.flip)
        truth = sample.gt_instances
        for box, label, points in zip(
            truth.bboxes.tensor, truth.labels.tolist(), truth.keypoints, strict=True
        ):
            if label == 0:
                assert points[:, 2].sum() == 1
            elif box.min() > 0 and box.max() < 640:  # whole
                # left_eye at (50, 40) is 3/4 to the right in the box from 20 to 60, right_eye
                # at (30, 41) 1/4. In a mirror image the right one is at 1 - 1/4.
                x, y = ((points[:, i] - box[i]) / (box[2 + i] - box[i]) for i in (0, 1))
                assert x.tolist() == pytest.approx([0.75, 0.25], abs=1e-4)
                expected = [0.22, 0.2] if sample.flip else [0.2, 0.22]
                assert y.tolist() == pytest.approx(expected, abs=1e-4)
    assert flipped == {True, False}


def test_metric_reads_the_same_labels(own, cfg):
    """COCO's AP of the labels themselves is 1; the ignored one neither counts nor harms."""
    dataset = own(pipeline=cfg.test_dataloader.dataset.pipeline, test_mode=True)
    metric = METRICS.build(cfg.test_evaluator)
    metric.dataset_meta = dataset.metainfo
    for index in range(len(dataset)):
        sample = dataset[index]["data_samples"].to_dict()
        instances = sample["instances"]
        sample["pred_instances"] = InstanceData(
            bboxes=np.array([one["bbox"] for one in instances], np.float32).reshape(-1, 4),
            labels=np.array([one["bbox_label"] for one in instances], np.int64),
            scores=np.array([0.9 - 0.1 * i for i in range(len(instances))], np.float32),
        ).to_tensor()
        metric.process({}, [sample])
    assert metric.evaluate(len(dataset))["coco/bbox_mAP"] == 1


@pytest.mark.parametrize(
    ("document", "options", "error", "message"),
    [
        (
            DOCUMENT,
            {"ann_file": "no.json"},
            FileNotFoundError,
            r"label file .*no.json not found: set ann_file and data_root",
        ),
        (
            DOCUMENT,
            {"data_prefix": {"img": "x"}},
            FileNotFoundError,
            "3 of the 3 images in .*",
        ),
        (
            DOCUMENT,
            {"ann_file": "no.json", "path_hint": "or set X"},
            FileNotFoundError,
            r"no.json not found.*; or set X$",
        ),
        (
            DOCUMENT,
            {"filter_cfg": {"min": 1}},
            ValueError,
            r"filter_cfg has \['min'\]: not fi",
        ),
        (
            changed(("images", 0, "file_name"), "../a.png"),
            {},
            LabelError,
            r"images\[0\]: file_name: '../a.png' does not lie below the folder of the images",
        ),
        (
            changed(("images", 1, "file_name"), "./a.png"),
            {},
            LabelError,
            r"images\[1\]: a.png a second time, after .*images\[0\]",
        ),
        (DOCUMENT, {"metainfo": {"classes": ("cat",)}}, ValueError, "has no class cat, but"),
        (DOCUMENT, {"metainfo": {"keypoint_names": ("nose",)}}, ValueError, "has the landmarks"),
        (DOCUMENT, {"on_bad_image": "pass"}, ValueError, "expected 'raise' or 'skip'"),
        (
            changed(("annotations", 0, "bbox"), [1, 1, 0.5, 9]),
            {},
            LabelError,
            r"annotations\[0\]: a box of width 0.5 .* convert with --drop-bad-boxes",
        ),
        (changed(("images", 0, "width"), None), {}, LabelError, r"images\[0\]: width and he"),
        (
            changed(("annotations", 0, "keypoints"), [1, 2, 2]),
            {},
            LabelError,
            r"annotations\[0\]: keypoints: .* expected 6 numbers",
        ),
        (
            {**DOCUMENT, "annotations": []},
            {"filter_cfg": {"filter_empty_gt": True}},
            ValueError,
            "no image of .* is left",
        ),
    ],
)
def test_bad_input(own, document, options, error, message):
    with pytest.raises(error, match=message):
        own(document, **options)


def test_bad_images(own, tmp_path, cfg):
    (tmp_path / "images/c.png").unlink()
    with pytest.warns(UserWarning, match="left out: 1 of the 3 images"):
        dataset = own(on_bad_image="skip", pipeline=cfg.train_dataloader.dataset.pipeline)
    assert len(dataset) == 2
    index = next(i for i in range(2) if dataset.get_data_info(i)["img_id"] == 5)
    (tmp_path / "images/a.png").write_bytes(b"damaged")
    with pytest.warns(UserWarning, match="bad image 1 skipped: .*a.png"):
        assert dataset.prepare_data(index) is None
