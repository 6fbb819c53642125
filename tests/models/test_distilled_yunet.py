"""A student with a teacher: losses, what it keeps of the teacher, what is refused."""

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import torch
from mmdet.structures import DetDataSample
from mmengine.config import Config
from mmengine.registry import MODELS, init_default_scope
from mmengine.structures import InstanceData
from torch import Tensor

from mmeiou.functional.distillation import score_divergence
from mmeiou.functional.eiou_loss import eiou_loss

TEACHER = "configs/yunet/yunet-n_2xb16-640e_widerface.py"
STUDENT = "configs/yunet/yunet-s_distilled-from-n_2xb16-640e_widerface.py"
NAMES = {"loss_teacher_score", "loss_teacher_bbox", "loss_teacher_kps"}


def images(seed: int = 0) -> Tensor:
    return torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(seed)) * 255


def samples(num: int = 2) -> list[DetDataSample]:
    """A face in each image."""
    return [
        DetDataSample(
            gt_instances=InstanceData(
                bboxes=torch.tensor([[10.0, 12, 40, 50]]),
                labels=torch.zeros(1, dtype=torch.long),
                keypoints=torch.full((1, 5, 3), 25.0),
            ),
            ignored_instances=InstanceData(
                bboxes=torch.zeros(0, 4), labels=torch.zeros(0, dtype=torch.long)
            ),
        )
        for _ in range(num)
    ]


def unlabelled() -> list[DetDataSample]:
    found = samples()
    for sample in found:
        sample.gt_instances = sample.gt_instances[:0]
        sample.ignored_instances = InstanceData(
            bboxes=torch.tensor([[0.0, 0, 64, 64]]), labels=torch.zeros(1, dtype=torch.long)
        )
    return found


def build(repo: Path, name: str = TEACHER, seed: int = 0, **options: Any) -> torch.nn.Module:
    cfg = Config.fromfile(repo / name)
    init_default_scope("mmdet")
    cfg.model.update(options)
    torch.manual_seed(seed)
    model = MODELS.build(cfg.model)
    model.init_weights()
    return model


@pytest.fixture(scope="module")
def checkpoint(repo: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A teacher with statistics of its own, and faces that it is sure of."""
    teacher = build(repo, seed=5).train()
    for parameter in teacher.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    teacher(images(9), mode="tensor")
    path = tmp_path_factory.mktemp("teacher") / "yunet_n.pth"
    torch.save({"state_dict": teacher.state_dict()}, path)
    return path


def pupil(repo: Path, checkpoint: Path | str, name: str = STUDENT, **options: Any) -> Any:
    teacher = {"config": TEACHER.rpartition("/")[2], "checkpoint": str(checkpoint)}
    return build(repo, name, teacher=teacher, **options)


def trained_teacher(repo: Path, checkpoint: Path) -> torch.nn.Module:
    model = build(repo).eval()
    model.load_state_dict(torch.load(checkpoint)["state_dict"])
    return model


def test_losses_of_labels_stay_and_those_of_the_teacher_join(repo: Path, checkpoint: Path) -> None:
    student, plain = pupil(repo, checkpoint), build(repo, STUDENT, teacher=None)
    assert student.state_dict().keys() == plain.state_dict().keys()
    taught, alone = (model.loss(images(), samples()) for model in (student, plain))
    assert taught.keys() - alone.keys() == NAMES
    for name, value in alone.items():
        torch.testing.assert_close(taught[name], value, rtol=0, atol=0)
    assert all(taught[name] > 0 for name in NAMES)


def test_values_prior_by_prior(repo: Path, checkpoint: Path) -> None:
    """A second, naive form: every prior by itself, from the teacher's own maps."""
    student = pupil(repo, checkpoint, score_thr=0.3, score_weight=2.0, kps_weight=0.5).eval()
    teacher = trained_teacher(repo, checkpoint)
    sums = dict.fromkeys(("score", "bbox", "kps", "weight"), 0.0)
    with torch.no_grad():
        found = student.loss(images(), samples())
        levels = [
            list(zip(*model(images(), mode="tensor"), (8, 16, 32), strict=True))
            for model in (student, teacher)
        ]
    for ours, its in zip(*levels, strict=True):
        stride = ours[-1]
        for image in range(2):
            for y in range(64 // stride):
                for x in range(64 // stride):
                    (cls, box, obj, kps), (t_cls, t_box, t_obj, t_kps) = (
                        [level[image, :, y, x] for level in maps[:-1]] for maps in (ours, its)
                    )
                    sums["score"] += float(score_divergence(cls, obj[0], t_cls, t_obj[0]))
                    weight = float(t_cls.sigmoid() * t_obj.sigmoid())
                    if weight < 0.3:
                        continue
                    boxes = []
                    for tx, ty, tw, th in (box.tolist(), t_box.tolist()):
                        cx, cy = (x + tx) * stride, (y + ty) * stride
                        w, h = (stride * torch.tensor([tw, th]).exp()).tolist()
                        corners = [cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2]
                        boxes.append(torch.tensor([corners]))
                    points = torch.nn.functional.smooth_l1_loss(
                        kps, t_kps, beta=1 / 9, reduction="sum"
                    )
                    sums["bbox"] += weight * float(eiou_loss(*boxes))
                    sums["kps"] += weight * float(points)
                    sums["weight"] += weight
    assert sums["weight"] > 1
    for name, factor in (("score", 2.0), ("bbox", 5.0), ("kps", 0.5)):
        expected = factor * sums[name] / sums["weight"]
        assert float(found[f"loss_teacher_{name}"]) == pytest.approx(expected, rel=1e-4)


def test_a_student_that_is_its_teacher_has_nothing_to_learn(repo: Path, checkpoint: Path) -> None:
    student = pupil(repo, checkpoint, TEACHER, type="mmeiou.DistilledYuNet").eval()
    student.load_state_dict(torch.load(checkpoint)["state_dict"])
    losses = student.loss(images(), samples())
    # Folded batch norms round otherwise.
    assert all(losses[name].item() == pytest.approx(0, abs=1e-3) for name in NAMES)


def test_unlabelled_images_learn_from_the_teacher_alone(repo: Path, checkpoint: Path) -> None:
    losses = pupil(repo, checkpoint).loss(images(), unlabelled())
    assert all(losses[name] > 0 for name in NAMES)
    assert all(losses[name].item() == 0 for name in losses.keys() - NAMES)


def test_a_step_leaves_the_teacher_as_it_is(repo: Path, checkpoint: Path) -> None:
    student = pupil(repo, checkpoint).train()
    before = student.teacher(images(3))
    sum(student.loss(images(), samples()).values()).backward()
    assert all(
        parameter.grad is not None and parameter.grad.isfinite().all() and parameter.grad.any()
        for parameter in student.parameters()
    )
    torch.optim.SGD(student.parameters(), lr=0.1).step()
    assert all(map(torch.equal, before, student.teacher(images(3))))
    assert not before.cls.requires_grad


def test_copies_share_the_teacher(repo: Path, checkpoint: Path) -> None:
    """As those of a moving average, or of a validation with folded batch norms."""
    student = pupil(repo, checkpoint)
    assert deepcopy(student).teacher is student.teacher


def test_loading_the_teacher_draws_no_random_numbers(repo: Path, checkpoint: Path) -> None:
    drawn = []
    for teacher in (None, checkpoint):
        model = build(repo, STUDENT, teacher=None) if teacher is None else pupil(repo, teacher)
        drawn.append((torch.rand(1), *model.state_dict().values()))
    assert all(map(torch.equal, *drawn))


def test_without_its_files_a_student_detects_as_a_yunet(repo: Path) -> None:
    cfg = Config.fromfile(repo / STUDENT)
    cfg.model.teacher.checkpoint = "nowhere.pth"
    init_default_scope("mmdet")
    student = MODELS.build(cfg.model).eval()  # no training begins
    with torch.no_grad():
        assert len(student.predict(images(), samples())) == 2
    with pytest.raises(FileNotFoundError, match=r"model\.teacher\.checkpoint: .*nowhere\.pth"):
        student.init_weights()


def test_half_precision(repo: Path, checkpoint: Path) -> None:
    student = pupil(repo, checkpoint)
    with torch.autocast("cpu", torch.bfloat16):
        losses = student.loss(images(), samples())
    assert all(value.dtype == torch.float32 and value.isfinite() for value in losses.values())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"bbox_weight": -1.0}, "bbox_weight must be at least 0, got -1"),
        ({"score_weight": float("nan")}, "score_weight"),
        ({"score_thr": 0.0}, r"score_thr must be in \(0, 1\), got 0"),
    ],
)
def test_wrong_options(repo: Path, options: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build(repo, STUDENT, **options)


def test_teachers_that_do_not_fit(repo: Path, checkpoint: Path, tmp_path: Path) -> None:
    cfg = Config.fromfile(repo / STUDENT)
    with pytest.raises(ValueError, match=r"classes 1, but the student's are 2"):
        pupil(repo, checkpoint, bbox_head={**cfg.model.bbox_head, "num_classes": 2})
    with pytest.raises(
        ValueError, match=r"strides \(8, 16, 32\), but the student's are \(4, 8, 16"
    ):
        pupil(repo, checkpoint, bbox_head={**cfg.model.bbox_head, "strides": (4, 8, 16)})
    prepared = {**cfg.model.data_preprocessor, "mean": [1.0, 2.0, 3.0], "std": [1.0, 1.0, 1.0]}
    with pytest.raises(ValueError, match=r"mean, deviation .*\[1\.0, 2\.0, 3\.0\]"):
        pupil(repo, checkpoint, data_preprocessor=prepared)
    other = tmp_path / "yunet_s.pth"
    torch.save(build(repo, STUDENT, teacher=None).state_dict(), other)
    with pytest.raises(
        ValueError, match=r"model\.teacher\.checkpoint .*yunet_s\.pth .*size mismatch.* and 16 more"
    ):
        pupil(repo, other)
    weights = torch.load(checkpoint)["state_dict"]
    next(iter(weights.values())).view(-1)[0] = torch.nan
    torch.save(weights, tmp_path / "nan.pth")
    with pytest.raises(ValueError, match=r"nan\.pth .*not finite"):
        pupil(repo, tmp_path / "nan.pth")
    wrong = {"config": "faster-rcnn_r50_fpn_eiou_8xb2-1x_coco.py", "checkpoint": str(checkpoint)}
    with pytest.raises(ValueError, match=r"a FasterRCNN, expected a mmeiou\.YuNet"):
        build(repo, STUDENT, teacher=wrong)
    with pytest.raises(FileNotFoundError, match=r"config not found: no\.py"):
        build(repo, STUDENT, teacher={"config": "no.py", "checkpoint": str(checkpoint)})


def test_other_landmarks_are_not_taught(repo: Path, checkpoint: Path) -> None:
    cfg = Config.fromfile(repo / STUDENT)
    student = pupil(repo, checkpoint, bbox_head={**cfg.model.bbox_head, "num_keypoints": 0})
    assert student.loss(images(), samples()).keys() & NAMES == NAMES - {"loss_teacher_kps"}
