"""The metric as MMEngine runs it."""

import copy
import json

import numpy as np
import pytest
import torch
from mmdet.structures import DetDataSample
from mmengine.evaluator import Evaluator
from mmengine.structures import InstanceData
from wider_files import write_ground_truth

from mmeiou.evaluation.metrics import WIDERFaceMetric
from mmeiou.labels import read_detections
from mmeiou.registry import METRICS

FACE = [10, 10, 19, 19]
OTHER_FACE = [40, 40, 49, 49]
NOWHERE = [70, 70, 79, 79]


def sample(img_path, detections, instances=(), *, labels=None):
    """A data sample as a detector's predict() returns it."""
    boxes = torch.tensor([box for box, _ in detections], dtype=torch.float32).reshape(-1, 4)
    predicted = InstanceData(
        bboxes=boxes,
        scores=torch.tensor([score for _, score in detections], dtype=torch.float32),
        labels=torch.tensor([0] * len(boxes) if labels is None else labels, dtype=torch.int64),
    )
    result = DetDataSample(metainfo={"img_path": img_path, "instances": list(instances)})
    result.pred_instances = predicted
    return result


def instance(bbox, *, ignore=0, label=0):
    return {"bbox": bbox, "bbox_label": label, "ignore_flag": ignore}


def run(metric, samples):
    """Evaluate in batches of two through MMEngine's evaluator."""
    evaluator = Evaluator(metric)
    for start in range(0, len(samples), 2):
        evaluator.process(samples[start : start + 2])
    return evaluator.evaluate(len(samples))


@pytest.fixture
def log(monkeypatch):
    """Lines that the metric logs."""
    lines = []
    monkeypatch.setattr(
        "mmeiou.evaluation.metrics.wider_face_metric.print_log", lambda line, *_: lines.append(line)
    )
    return lines


@pytest.fixture
def gt_dir(tmp_path):
    return str(write_ground_truth(tmp_path / "gt"))


def wider_samples():
    """Predictions for the three images of tests/wider_files.py."""
    return [
        sample("val/0--Parade/jpg.of.gpj.jpg", [(OTHER_FACE, 0.9), (FACE, 0.5)]),
        sample("val/0--Parade/no_face.jpg", [(FACE, 0.8)]),
        sample("val/9--Press/one.jpg", [([0, 0, 19.4, 19.4], 0.1), (NOWHERE, 0.3)]),
    ]


# Easy keeps FACE only: found, the detection of the ignored OTHER_FACE counts neither way, nor do
# those on images without faces: AP 1. Medium keeps FACE and the face of the last image: right 0.5,
# wrong 0.3, right 0.1. Hard keeps three: right, right, wrong, right.
EXPECTED = {
    "WIDERFace/easy": 1.0,
    "WIDERFace/medium": 1 / 2 + 1 / 2 * 2 / 3,
    "WIDERFace/hard": 2 / 3 + 1 / 3 * 3 / 4,
}


def test_built_from_config(gt_dir):
    metric = METRICS.build({"type": "mmeiou.WIDERFaceMetric", "gt_dir": gt_dir})
    assert isinstance(metric, WIDERFaceMetric)
    built = Evaluator({"type": "mmeiou.WIDERFaceMetric", "gt_dir": gt_dir}).metrics[0]
    assert isinstance(built, WIDERFaceMetric)


def test_easy_medium_hard(gt_dir, log):
    result = run(WIDERFaceMetric(gt_dir), wider_samples())
    assert result == pytest.approx(EXPECTED)
    assert all(type(ap) is float for ap in result.values())
    (line,) = log
    assert line == (
        "WIDER FACE protocol: IoU >= 0.5 with the +1 pixel convention, scores min-max normalised "
        "over the whole set, 1000 thresholds, false positives on images without faces left out; "
        "3 images, 5 detections, faces: easy 1, medium 2, hard 3"
    )


def test_prefix(gt_dir):
    assert "val/easy" in run(WIDERFaceMetric(gt_dir, prefix="val"), wider_samples())


def test_images_not_predicted_are_missed_and_reported(gt_dir, log):
    result = run(WIDERFaceMetric(gt_dir), wider_samples()[:1])
    assert result["WIDERFace/medium"] == pytest.approx(1 / 2)
    assert log[0].startswith("2 of 3 images were not predicted")
    assert "0--Parade/no_face, 9--Press/one" in log[0]


def test_unknown_images_are_reported(gt_dir, log):
    samples = [*wider_samples(), sample("val/7--Other/x.jpg", [(FACE, 5.0)])]
    assert run(WIDERFaceMetric(gt_dir), samples) == pytest.approx(EXPECTED)
    assert "7--Other/x" in log[0]


def test_wrong_dataset(gt_dir):
    with pytest.raises(ValueError, match="none of the 1 predicted images"):
        run(WIDERFaceMetric(gt_dir), [sample("val/7--Other/x.jpg", [(FACE, 0.5)])])


def test_own_boxes():
    samples = [
        sample(
            "set/x/a.jpg",
            [(OTHER_FACE, 0.9), (FACE, 0.8)],
            [instance(FACE), instance(OTHER_FACE, ignore=1)],
        ),
        sample("set/y/a.jpg", [(NOWHERE, 0.7)]),
        sample("set/x/a.jpg", [(FACE, 0.6)], [instance(FACE)]),
    ]
    # OTHER_FACE is ignored; right 0.8, wrong 0.7 on the image without faces, right 0.6.
    assert run(WIDERFaceMetric(), samples) == {"WIDERFace/AP": pytest.approx(5 / 6)}


def test_own_boxes_of_one_class():
    samples = [
        sample(
            "set/a.jpg",
            [(FACE, 0.9), (OTHER_FACE, 0.8), (NOWHERE, 0.7)],
            [instance(FACE, label=2), instance(OTHER_FACE, label=1)],
            labels=[1, 1, 2],
        ),
    ]
    # Of label 1: wrong 0.9, right 0.8. Of label 2: the only detection is wrong.
    assert run(WIDERFaceMetric(face_label=1), samples) == {"WIDERFace/AP": pytest.approx(1 / 2)}
    assert run(WIDERFaceMetric(face_label=2), samples) == {"WIDERFace/AP": 0.0}


def test_dicts_without_labels():
    data_sample = sample("set/a.jpg", [(FACE, 0.9)], [instance(FACE)]).to_dict()
    del data_sample["pred_instances"]["labels"]
    assert run(WIDERFaceMetric(), [data_sample]) == {"WIDERFace/AP": 1.0}


def test_instance_data_inside_a_dict():
    whole = sample("set/a.jpg", [(FACE, 0.9)], [instance(FACE)])
    data_sample = {**whole.to_dict(), "pred_instances": whole.pred_instances}
    assert run(WIDERFaceMetric(), [data_sample]) == {"WIDERFace/AP": 1.0}


def test_own_boxes_without_any_face():
    result = run(WIDERFaceMetric(), [sample("set/a.jpg", [(FACE, 0.9)])])
    assert np.isnan(result["WIDERFace/AP"])


def test_iou_threshold():
    # 10 x 10 and 10 x 8 pixels: IoU 0.8.
    samples = [sample("set/a.jpg", [([10, 10, 19, 17], 0.9)], [instance(FACE)])]
    assert run(WIDERFaceMetric(iou_thr=0.8), samples) == {"WIDERFace/AP": 1.0}
    assert run(WIDERFaceMetric(iou_thr=0.81), samples) == {"WIDERFace/AP": 0.0}


def test_metric_starts_afresh(gt_dir):
    metric = WIDERFaceMetric(gt_dir)
    assert run(metric, wider_samples()) == run(metric, wider_samples())


def test_text_output_scores_the_same(gt_dir, tmp_path, log):
    text_dir = tmp_path / "text"
    metric = WIDERFaceMetric(gt_dir, text_dir=str(text_dir))
    run(metric, wider_samples())
    assert f"wrote predictions of 3 images to {text_dir}" in log
    again = [
        sample(f"{key}.jpg", list(zip(found.bboxes.tolist(), found.scores.tolist(), strict=True)))
        for key, found in read_detections(text_dir).items()
    ]
    assert run(WIDERFaceMetric(gt_dir), again) == pytest.approx(EXPECTED)
    run(metric, wider_samples())  # the next epoch replaces it


def test_text_output_of_own_boxes(tmp_path):
    samples = [sample("set/a.jpg", [(FACE, 0.9)], [instance(FACE)])]
    run(WIDERFaceMetric(text_dir=str(tmp_path / "text")), samples)
    assert list(read_detections(tmp_path / "text")) == ["set/a"]


# --- Bad input.


def test_missing_ground_truth_at_construction(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"labels .*nope not found"):
        WIDERFaceMetric(str(tmp_path / "nope"))


def test_bad_text_dir_at_construction(tmp_path):
    (tmp_path / "precious.md").write_text("")
    with pytest.raises(FileExistsError, match=r"precious\.md"):
        WIDERFaceMetric(text_dir=str(tmp_path))


def test_bad_iou_threshold_at_construction():
    with pytest.raises(ValueError, match="iou_thr"):
        WIDERFaceMetric(iou_thr=50)


def test_instances_missing_from_the_data_sample():
    data_sample = sample("set/a.jpg", [(FACE, 0.9)]).to_dict()
    del data_sample["instances"]
    with pytest.raises(KeyError, match=r"set/a\.jpg: no 'instances'.*meta_keys"):
        run(WIDERFaceMetric(), [data_sample])


@pytest.mark.parametrize("detection", [(FACE, float("nan")), ([0, 0, float("inf"), 9], 0.5)])
def test_detections_not_finite(detection):
    with pytest.raises(ValueError, match=r"set/a\.jpg: .* not finite"):
        run(WIDERFaceMetric(), [sample("set/a.jpg", [detection])])


def test_two_images_of_one_name(gt_dir):
    samples = [*wider_samples(), sample("elsewhere/9--Press/one.png", [])]
    with pytest.raises(ValueError, match=r"name 9--Press/one .* stands for several images"):
        run(WIDERFaceMetric(gt_dir), samples)


# --- Several processes: each sees every second image, the last batch is padded.


def _evaluate_rank(rank, rendezvous, gt_dir, out):
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{rendezvous}", rank=rank, world_size=2
    )
    samples = wider_samples()
    own = [samples[0], samples[2]] if rank == 0 else [samples[1], copy.deepcopy(samples[0])]
    evaluator = Evaluator(WIDERFaceMetric(gt_dir))
    evaluator.process(own)
    with open(f"{out}.{rank}", "w") as file:  # noqa: PTH123
        json.dump(evaluator.evaluate(len(samples)), file)
    torch.distributed.destroy_process_group()


def test_two_processes(gt_dir, tmp_path):
    out = tmp_path / "result"
    torch.multiprocessing.spawn(
        _evaluate_rank, (str(tmp_path / "rendezvous"), gt_dir, str(out)), nprocs=2
    )
    for rank in range(2):
        assert json.loads(out.with_suffix(f".{rank}").read_text()) == pytest.approx(EXPECTED)
