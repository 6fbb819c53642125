"""VOC's metric in the evaluation loop."""

import math

import numpy as np
import pytest
import torch
from mmdet.datasets import VOCDataset
from mmdet.structures import DetDataSample
from mmengine.evaluator import Evaluator
from mmengine.structures import InstanceData

from mmeiou.evaluation.extras import EXTRAS
from mmeiou.registry import METRICS

CLASSES = ("cat", "dog", "emu")


def sample(
    truths: list[tuple[int, list[float]]],
    found: list[tuple[int, float, list[float]]],
    difficult: list[tuple[int, list[float]]] = [],  # noqa: B006 - read only
) -> DetDataSample:
    def instances(rows: list[tuple[int, list[float]]]) -> InstanceData:
        return InstanceData(
            labels=torch.tensor([row[0] for row in rows], dtype=torch.long),
            bboxes=torch.tensor([row[-1] for row in rows], dtype=torch.float).reshape(-1, 4),
        )

    predicted = instances([(label, box) for label, _, box in found])
    predicted.scores = torch.tensor([score for _, score, _ in found])
    return DetDataSample(
        gt_instances=instances(truths),
        ignored_instances=instances(difficult),
        pred_instances=predicted,
    )


def evaluate(samples: list[DetDataSample], **options: object) -> dict[str, float]:
    metric = METRICS.build({"type": "mmeiou.VOCStrictMetric", **options})
    metric.dataset_meta = {"classes": CLASSES, "dataset_type": "VOC2007"}
    for one in samples:
        metric.process({}, [one.to_dict()])
    return metric.evaluate(len(samples))


BOX, FAR = [0.0, 0, 9, 9], [50.0, 50, 59, 59]


def test_each_class_has_its_own_curve() -> None:
    """One cat found at IoU 0.72 and a false one; the dog missed; nobody has an emu."""
    report = evaluate(
        [
            sample([(0, BOX), (1, FAR)], [(0, 0.9, [0, 0, 8, 7]), (1, 0.8, BOX)]),
            sample([], [(0, 0.5, FAR), (2, 0.4, FAR)]),
        ]
    )
    assert next(iter(report)) == "voc/AP"  # what save_best='auto' follows
    assert len(report) == 17
    # The cat's AP is 1 up to IoU 0.70, five of ten thresholds; the dog's is 0 everywhere.
    for suffix in ("", "_11p"):
        assert report[f"voc/AP{suffix}"] == pytest.approx(0.25)
        for percent in (50, 60, 70):
            assert report[f"voc/AP{percent}{suffix}"] == pytest.approx(0.5)
        for percent in (75, 80, 90):
            assert report[f"voc/AP{percent}{suffix}"] == 0


def test_interpolations_differ() -> None:
    """One of two cats: recall 1/2, area 1/2; six of the eleven points."""
    report = evaluate([sample([(0, BOX), (0, FAR)], [(0, 0.9, BOX)])])
    assert report["voc/AP90"] == pytest.approx(1 / 2)
    assert report["voc/AP90_11p"] == pytest.approx(6 / 11)


def test_ap_by_size() -> None:
    """A cat of 100 pixels found, one of 400 missed; the limit says which is small."""
    large = [50.0, 50, 69, 69]
    cats = [sample([(0, BOX), (0, large)], [(0, 0.9, BOX)])]
    report = evaluate(cats, area_limits=(101, 401))
    assert report["voc/AP"] == pytest.approx(0.5)
    assert (report["voc/AP_s"], report["voc/AP_m"]) == (1, 0)
    assert math.isnan(report["voc/AP_l"])
    report = evaluate(cats, area_limits=(100, 400))
    assert math.isnan(report["voc/AP_s"])
    assert (report["voc/AP_m"], report["voc/AP_l"]) == (1, 0)
    assert evaluate(cats)["voc/AP_s"] == pytest.approx(0.5)


def test_optimal_lrp(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cat: IoU 0.72, then a false one, which the threshold keeps out; the dog is missed."""
    logged: list[str] = []
    monkeypatch.setattr(
        "mmeiou.evaluation.metrics.voc_strict_metric.print_log", lambda text, _: logged.append(text)
    )
    found = [(0, 0.9, [0.0, 0, 8, 7]), (0, 0.5, FAR)]
    samples = [sample([(0, BOX), (1, FAR)], found)]
    report = evaluate(samples, extras=["lrp"], classwise=True)
    # 0.28 / (1 - 0.5) over one object, and 1 for the dog.
    assert {key: report[f"voc/{key}"] for key in ("oLRP", "oLRP_Loc", "oLRP_FP", "oLRP_FN")} == (
        pytest.approx({"oLRP": (0.56 + 1) / 2, "oLRP_Loc": 0.28, "oLRP_FP": 0, "oLRP_FN": 1 / 2})
    )
    assert logged[1].splitlines()[2].split() == [
        "cat",
        "0.5600",
        "0.2800",
        "0.0000",
        "0.0000",
        "0.9000",
    ]
    assert not any("LRP" in key for key in evaluate(samples))


def test_costs_of_errors() -> None:
    """The cat is named a dog at IoU 0.64; what lies on a difficult dog is no error."""
    found = [(1, 0.9, [0.0, 0, 7, 7]), (1, 0.8, FAR)]
    report = evaluate([sample([(0, BOX)], found, [(1, FAR)])], extras=["tide"])
    assert report["voc/TIDE_AP50"] == 0
    costs = {key.removeprefix("voc/dAP_"): cost for key, cost in report.items() if "dAP" in key}
    assert len(costs) == 8
    assert math.isnan(costs.pop("FN"))  # without the cat there is nothing to find
    assert costs == dict.fromkeys(costs, 0) | {"Cls": 1}
    # Both end pixels count: 50 of 100.
    half = [sample([(0, BOX)], [(0, 0.9, [0.0, 0, 9, 4])])]
    assert evaluate(half, extras=["tide"])["voc/TIDE_AP50"] == 1


def with_ious(one: DetDataSample, ious: list[float]) -> DetDataSample:
    one.pred_instances.iou_scores = torch.tensor(ious)
    return one


def test_calibration(monkeypatch: pytest.MonkeyPatch) -> None:
    """Predictions stay with their detections, which are kept by class; end pixels do not count."""
    logged: list[str] = []
    monkeypatch.setattr(
        "mmeiou.evaluation.metrics.voc_strict_metric.print_log", lambda text, _: logged.append(text)
    )
    cat, dog, hard = [0.0, 0, 10, 10], [50.0, 50, 60, 60], [80.0, 0, 90, 10]
    first = sample(
        [(0, cat), (1, dog)],
        [(1, 0.9, [50, 50, 60, 58]), (0, 0.8, [0, 0, 10, 6]), (1, 0.7, [80, 0, 90, 4])],
        [(1, hard)],
    )
    second = sample([(0, cat)], [(0, 0.6, cat), (0, 0.1, FAR)])
    samples = [with_ious(first, [0.7, 0.65, 0.5]), with_ious(second, [0.85, 0.0]), sample([], [])]
    report = evaluate(samples, extras=["calibration"])
    # True 0.8, 0.6, 0.4 and 1; the last one scores too little to take part.
    assert report["voc/IoU_MAE"] == pytest.approx((0.1 + 0.05 + 0.1 + 0.15) / 4)
    assert report["voc/IoU_spearman"] == pytest.approx(1)
    assert logged[-1].splitlines()[1].split() == ["number", "predicted", "true"]
    assert 0 < report["voc/LaECE"] < 1
    everything = evaluate(samples, extras=["calibration"], calibration_score_thr=0.05)
    assert everything["voc/IoU_MAE"] == pytest.approx((0.1 + 0.05 + 0.1 + 0.15 + 0) / 5)


def test_calibration_needs_predicted_ious() -> None:
    bare = sample([(0, BOX)], [(0, 0.9, BOX)])
    bare.set_metainfo({"img_path": "set/a.jpg"})
    with pytest.raises(ValueError, match=r"set/a\.jpg: .* no iou_scores.* IoU branch"):
        evaluate([bare], extras=["calibration"])
    with pytest.raises(ValueError, match="not finite"):
        evaluate([with_ious(bare, [math.nan])], extras=["calibration"])


def test_difficult_objects_of_the_same_class_are_ignored() -> None:
    found = [(0, 0.9, FAR), (0, 0.8, BOX)]
    assert evaluate([sample([(0, BOX)], found, [(0, FAR)])])["voc/AP"] == pytest.approx(1)
    assert evaluate([sample([(0, BOX)], found, [(1, FAR)])])["voc/AP"] == pytest.approx(0.5)


def test_nothing_found_and_nothing_there() -> None:
    assert evaluate([sample([(0, BOX)], [])])["voc/AP50_11p"] == 0
    assert all(math.isnan(ap) for ap in evaluate([sample([], [(0, 0.9, BOX)])]).values())


def test_table_of_classes(monkeypatch: pytest.MonkeyPatch) -> None:
    logged: list[str] = []
    monkeypatch.setattr(
        "mmeiou.evaluation.metrics.voc_strict_metric.print_log", lambda text, _: logged.append(text)
    )
    evaluate([sample([(0, BOX)], [(0, 0.9, BOX)])], classwise=True)
    (table,) = logged
    _, _, cat, _, emu, mean = map(str.split, table.splitlines())
    assert cat[:2] == ["cat", "1.0000"]
    assert set(emu[1:]) == {"nan"}
    assert mean[1:] == cat[1:]


def test_real_boxes_as_predictions(shared_data: object) -> None:
    """VOC's own files through its dataset: everything found, difficult objects left out."""
    dataset = VOCDataset(
        data_root=f"{shared_data}/VOCdevkit/",
        ann_file="VOC2007/ImageSets/Main/test.txt",
        data_prefix={"sub_data_root": "VOC2007/"},
        test_mode=True,
        pipeline=[],
    )
    metric = METRICS.build({"type": "mmeiou.VOCStrictMetric", "extras": EXTRAS})
    evaluator = Evaluator([metric])
    evaluator.dataset_meta = dataset.metainfo
    num_difficult = 0
    for k in range(len(dataset)):
        instances = dataset.get_data_info(k)["instances"]
        boxes = {
            flag: [
                (one["bbox_label"], one["bbox"]) for one in instances if one["ignore_flag"] == flag
            ]
            for flag in (0, 1)
        }
        num_difficult += len(boxes[1])
        found = [(label, np.float64(0.5), box) for label, box in boxes[0]]
        # A box on each difficult object, with a higher score.
        found += [(label, np.float64(0.9), box) for label, box in boxes[1]]
        # Each is sure that its box is right, and it is.
        evaluator.process([with_ious(sample(boxes[0], found, boxes[1]), [1.0] * len(found))])
    assert num_difficult > 5
    report = evaluator.evaluate(len(dataset))
    aps = {key for key in report if key.startswith(("voc/AP", "voc/TIDE_AP50"))}
    assert len(aps) == 18
    assert all(report[key] == pytest.approx(1) for key in aps)
    correlations = {"voc/IoU_pearson", "voc/IoU_spearman"}
    assert all(math.isnan(report[key]) for key in correlations)
    # Those on the objects score 0.5 where they should score 1.
    assert report["voc/LaECE"] == pytest.approx(0.5)
    errors = report.keys() - aps - correlations - {"voc/LaECE"}
    assert len(errors) == 14
    assert all(report[key] == pytest.approx(0, abs=1e-6) for key in errors)


@pytest.mark.parametrize(("score", "box"), [(math.nan, BOX), (0.5, [0.0, 0, 9, math.inf])])
def test_a_detection_that_is_not_finite_names_its_image(score: float, box: list[float]) -> None:
    bad = sample([(0, BOX)], [(0, score, box)])
    bad.set_metainfo({"img_path": "set/a.jpg"})
    with pytest.raises(ValueError, match=r"set/a\.jpg: .* not finite"):
        evaluate([sample([(0, BOX)], [(0, 0.9, BOX)]), bad])
