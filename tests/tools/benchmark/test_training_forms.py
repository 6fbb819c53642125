"""The shipped form of training and the plain one, written with MMDetection's parts, learn alike."""

from copy import deepcopy
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.structures import InstanceData
from tiny_faces import write_tiny_faces
from torch import Tensor

from mmeiou.registry import MODELS

STEPS = 50


@pytest.fixture(scope="module")
def tools(repo: Path) -> tuple[ModuleType, ModuleType]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(repo / "tools/benchmark"))
        import data  # noqa: PLC0415
        import training  # noqa: PLC0415

        return data, training


class InFloat32:
    """MMDetection's assigner knows no float64: both see the same rounded values."""

    def __init__(self, assigner: Any) -> None:
        self.assigner = assigner
        if hasattr(assigner, "assign_batch"):
            self.assign_batch = self._assign_batch

    def assign(self, pred: InstanceData, gt: InstanceData) -> Any:
        gt = InstanceData(bboxes=gt.bboxes.float(), labels=gt.labels)
        rounded = InstanceData(**{key: value.float() for key, value in pred.items()})
        return self.assigner.assign(rounded, gt)

    def _assign_batch(self, *predicted: Tensor | list[InstanceData]) -> tuple[Tensor, Tensor]:
        *tensors, gts = predicted
        gts = [InstanceData(bboxes=gt.bboxes.float(), labels=gt.labels) for gt in gts]
        return self.assigner.assign_batch(*(tensor.float() for tensor in tensors), gts)


def train(
    tools: tuple[ModuleType, ModuleType], form: str, root: Path, tmp_path: Path, images: int
) -> list[list[float]]:
    """Losses of each step; in float64, because rounding decides between equally cheap priors.

    Slowly, because training from random weights is chaotic: with a hundred times the rate, two
    forms that differ in the last bit have nothing in common after 40 steps.
    """
    data, training = tools
    cfg = Config.fromfile(training.REPO / training.CONFIG)
    init_default_scope("mmdet")
    cfg.model.backbone.stage_channels = ((3, 8, 8), *[(8, 8)] * 5)
    cfg.model.neck.in_channels = (8, 8, 8)
    cfg.model.bbox_head.update(in_channels=8, feat_channels=8)
    training.FORMS[form](cfg)
    torch.manual_seed(0)
    model = MODELS.build(cfg.model)
    model.init_weights()
    model = model.double().train()
    if form in training.LAYER_BY_LAYER:
        training.call_each_module(model)
    model.bbox_head.assigner = InFloat32(model.bbox_head.assigner)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-5)
    way = data.build_ways(root, tmp_path)["ours" if form == "shipped" else "straightforward, uint8"]
    losses = []
    for step in range(STEPS):
        indices = [(step * 2 + i) % images for i in range(2)]
        batch = way.batch(indices, seed=step)[1]
        samples = deepcopy(batch["data_samples"])
        for sample in samples:
            for faces in (sample.gt_instances, sample.ignored_instances):
                faces.bboxes, faces.keypoints = faces.bboxes.double(), faces.keypoints.double()
        parts = model.loss(batch["inputs"].double(), samples)
        optimizer.zero_grad()
        sum(parts.values()).backward()
        optimizer.step()
        losses.append([float(parts[name]) for name in sorted(parts)])
    return losses


@pytest.mark.parametrize("kind", ["tiny", "real"])
def test_fifty_steps(
    tools: tuple[ModuleType, ModuleType],
    kind: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    if kind == "tiny":
        root, images, size = write_tiny_faces(tmp_path / "faces"), 12, 64
    else:
        root, images, size = request.getfixturevalue("shared_data") / "widerface", 484, 160
    cfg = Config.fromfile(tools[0].CONFIG)
    cfg.train_dataloader.dataset.pipeline[3].scale = (size, size)
    cfg.dump(tmp_path / "small.py")
    monkeypatch.setattr(tools[0], "CONFIG", tmp_path / "small.py")
    plain, shipped = (train(tools, form, root, tmp_path, images) for form in ("plain", "shipped"))
    torch.testing.assert_close(torch.tensor(plain), torch.tensor(shipped), rtol=1e-6, atol=1e-9)
    assert max(losses[0] for losses in plain) > 1.5 * min(losses[0] for losses in plain)
