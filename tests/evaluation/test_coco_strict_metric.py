"""COCO's metric in the evaluation loop: MMDetection's numbers, and the thresholds between."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mmdet.evaluation import CocoMetric
from pycocotools import mask as coco_mask

from mmeiou.registry import METRICS

CLASSES = ("cat", "dog", "emu")
IMAGES = 6
SIZE = 300


def write_truth(path: Path, rng: np.random.Generator) -> list[dict[str, Any]]:
    """Objects of all three sizes, of two of the classes, one of them a crowd."""
    annotations = []
    for image in range(IMAGES):
        for side in (20, 60, 110):
            x, y = rng.uniform(0, SIZE - side, 2).round()
            box = [x, y, float(side), float(side + 5)]
            corners = [x, y, x + side, y, x + side, y + side + 5, x, y + side + 5]
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": image,
                    "category_id": 10 + len(annotations) % 2,
                    "bbox": box,
                    "area": box[2] * box[3],
                    "iscrowd": 0,
                    "segmentation": [corners],
                }
            )
    crowd = np.asfortranarray(np.zeros((SIZE, SIZE), np.uint8))
    crowd[:200, :200] = 1
    encoded = coco_mask.encode(crowd)
    encoded["counts"] = encoded["counts"].decode()
    annotations[-1] |= {"iscrowd": 1, "segmentation": encoded, "bbox": [0, 0, 200, 200]}
    truth = {
        "images": [{"id": k, "width": SIZE, "height": SIZE} for k in range(IMAGES)],
        "annotations": annotations,
        "categories": [{"id": 10 + k, "name": name} for k, name in enumerate(CLASSES)],
        "info": {},
    }
    path.write_text(json.dumps(truth))
    return annotations


def predictions(
    annotations: list[dict[str, Any]], rng: np.random.Generator
) -> list[dict[str, Any]]:
    """Each object twice, off by a little and by more; and one on nothing.

    The masks fill the boxes, but the last is small in a box of medium size.
    """
    samples = []
    for image in range(IMAGES):
        own = [one for one in annotations if one["image_id"] == image] * 2
        boxes = np.array([one["bbox"] for one in own])
        boxes[:, 2:] += boxes[:, :2]
        spread = np.repeat([0.02, 0.06], 3)[:, None] * (boxes[:, 2:3] - boxes[:, :1])
        boxes += rng.normal(size=boxes.shape) * spread
        masks = np.zeros((len(own), SIZE, SIZE), bool)
        for mask, (x1, y1, x2, y2) in zip(masks, boxes.clip(0).round().astype(int), strict=True):
            mask[y1:y2, x1:x2] = True
        boxes = np.vstack([boxes, [250, 250, 290, 290]])
        small = np.zeros((1, SIZE, SIZE), bool)
        small[0, 280:290, 280:290] = True
        predicted = {
            "bboxes": torch.tensor(boxes),
            "scores": torch.tensor([*rng.random(len(own)), 0.95]),
            "labels": torch.tensor([*(one["category_id"] - 10 for one in own), 0]),
            "masks": torch.tensor(np.vstack([masks, small])),
        }
        samples.append({"img_id": image, "ori_shape": (SIZE, SIZE), "pred_instances": predicted})
    return samples


@pytest.fixture(scope="module")
def ann_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("coco") / "truth.json"
    write_truth(path, np.random.default_rng(0))
    return path


@pytest.fixture(scope="module")
def samples(ann_file: Path) -> list[dict[str, Any]]:
    annotations = json.loads(ann_file.read_text())["annotations"]
    return predictions(annotations, np.random.default_rng(1))


def evaluate(metric: CocoMetric, samples: list[dict[str, Any]]) -> dict[str, float]:
    metric.dataset_meta = {"classes": CLASSES}
    for one in samples:
        metric.process({}, [one])
    return metric.evaluate(len(samples))


def build(**options: Any) -> CocoMetric:
    return METRICS.build({"type": "mmeiou.CocoStrictMetric", **options})


def test_has_mmdets_numbers_and_those_between(
    ann_file: Path, samples: list[dict[str, Any]]
) -> None:
    both = ["bbox", "segm"]
    report = evaluate(build(ann_file=str(ann_file), metric=both), samples)
    assert next(iter(report)) == "coco/bbox_mAP"  # what save_best='auto' follows
    assert len(report) == 20
    expected = evaluate(CocoMetric(str(ann_file), metric=both), samples)
    assert 0.2 < expected["coco/bbox_mAP"] < 0.9
    for key, ap in expected.items():
        assert report[key] == pytest.approx(ap, abs=5.1e-4), key  # rounded there
    for percent in (60, 70, 80, 90):
        metric = CocoMetric(str(ann_file), metric=both, iou_thrs=np.array([percent / 100]))
        alone = evaluate(metric, samples)
        for kind in both:
            assert report[f"coco/{kind}_mAP_{percent}"] == pytest.approx(
                alone[f"coco/{kind}_mAP"], abs=5.1e-4
            )
    falling = [report[f"coco/bbox_mAP_{percent}"] for percent in (50, 60, 70, 75, 80, 90)]
    assert falling == sorted(falling, reverse=True)
    assert falling[0] > falling[-1]


def test_truth_from_the_data_samples(ann_file: Path, samples: list[dict[str, Any]]) -> None:
    """Without an annotation file; boxes are x1 y1 x2 y2 there."""
    truths = json.loads(ann_file.read_text())["annotations"]
    for one in samples:
        own = [truth for truth in truths if truth["image_id"] == one["img_id"]]
        one["instances"] = [
            {
                "bbox": [*truth["bbox"][:2], *np.add(truth["bbox"][:2], truth["bbox"][2:])],
                "bbox_label": truth["category_id"] - 10,
                "ignore_flag": truth["iscrowd"],
            }
            for truth in own
        ]
    report = evaluate(build(), samples)
    expected = evaluate(build(ann_file=str(ann_file)), samples)
    assert report["coco/bbox_mAP_75"] == pytest.approx(expected["coco/bbox_mAP_75"])


def test_nothing_found_is_zero_and_no_object_of_a_size_is_nan(ann_file: Path) -> None:
    none = {
        "bboxes": torch.zeros(0, 4),
        "scores": torch.zeros(0),
        "labels": torch.zeros(0, dtype=torch.long),
    }
    empty = [
        {"img_id": k, "ori_shape": (SIZE, SIZE), "pred_instances": none} for k in range(IMAGES)
    ]
    report = evaluate(build(ann_file=str(ann_file)), empty)
    assert set(report.values()) == {0}

    truth = json.loads(ann_file.read_text())
    truth["annotations"] = [one for one in truth["annotations"] if one["area"] > 96**2]
    large = ann_file.with_name("large.json")
    large.write_text(json.dumps(truth))
    report = evaluate(build(ann_file=str(large)), empty)
    assert math.isnan(report["coco/bbox_mAP_s"])
    assert report["coco/bbox_mAP_l"] == 0


def test_table_of_classes(
    ann_file: Path, samples: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    logged: list[str] = []
    monkeypatch.setattr(
        "mmeiou.evaluation.metrics.coco_strict_metric.print_log",
        lambda text, _: logged.append(text),
    )
    report = evaluate(build(ann_file=str(ann_file), classwise=True), samples)
    (table,) = logged
    _, _, cat, _, emu, mean = map(str.split, table.splitlines())
    assert cat[0] == "cat"
    assert set(emu[1:]) == {"nan"}
    assert float(mean[-1]) == pytest.approx(report["coco/bbox_mAP_90"], abs=5.1e-5)


def test_table_has_pycocotools_order_of_the_classes(
    ann_file: Path, samples: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It sorts the ids of the categories, whatever their order in the file."""
    truth = json.loads(ann_file.read_text())
    truth["categories"].reverse()
    turned = ann_file.with_name("turned.json")
    turned.write_text(json.dumps(truth))
    logged: list[str] = []
    monkeypatch.setattr(
        "mmeiou.evaluation.metrics.coco_strict_metric.print_log",
        lambda text, _: logged.append(text),
    )
    metric = build(ann_file=str(turned), classwise=True)
    metric.dataset_meta = {"classes": CLASSES[::-1]}
    for one in samples:
        labels = 2 - one["pred_instances"]["labels"]
        metric.process({}, [{**one, "pred_instances": {**one["pred_instances"], "labels": labels}}])
    metric.evaluate(len(samples))
    evaluate(build(ann_file=str(ann_file), classwise=True), samples)
    assert logged[0] == logged[1]


def test_limits_of_area(ann_file: Path, samples: list[dict[str, Any]]) -> None:
    """The boxes have 500, 3900 and 12650 pixels; of the last every other one is a crowd."""
    usual = evaluate(build(ann_file=str(ann_file)), samples)
    moved = evaluate(build(ann_file=str(ann_file), area_limits=(5000, 20_000)), samples)
    assert math.isnan(moved["coco/bbox_mAP_l"])
    assert moved["coco/bbox_mAP_m"] == pytest.approx(usual["coco/bbox_mAP_l"], abs=0.1)
    assert moved["coco/bbox_mAP_s"] not in {usual["coco/bbox_mAP_s"], usual["coco/bbox_mAP_m"]}
    assert moved["coco/bbox_mAP"] == usual["coco/bbox_mAP"]


def test_optimal_lrp(ann_file: Path, samples: list[dict[str, Any]]) -> None:
    both = ["bbox", "segm"]
    usual = evaluate(build(ann_file=str(ann_file), metric=both), samples)
    report = evaluate(build(ann_file=str(ann_file), metric=both, extras=["lrp"]), samples)
    added = set(report) - set(usual)
    parts = ("oLRP", "oLRP_Loc", "oLRP_FP", "oLRP_FN")
    assert added == {f"coco/{kind}_{part}" for kind in both for part in parts}
    for kind in both:
        error, loc, false, missed = (report[f"coco/{kind}_{part}"] for part in parts)
        assert 0.1 < error < 0.9
        assert 0 < loc < 0.3
        assert 0 <= false < error
        assert 0 <= missed < error


def test_costs_of_errors(ann_file: Path, samples: list[dict[str, Any]]) -> None:
    """TIDE's AP is COCO's, and what half of the labels wrong costs is above all Cls."""
    both = ["bbox", "segm"]
    report = evaluate(build(ann_file=str(ann_file), metric=both, extras=["tide"]), samples)
    wrong = []
    for one in samples:
        labels = one["pred_instances"]["labels"].clone()
        labels[::2] = 1 - labels[::2]
        wrong.append({**one, "pred_instances": {**one["pred_instances"], "labels": labels}})
    confused = evaluate(build(ann_file=str(ann_file), metric=both, extras=["tide"]), wrong)
    for kind in both:
        prefix = f"coco/{kind}_"
        assert report[f"{prefix}TIDE_AP50"] == pytest.approx(report[f"{prefix}mAP_50"], abs=1e-3)
        assert report[f"{prefix}dAP_Cls"] == 0
        costs = {key: cost for key, cost in confused.items() if key.startswith(f"{prefix}dAP_")}
        assert len(costs) == 8
        named = {key: costs[f"{prefix}dAP_{key}"] for key in ("Loc", "Cls", "Dupe", "Bkg", "Both")}
        assert max(named, key=lambda key: named[key]) == "Cls"


def test_calibration(ann_file: Path, samples: list[dict[str, Any]]) -> None:
    """Each detection predicts its IoU with the best object of its class, but for 0.1."""
    truths = json.loads(ann_file.read_text())["annotations"]
    rated = []
    for one in samples:
        predicted = one["pred_instances"]
        best = []
        for box, label in zip(predicted["bboxes"].numpy(), predicted["labels"], strict=True):
            ious = [0.0]
            for truth in truths:
                if truth["image_id"] != one["img_id"] or truth["category_id"] != label + 10:
                    continue
                if truth["iscrowd"]:
                    continue
                corner, size = np.split(np.array(truth["bbox"]), 2)
                sides = np.minimum(box[2:], corner + size) - np.maximum(box[:2], corner)
                shared = sides.clip(0).prod()
                union = (box[2:] - box[:2]).prod() + size.prod() - shared
                ious.append(shared / union)
            best.append(max(ious))
        values = torch.tensor(best) + 0.1
        rated.append({**one, "pred_instances": {**predicted, "iou_scores": values}})
    report = evaluate(
        build(ann_file=str(ann_file), metric=["bbox", "segm"], extras=["calibration"]), rated
    )
    assert report["coco/bbox_IoU_MAE"] == pytest.approx(0.1)
    assert report["coco/bbox_IoU_pearson"] == pytest.approx(1)
    assert report["coco/bbox_IoU_ECE"] == pytest.approx(0.1)
    assert 0 < report["coco/bbox_LaECE"] < 1
    assert not any(key.startswith("coco/segm_IoU") for key in report)
    with pytest.raises(ValueError, match="no iou_scores"):
        build(ann_file=str(ann_file), extras=["calibration"]).process({}, samples)


def test_real_boxes_moved(shared_data: Path) -> None:
    """COCO's own file: TIDE's AP and oLRP's parts are those of the boxes that were moved."""
    path = shared_data / "coco/annotations/instances_val2017.json"
    truth = json.loads(path.read_text())
    names = [one["name"] for one in truth["categories"]]
    label = {one["id"]: k for k, one in enumerate(truth["categories"])}
    rng = np.random.default_rng(0)
    metric = build(ann_file=str(path), extras=["lrp", "tide"])
    metric.dataset_meta = {"classes": names}
    for image in truth["images"]:
        own = [
            one
            for one in truth["annotations"]
            if one["image_id"] == image["id"] and not one["iscrowd"]
        ]
        boxes = np.array([one["bbox"] for one in own]).reshape(-1, 4)
        # Moved to the right by a tenth of their width: IoU 0.9 / 1.1 with the object.
        boxes[:, 0] += boxes[:, 2] / 10
        boxes[:, 2:] += boxes[:, :2]
        predicted = {
            "bboxes": torch.tensor(boxes),
            "scores": torch.tensor(rng.random(len(own))),
            "labels": torch.tensor([label[one["category_id"]] for one in own], dtype=torch.long),
        }
        size = (image["height"], image["width"])
        metric.process(
            {}, [{"img_id": image["id"], "ori_shape": size, "pred_instances": predicted}]
        )
    report = metric.evaluate(len(truth["images"]))
    # In crowds of small objects a moved box fits a neighbour, or lies in what is marked a crowd.
    assert report["coco/bbox_mAP_50"] == pytest.approx(1, abs=0.01)
    assert report["coco/bbox_TIDE_AP50"] == pytest.approx(report["coco/bbox_mAP_50"], abs=1e-3)
    assert report["coco/bbox_oLRP_Loc"] == pytest.approx(0.2 / 1.1, abs=1e-3)
    assert report["coco/bbox_oLRP"] == pytest.approx(0.4 / 1.1, abs=0.01)


def test_format_only_writes_what_the_server_takes(
    ann_file: Path, samples: list[dict[str, Any]], tmp_path: Path
) -> None:
    prefix = tmp_path / "submission"
    evaluate(build(ann_file=str(ann_file), format_only=True, outfile_prefix=str(prefix)), samples)
    assert len(json.loads((tmp_path / "submission.bbox.json").read_text())) == 7 * IMAGES


@pytest.mark.parametrize("option", [{"metric": "proposal"}, {"iou_thrs": [0.5]}])
def test_other_questions_are_sent_to_mmdets_metric(option: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="CocoMetric beside it"):
        build(**option)


@pytest.mark.parametrize("key", ["bboxes", "scores"])
def test_a_detection_that_is_not_finite_names_its_image(
    ann_file: Path, samples: list[dict[str, Any]], key: str
) -> None:
    predicted = {**samples[2]["pred_instances"]}
    predicted[key] = predicted[key] * torch.nan
    bad = {**samples[2], "img_path": "set/a.jpg", "pred_instances": predicted}
    with pytest.raises(ValueError, match=rf"set/a\.jpg: .* {key} that are not finite"):
        build(ann_file=str(ann_file)).process({}, [samples[0], bad])
