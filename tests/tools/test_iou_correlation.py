"""Predicted against true IoU: the figures, and a detector whose branch has learned something."""

import json
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from mmdet.registry import MODELS
from mmdet.structures import DetDataSample
from mmengine.config import Config
from mmengine.optim import OptimWrapper
from mmengine.registry import init_default_scope
from mmengine.structures import InstanceData
from thin_detectors import EIOU, faster_rcnn

SIZE = 64
ITERATIONS, BATCH = 80, 4
HELD_OUT = 40


@pytest.fixture(scope="module")
def tool(repo: Path) -> ModuleType:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(repo / "tools/analysis"))
        import iou_correlation  # noqa: PLC0415

        return iou_correlation


def test_too_few_detections_say_what_to_do(tool: ModuleType) -> None:
    true = np.array([0.1, 0.2, 0.3, 0.6])
    of_iou, of_score = tool.correlations(true, -true, true)
    assert of_iou == pytest.approx((1, 1))
    assert of_score == pytest.approx((-1, -1))
    with pytest.raises(ValueError, match="train longer"):
        tool.correlations(np.ones(4), true, true)
    with pytest.raises(ValueError, match="2 detections"):
        tool.correlations(true[:2], true[:2], true[:2])


def test_best_ground_truth_counts(tool: ModuleType) -> None:
    bboxes = torch.tensor([[0.0, 0, 10, 10], [20, 20, 30, 40]])
    # Half of the first box; all of it and as much again; nothing of the second.
    gt_bboxes = torch.tensor([[0.0, 0, 5, 10], [0, 0, 10, 15]])
    assert tool.best_ious(bboxes, gt_bboxes).tolist() == pytest.approx([2 / 3, 0])
    assert tool.best_ious(bboxes, gt_bboxes[:0]).tolist() == [0, 0]


def picture(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Noise with one to three bright, noisy rectangles: an image and boxes x1 y1 x2 y2."""
    random = np.random.default_rng(seed)
    image = random.integers(0, 120, (SIZE, SIZE, 3), dtype=np.uint8)
    size = random.integers(14, 36, (random.integers(1, 4), 2))
    corner = (random.random(size.shape) * (SIZE - size)).astype(int)
    bboxes = np.concatenate([corner, corner + size], axis=1)
    for x1, y1, x2, y2 in bboxes:
        image[y1:y2, x1:x2] = image[y1:y2, x1:x2] // 2 + random.integers(60, 190, 3, dtype=np.uint8)
    return image, bboxes


def batch(seeds: range) -> dict[str, list[Any]]:
    data: dict[str, list[Any]] = {"inputs": [], "data_samples": []}
    for image, bboxes in map(picture, seeds):
        sample = DetDataSample(metainfo={"img_shape": (SIZE, SIZE)})
        sample.gt_instances = InstanceData(
            bboxes=torch.tensor(bboxes).float(), labels=torch.zeros(len(bboxes), dtype=torch.long)
        )
        data["inputs"].append(torch.tensor(image).permute(2, 0, 1))
        data["data_samples"].append(sample)
    return data


def write_held_out(folder: Path) -> None:
    """Pictures never trained on, in COCO's format; twice as large as the detector sees them."""
    images, annotations = [], []
    for index in range(HELD_OUT):
        image, bboxes = picture(10_000 + index)
        image = image.repeat(2, axis=0).repeat(2, axis=1)
        cv2.imwrite(str(folder / f"{index}.png"), image)
        size = {"width": 2 * SIZE, "height": 2 * SIZE}
        images.append({"id": index, "file_name": f"{index}.png", **size})
        for x1, y1, x2, y2 in (2 * bboxes).tolist():
            annotations.append(
                {
                    "id": len(annotations),
                    "image_id": index,
                    "category_id": 1,
                    "bbox": [x1, y1, x2 - x1, y2 - y1],
                    "area": (x2 - x1) * (y2 - y1),
                    "iscrowd": 0,
                }
            )
    categories = [{"id": 1, "name": "rectangle"}]
    content = {"images": images, "annotations": annotations, "categories": categories}
    (folder / "held_out.json").write_text(json.dumps(content))


def config(folder: Path) -> Config:
    cfg = faster_rcnn(**{**EIOU, "num_classes": 1, "fc_out_channels": 64})
    cfg.model.roi_head.bbox_head.loss_bbox.loss_weight = 10.0
    cfg.model.rpn_head.anchor_generator.scales = [4]
    cfg.model.backbone.norm_eval = False
    for proposals in (cfg.model.train_cfg.rpn_proposal, cfg.model.test_cfg.rpn):
        proposals.nms_pre = proposals.max_per_img = 100
    cfg.model.train_cfg.rcnn.sampler.num = 64
    cfg.val_dataloader.num_workers = 0
    cfg.val_dataloader.persistent_workers = False
    dataset = cfg.val_dataloader.dataset
    dataset.data_root = f"{folder}/"
    dataset.ann_file = "held_out.json"
    dataset.data_prefix = {"img": ""}
    dataset.metainfo = {"classes": ("rectangle",)}
    dataset.pipeline[1].scale = (SIZE, SIZE)
    cfg.val_evaluator.ann_file = f"{folder}/held_out.json"
    return cfg


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a config, a checkpoint and pictures that were not trained on."""
    folder = tmp_path_factory.mktemp("rectangles")
    write_held_out(folder)
    cfg = config(folder)
    cfg.dump(folder / "rectangles.py")
    init_default_scope("mmdet")
    torch.manual_seed(0)
    model = MODELS.build(cfg.model)
    model.init_weights()
    optimizer = OptimWrapper(torch.optim.AdamW(model.parameters(), lr=2e-3))
    for start in range(0, ITERATIONS * BATCH, BATCH):
        rest = 1 - start / (ITERATIONS * BATCH)
        optimizer.param_groups[0]["lr"] = 3e-3 * rest
        model.train().train_step(batch(range(start, start + BATCH)), optimizer)
    torch.save({"state_dict": model.state_dict(), "meta": {}}, folder / "last.pth")
    return folder


def run(tool: ModuleType, folder: Path, monkeypatch: pytest.MonkeyPatch, *more: str) -> None:
    config, checkpoint = str(folder / "rectangles.py"), str(folder / "last.pth")
    work_dir = ["--work-dir", str(folder / "work")]
    monkeypatch.setattr(sys, "argv", ["tool", config, checkpoint, *work_dir, *more])
    monkeypatch.setenv("LOCAL_RANK", "0")
    tool.main()


def test_a_picture_of_no_format_is_refused_before_the_work(
    tool: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config(tmp_path).dump(tmp_path / "rectangles.py")
    monkeypatch.setattr("mmengine.runner.Runner.from_cfg", lambda _: pytest.fail("it began"))
    with pytest.raises(SystemExit, match=r"iou_correlation: .*a\.xyz: the suffix must be one of"):
        run(tool, tmp_path, monkeypatch, "--out", str(tmp_path / "a.xyz"))


@pytest.mark.slow
def test_branch_learns(
    tool: ModuleType,
    trained: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run(tool, trained, monkeypatch, "--out", str(trained / "new/iou.png"))
    output = capsys.readouterr().out
    rows = re.findall(
        r"^\| (predicted IoU|score, fused) \| (\S+) \| (\S+) \|$", output, re.MULTILINE
    )
    assert [name for name, *_ in rows] == ["predicted IoU", "score, fused"]
    assert min(map(float, rows[0][1:])) > 0.25, output
    counted = re.search(r"^(\d+) of (\d+) detections", output, re.MULTILINE)
    assert HELD_OUT <= int(counted[1]) <= int(counted[2])
    assert cv2.imread(str(trained / "new/iou.png")).std() > 5


@pytest.mark.slow
def test_detectors_without_predicted_ious_are_refused(
    tool: ModuleType, trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SystemExit, match="no iou_scores"):
        run(tool, trained, monkeypatch, "--cfg-options", "model.roi_head.bbox_head.loss_iou=None")
