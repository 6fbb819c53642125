"""The detector as a whole: sizes, released weights, the authors' exports, losses, predictions."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnxruntime
import pytest
import torch
from mmdet.structures import DetDataSample
from mmengine.config import Config
from mmengine.registry import MODELS, init_default_scope
from mmengine.structures import InstanceData

CONFIG = "configs/yunet/yunet-{}_2xb16-640e_widerface.py"


def build(repo: Path, size: str = "n", **head: Any) -> torch.nn.Module:
    cfg = Config.fromfile(repo / CONFIG.format(size))
    init_default_scope("mmdet")
    cfg.model.bbox_head.update(head)
    torch.manual_seed(0)
    model = MODELS.build(cfg.model)
    model.init_weights()
    return model


def sample(boxes: list[list[float]], num_keypoints: int = 5, **metainfo: Any) -> DetDataSample:
    """Ground truth with landmarks at the centre of its box."""
    bboxes = torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4)
    centre = (bboxes[:, :2] + bboxes[:, 2:]) / 2
    points = torch.cat([centre, torch.ones(len(bboxes), 1)], dim=1)
    gt = InstanceData(bboxes=bboxes, labels=torch.zeros(len(bboxes), dtype=torch.long))
    if num_keypoints:
        gt.keypoints = points[:, None].repeat(1, num_keypoints, 1)
    nothing = InstanceData(bboxes=torch.zeros(0, 4), labels=torch.zeros(0, dtype=torch.long))
    return DetDataSample(gt_instances=gt, ignored_instances=nothing, metainfo=metainfo)


@pytest.mark.parametrize(("size", "expected"), [("n", 75_856), ("s", 54_608)])
def test_number_of_parameters(repo: Path, size: str, expected: int) -> None:
    assert sum(p.numel() for p in build(repo, size).parameters()) == expected


@pytest.mark.parametrize("size", ["n", "s"])
def test_released_weights_give_the_outputs_of_the_authors_export(
    repo: Path, shared_data: Path, size: str
) -> None:
    model = build(repo, size).eval()
    weights = torch.load(shared_data / f"weights/yunet_{size}.pth", map_location="cpu")
    model.load_state_dict(weights["state_dict"], strict=True)
    session = onnxruntime.InferenceSession(shared_data / f"weights/yunet_{size}_640_640.onnx")
    names = [output.name for output in session.get_outputs()]
    for path in sorted((shared_data / "widerface/WIDER_val/images").glob("*/*.jpg"))[::100]:
        image = cv2.resize(cv2.imread(str(path)), (640, 640))
        batch = np.ascontiguousarray(image.transpose(2, 0, 1)[None], dtype=np.float32)
        expected = dict(zip(names, session.run(None, {"input": batch}), strict=True))
        with torch.no_grad():
            outputs = model(torch.from_numpy(batch), mode="tensor")
        for branch, levels in zip(("cls", "bbox", "obj", "kps"), outputs, strict=True):
            for stride, level in zip((8, 16, 32), levels, strict=True):
                flat = level.permute(0, 2, 3, 1).flatten(1, 2)
                flat = flat.sigmoid() if branch in {"cls", "obj"} else flat
                difference = np.abs(flat.numpy() - expected[f"{branch}_{stride}"]).max()
                assert difference < 1e-4, (path.name, branch, stride)


@pytest.mark.parametrize("num_keypoints", [0, 1, 5, 68])
@pytest.mark.parametrize("num_classes", [1, 3])
@pytest.mark.parametrize(("shared", "stacked"), [(0, 0), (2, 1)])
def test_any_number_of_classes_landmarks_and_units(
    repo: Path, num_classes: int, num_keypoints: int, shared: int, stacked: int
) -> None:
    model = build(
        repo,
        num_classes=num_classes,
        num_keypoints=num_keypoints,
        shared_stacked_convs=shared,
        stacked_convs=stacked,
    )
    samples = [
        sample([[8, 8, 40, 50], [70, 60, 110, 120]], num_keypoints),
        sample([], num_keypoints),
    ]
    losses = model.loss(torch.rand(2, 3, 128, 128) * 255, samples)
    assert ("loss_kps" in losses) == bool(num_keypoints)
    sum(losses.values()).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
    model.eval()
    with torch.no_grad():
        (result,) = model.predict(
            torch.rand(1, 3, 64, 96) * 255, [sample([], scale_factor=(0.5, 0.25))]
        )
    found = result.pred_instances
    assert ("keypoints" in found) == bool(num_keypoints)
    if num_keypoints:
        assert found.keypoints.shape == (len(found), num_keypoints, 2)


def test_a_batch_without_objects_still_trains_every_parameter(repo: Path) -> None:
    model = build(repo)
    losses = model.loss(torch.rand(2, 3, 64, 64) * 255, [sample([]), sample([])])
    assert losses["loss_cls"] == losses["loss_bbox"] == losses["loss_kps"] == 0
    assert losses["loss_obj"] > 0
    sum(losses.values()).backward()
    assert all(p.grad is not None for p in model.parameters())


def test_ignored_regions_change_the_objectness_loss_alone(repo: Path) -> None:
    model = build(repo).eval()  # running statistics: the same features in every call
    image = torch.rand(1, 3, 64, 64) * 255
    plain, ignoring = sample([[4, 4, 20, 24]]), sample([[4, 4, 20, 24]])
    ignoring.ignored_instances.bboxes = torch.tensor([[0.0, 0.0, 64.0, 64.0]])
    ignoring.ignored_instances.labels = torch.zeros(1, dtype=torch.long)
    before, after = model.loss(image, [plain]), model.loss(image, [ignoring])
    for name in ("loss_cls", "loss_bbox", "loss_kps"):
        assert before[name] == after[name] > 0
    # All is ignored, so only the positives are left, and those are few.
    assert 0 < after["loss_obj"] < 0.2 * before["loss_obj"]


def test_unlabelled_landmarks_have_no_gradient(repo: Path) -> None:
    model = build(repo)
    unlabelled = sample([[4, 4, 40, 44]])
    unlabelled.gt_instances.keypoints[..., 2] = 0
    loss = model.loss(torch.rand(1, 3, 64, 64) * 255, [unlabelled])["loss_kps"]
    assert loss == 0


def test_landmark_losses_are_averaged_over_labelled_faces(repo: Path) -> None:
    """A second face without landmarks must not dilute the loss of the first."""
    model = build(repo).eval()
    image = torch.rand(1, 3, 128, 128) * 255
    one, both = sample([[4, 4, 40, 44]]), sample([[4, 4, 40, 44], [80, 80, 120, 120]])
    both.gt_instances.keypoints[1] = 0
    alone, together = (model.loss(image, [gt])["loss_kps"] for gt in (one, both))
    torch.testing.assert_close(alone, together)


def test_missing_or_wrong_landmarks_are_named(repo: Path) -> None:
    model, image = build(repo), torch.rand(1, 3, 64, 64)
    with pytest.raises(ValueError, match="with_keypoints=True"):
        model.loss(image, [sample([[4, 4, 40, 44]], num_keypoints=0)])
    with pytest.raises(ValueError, match=r"must be \(n, 5, 3\), got \(1, 4, 3\)"):
        model.loss(image, [sample([[4, 4, 40, 44]], num_keypoints=4)])


def test_input_that_is_not_padded_is_named(repo: Path) -> None:
    with pytest.raises(ValueError, match="pad_size_divisor"):
        build(repo)(torch.rand(1, 3, 72, 72), mode="tensor")


def test_predictions_are_rescaled_to_the_original_image(repo: Path) -> None:
    model = build(repo).eval()
    image = torch.rand(1, 3, 64, 64) * 255
    with torch.no_grad():
        inner = model.predict(image, [sample([], scale_factor=(0.5, 0.25))], rescale=False)
        outer = model.predict(image, [sample([], scale_factor=(0.5, 0.25))], rescale=True)
        unscaled = model.predict(image, [sample([])], rescale=True)
    a, b, c = (result[0].pred_instances for result in (inner, outer, unscaled))
    best = int(a.scores.argmax()), int(b.scores.argmax())
    factor = torch.tensor([2.0, 4.0])
    torch.testing.assert_close(a.bboxes[best[0]] * factor.repeat(2), b.bboxes[best[1]])
    torch.testing.assert_close(a.keypoints[best[0]] * factor, b.keypoints[best[1]])
    torch.testing.assert_close(a.bboxes, c.bboxes)


def test_half_precision_maps_give_finite_losses(repo: Path) -> None:
    model = build(repo)
    with torch.autocast("cpu", torch.bfloat16):
        losses = model.loss(torch.rand(1, 3, 640, 640) * 255, [sample([[10, 10, 600, 620]])])
    sum(losses.values()).backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())


@pytest.mark.parametrize(
    ("head", "message"), [({"num_classes": 0}, "at least 1"), ({"num_keypoints": -1}, "at least 0")]
)
def test_impossible_heads(repo: Path, head: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build(repo, **head)


@pytest.mark.parametrize("branch", ["cls", "obj", "bbox", "kps"])
@pytest.mark.parametrize("value", [torch.nan, torch.inf, -torch.inf])
def test_numbers_that_are_not_finite_are_an_error_not_no_faces(
    repo: Path, branch: str, value: float
) -> None:
    model = build(repo).eval()
    model.bbox_head.test_cfg.score_thr = 0.0
    with torch.no_grad():
        maps = model(torch.zeros(1, 3, 64, 64), mode="tensor")
    maps[("cls", "bbox", "obj", "kps").index(branch)][1][0, 0, 2, 1] = value
    with pytest.raises(ValueError, match=r"set/a\.jpg: .* not finite"):
        model.bbox_head.predict_by_feat(*maps, batch_img_metas=[{"img_path": "set/a.jpg"}])
