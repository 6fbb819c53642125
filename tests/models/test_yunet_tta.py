"""Views merged into one prediction, boxes and landmarks flipped back."""

import os
import pickle
import re
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mmdet.structures import DetDataSample
from mmdet.structures.bbox import HorizontalBoxes
from mmengine.config import Config, ConfigDict
from mmengine.registry import MODELS, init_default_scope
from mmengine.structures import InstanceData
from tiny_faces import NUM_VAL, write_tiny_faces
from torch import nn

from mmeiou.datasets.transforms import RandomFlip
from mmeiou.models import YuNetTTA

SHAPE = (60, 100)
BOX = [20.0, 10, 40, 44]
POINTS = [[25.0, 20], [35, 21], [30, 28], [26, 36], [34, 37]]
TTA = "configs/yunet/yunet-n_tta_2xb16-640e_widerface.py"


class Head(nn.Module):
    test_cfg = ConfigDict(score_thr=0.02, nms={"type": "nms", "iou_threshold": 0.45})


class Detector(nn.Module):
    """Stands for a trained detector: only its options are read."""

    def __init__(self) -> None:
        super().__init__()
        self.bbox_head = Head()
        self.weight = nn.Parameter(torch.ones(1))

    def test_step(self, data: Any) -> Any:
        raise NotImplementedError


def view(direction: str | None, box: list[float], score: float) -> DetDataSample:
    """What a perfect detector says of a flipped view, by the transform that training uses."""
    results = {
        "img": np.zeros((*SHAPE, 3), np.uint8),
        "gt_bboxes": HorizontalBoxes(torch.tensor([box])),
        "gt_keypoints": np.array([[[*point, 1] for point in POINTS]], np.float32),
    }
    if direction:
        results = RandomFlip(prob=1.0, direction=direction)(results)
    found = InstanceData(
        bboxes=results["gt_bboxes"].tensor,
        scores=torch.tensor([score]),
        labels=torch.zeros(1, dtype=torch.long),
        keypoints=torch.from_numpy(results["gt_keypoints"][..., :2]),
    )
    flipped = {"flip": bool(direction), "flip_direction": direction}
    pairs = {"keypoint_flip_pairs": ((0, 1), (3, 4))}
    return DetDataSample(pred_instances=found, metainfo={"ori_shape": SHAPE} | flipped | pairs)


@pytest.mark.parametrize("voting", [False, True])
@pytest.mark.parametrize("direction", ["horizontal", "vertical", "diagonal"])
def test_views_of_a_perfect_detector_agree(direction: str, voting: bool) -> None:
    tta = YuNetTTA(module=Detector(), voting=voting)
    (merged,) = tta.merge_preds([[view(None, BOX, 0.5), view(direction, BOX, 0.7)]])
    found = merged.pred_instances
    torch.testing.assert_close(found.bboxes, torch.tensor([BOX]))
    torch.testing.assert_close(found.keypoints, torch.tensor([POINTS]))
    torch.testing.assert_close(found.scores, torch.tensor([0.6 if voting else 0.7]))
    assert set(found.keys()) == {"bboxes", "scores", "labels", "keypoints"}


def test_views_that_disagree_by_hand() -> None:
    lower = [20.0, 14, 40, 48]  # IoU 30 / 38 with BOX
    far = [60.0, 10, 80, 44]
    tta = YuNetTTA(module=Detector())

    def views() -> list[DetDataSample]:
        return [view(None, BOX, 0.6), view("horizontal", lower, 0.3), view(None, far, 0.5)]

    (merged,) = tta.merge_preds([views()])
    # y1 = (0.6 * 10 + 0.3 * 14) / 0.9; scores of three views: 0.9 / 3 and 0.5 / 3
    expected = torch.tensor([[20, 34 / 3, 40, 136 / 3], far])
    torch.testing.assert_close(merged.pred_instances.bboxes, expected)
    torch.testing.assert_close(merged.pred_instances.scores, torch.tensor([0.3, 0.5 / 3]))
    (found,) = YuNetTTA(module=Detector(), voting=False).merge_preds([views()])
    assert found.pred_instances.scores.tolist() == pytest.approx([0.6, 0.5])


def test_order_is_that_of_the_voted_scores() -> None:
    far = [60.0, 10, 80, 44]
    views = [view(None, far, 0.8), view(None, BOX, 0.7), view(None, BOX, 0.6)]
    (merged,) = YuNetTTA(module=Detector()).merge_preds([views])
    assert merged.pred_instances.scores.tolist() == pytest.approx([1.3 / 3, 0.8 / 3])
    assert merged.pred_instances.bboxes[0].tolist() == pytest.approx(BOX)


def test_nothing_found_and_no_landmarks() -> None:
    views = [view(None, BOX, 0.5), view("horizontal", BOX, 0.5)]
    for one in views:
        one.pred_instances = one.pred_instances[:0]
    (merged,) = YuNetTTA(module=Detector()).merge_preds([views])
    assert len(merged.pred_instances) == 0
    views = [view(None, BOX, 0.5), view("horizontal", BOX, 0.5)]
    for one in views:
        del one.pred_instances.keypoints
    (merged,) = YuNetTTA(module=Detector()).merge_preds([views])
    torch.testing.assert_close(merged.pred_instances.bboxes, torch.tensor([BOX]))


def test_left_and_right_must_be_known() -> None:
    mirrored = view("horizontal", BOX, 0.5)
    mirrored.set_metainfo({"keypoint_flip_pairs": None})
    with pytest.raises(ValueError, match="which landmarks are left and right"):
        YuNetTTA(module=Detector()).merge_preds([[mirrored]])
    (merged,) = YuNetTTA(module=Detector(), flip_pairs=((0, 1), (3, 4))).merge_preds([[mirrored]])
    torch.testing.assert_close(merged.pred_instances.keypoints, torch.tensor([POINTS]))


def test_the_tool_tests_with_augmentation(repo: Path, tmp_path: Path) -> None:
    """Random weights: no accuracy, but the checkpoint of the detector is taken."""
    faces = write_tiny_faces(tmp_path)
    cfg = Config.fromfile(repo / TTA)
    init_default_scope(cfg.default_scope)
    torch.save(MODELS.build(cfg.model).state_dict(), tmp_path / "random.pth")
    command = [sys.executable, repo / "tools/test.py", repo / TTA, tmp_path / "random.pth", "--tta"]
    options = [
        "test_dataloader.num_workers=0",
        "test_dataloader.persistent_workers=False",
        "test_evaluator.gt_dir=None",
    ]
    done = subprocess.run(
        [*command, "--device", "cpu", "--out", "out.pkl", "--cfg-options", *options],
        cwd=tmp_path,
        env=os.environ | {"MMEIOU_WIDERFACE": f"{faces}/"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert re.search(r"WIDERFace/AP: \d", done.stdout + done.stderr)
    found = pickle.loads((tmp_path / "out.pkl").read_bytes())  # noqa: S301 - written just now
    assert len(found) == NUM_VAL
    for sample in found:
        assert sample["pred_instances"]["bboxes"].isfinite().all()


def test_the_tool_says_what_the_config_lacks(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = repo / "configs/yunet/yunet-s_2xb16-640e_widerface.py"
    monkeypatch.setattr(sys, "argv", ["test.py", str(config), "c.pth", "--tta"])
    with pytest.raises(SystemExit, match="has no tta_model and no tta_pipeline"):
        runpy.run_path(str(repo / "tools/test.py"), run_name="__main__")
