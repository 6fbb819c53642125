"""The landmark metric as MMEngine runs it."""

import numpy as np
import pytest
import torch
from mmdet.structures import DetDataSample
from mmengine.evaluator import Evaluator
from mmengine.structures import InstanceData

from mmeiou.evaluation.metrics import LandmarkMetric
from mmeiou.labels.landmarks import FACE_LANDMARKS

BOX, FAR = [0.0, 0, 40, 10], [100.0, 100, 140, 110]  # of the side 20
POINTS = np.array([[10, 5], [20, 5], [15, 7], [12, 9], [18, 9]], float)  # eyes 10 apart
META = {"classes": ("face",), "num_keypoints": 5}


def instance(bbox=BOX, points=POINTS, *, weights=1, ignore=0, label=0):
    weighted = np.concatenate([points, np.full((len(points), 1), weights)], axis=1)
    return {
        "bbox": bbox,
        "bbox_label": label,
        "ignore_flag": ignore,
        "keypoints": weighted.tolist(),
    }


def sample(points, instances, *, score=0.9, bbox=BOX, labels=None):
    """A data sample with one detection, as a detector's predict() returns it."""
    result = DetDataSample(metainfo={"img_path": "a.jpg", "instances": list(instances)})
    result.pred_instances = InstanceData(
        bboxes=torch.tensor([bbox]),
        scores=torch.tensor([score]),
        labels=torch.tensor(labels or [0]),
        keypoints=torch.as_tensor(points, dtype=torch.float32)[None],
    )
    return result


def run(samples, meta=META, **options):
    evaluator = Evaluator({"type": "mmeiou.LandmarkMetric", **options})
    evaluator.dataset_meta = meta
    for one in samples:
        evaluator.process([one])
    return evaluator.evaluate(len(samples))


def test_every_key_by_hand():
    moved = POINTS.copy()
    moved[2] += [3, 4]  # the nose is off by 5 pixels: 0.5 of the eyes, and the face by 0.1
    first = sample(moved, [instance(), instance(FAR)])  # the second is missed
    found = run([first, sample(POINTS, [instance()])])
    # The nose has the similarity exp(-25 / (2 * 400 * 0.01)) = 0.044, the face (4 + 0.044) / 5.
    names = [f"landmarks/NME_{name}" for name in FACE_LANDMARKS]
    assert list(found) == [
        "landmarks/found",
        "landmarks/NME_eyes",
        "landmarks/NME_box",
        *names,
        "landmarks/failure_10",
        "landmarks/AUC_10",
        "landmarks/OKS_AP",
    ]
    assert found["landmarks/found"] == pytest.approx(2 / 3)
    assert found["landmarks/NME_eyes"] == pytest.approx(0.05)
    assert found["landmarks/NME_box"] == pytest.approx(0.025)
    assert [found[name] for name in names] == pytest.approx([0, 0, 0.25, 0, 0])
    assert found["landmarks/AUC_10"] == pytest.approx(0.5)
    # OKS 0.809 and 1 of 3 faces: 67 recalls of 101 at 0.50 to 0.80; above it the first is false
    # and, of equal scores, the first: 34 recalls of precision 1/2.
    expected = (7 * 67 + 3 * 34 / 2) / 1010
    assert found["landmarks/OKS_AP"] == pytest.approx(expected)
    assert all(type(value) is float for value in found.values())


def test_failures():
    moved = POINTS + np.array([0, 2])
    samples = [sample(moved, [instance()]), sample(POINTS, [instance()])]
    assert run(samples)["landmarks/failure_10"] == 0.5
    found = run(samples, failure_thr=0.25)
    assert (found["landmarks/failure_25"], found["landmarks/AUC_25"]) == (0, pytest.approx(0.6))


def test_ignored_faces_other_classes_and_low_scores():
    other = POINTS + 3
    samples = [
        sample(other, [instance(ignore=1)]),
        sample(other, [instance(label=1)]),
        sample(other, [instance()], labels=[1]),
        sample(other, [instance()], score=0.25),
        sample(POINTS, [instance()]),
    ]
    found = run(samples)
    assert found["landmarks/found"] == pytest.approx(1 / 3)
    assert found["landmarks/NME_eyes"] == 0
    # Of the other class: the labelled face of the second is met by no detection of it.
    assert run(samples, face_label=1)["landmarks/found"] == 0
    assert run(samples, score_thr=0.2)["landmarks/found"] == pytest.approx(2 / 3)


def test_without_labelled_landmarks(monkeypatch):
    lines = []
    monkeypatch.setattr(
        "mmeiou.evaluation.metrics.landmark_metric.print_log", lambda line, *_: lines.append(line)
    )
    found = run([sample(POINTS, [instance(weights=0)])])
    assert np.isnan(list(found.values())).all()
    assert lines == ["no face has a labelled landmark: its error is NaN"]


def test_other_landmarks():
    meta = {"classes": ("face",), "keypoint_names": ("le", "re", "nose")}
    samples = [sample(POINTS[:3] + np.array([0, 1]), [instance(points=POINTS[:3])])]
    found = run(samples, meta, eyes=("re", "le"), sigmas=[0.1, 0.1, 0.2])
    assert found["landmarks/NME_le"] == pytest.approx(0.1)
    assert found["landmarks/NME_eyes"] == pytest.approx(0.1)
    by_box = run(samples, meta, eyes=None)
    assert "landmarks/NME_eyes" not in by_box
    assert by_box["landmarks/NME_le"] == pytest.approx(0.05)
    assert by_box["landmarks/NME_box"] == pytest.approx(0.05)


def test_a_dataset_without_eyes_is_refused_before_the_first_step():
    with pytest.raises(ValueError, match=r"has the landmarks le, re, not .*eyes=None"):
        run([], {"keypoint_names": ("le", "re")})


def test_sigmas_of_another_number():
    with pytest.raises(ValueError, match="broadcast"):
        run([sample(POINTS, [instance()])], sigmas=[0.1, 0.2])


@pytest.mark.parametrize("options", [{"sigmas": 0}, {"sigmas": [0.1, -1]}, {"failure_thr": 0}])
def test_bad_options(options):
    with pytest.raises(ValueError, match="must be above 0"):
        LandmarkMetric(**options)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_points_that_are_not_finite(value):
    broken = POINTS.copy()
    broken[1, 0] = value
    with pytest.raises(
        ValueError, match=r"a.jpg: the detector returned keypoints that are not fin"
    ):
        run([sample(broken, [instance()])])


def test_keypoints_that_are_missing_or_too_many():
    bare = sample(POINTS, [instance()])
    del bare.pred_instances.keypoints
    with pytest.raises(ValueError, match=r"a.jpg: the detections have no keypoints"):
        run([bare])
    unlabelled = instance()
    del unlabelled["keypoints"]
    with pytest.raises(ValueError, match=r"a.jpg: the labels have no keypoints"):
        run([sample(POINTS, [unlabelled])])
    with pytest.raises(ValueError, match=r"a.jpg: 3 keypoints predicted, 5 labelled"):
        run([sample(POINTS[:3], [instance()])])


def test_image_without_faces():
    empty = sample(POINTS, [])
    found = run([empty, sample(POINTS, [instance()])])
    assert found["landmarks/found"] == 1
