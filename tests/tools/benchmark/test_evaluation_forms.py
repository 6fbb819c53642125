"""The shipped form of evaluation and one written with MMDetection's parts find the same faces."""

from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import DefaultSampler, pseudo_collate
from mmengine.registry import init_default_scope
from mmengine.structures import InstanceData
from tiny_faces import write_tiny_faces
from torch import nn

from mmeiou.datasets.samplers import PaddedSizeBatchSampler
from mmeiou.registry import DATASETS, HOOKS, MODELS


@pytest.fixture(scope="module")
def evaluation(repo: Path) -> ModuleType:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(repo / "tools/benchmark"))
        import evaluation  # noqa: PLC0415

        return evaluation


def detections(
    evaluation: ModuleType,
    form: str,
    root: Path,
    weights: Path | None,
    number: int,
    batch: int,
    monkeypatch: pytest.MonkeyPatch,
) -> dict[str, InstanceData]:
    """Of the first images, by file name."""
    cfg = Config.fromfile(evaluation.REPO / evaluation.CONFIG)
    init_default_scope("mmdet")
    if weights is None:
        cfg.model.test_cfg.score_thr = 0.0
    evaluation.FORMS[form](cfg)
    torch.manual_seed(0)
    model: Any = MODELS.build(cfg.model)
    model.init_weights()
    if weights is None:
        # Statistics that folding could get wrong, and scores that are far from each other.
        for module in model.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.normal_(module.weight, std=module.weight[0].numel() ** -0.5)
            if isinstance(module, nn.BatchNorm2d):
                nn.init.uniform_(module.running_var, 0.5, 2)
                nn.init.normal_(module.running_mean)
    else:
        state = torch.load(weights, map_location="cpu", weights_only=False)
        model.load_state_dict(state["state_dict"])
    dataset = DATASETS.build(
        {**cfg.test_dataloader.dataset, "data_root": str(root), "indices": number}
    )
    loader = SimpleNamespace(dataset=dataset)
    runner = SimpleNamespace(model=model, test_dataloader=loader)
    sampler = DefaultSampler(dataset, shuffle=False)
    batches: Any = [[index] for index in sampler]
    if form != "straightforward":
        monkeypatch.setattr("mmeiou.engine.fold_batch_norm_hook.WORTH", 1)
        HOOKS.build(cfg.default_hooks.fold_batch_norm).before_test_epoch(runner)
        batches = PaddedSizeBatchSampler(sampler, batch)
    found = {}
    with torch.no_grad():
        for indices in batches:
            data = pseudo_collate([dataset[index] for index in indices])
            for sample in runner.model.eval().test_step(data):
                found[Path(sample.img_path).name] = sample.pred_instances
    return found


@pytest.mark.parametrize("form", ["in PyTorch", "shipped"])
@pytest.mark.parametrize(("kind", "number", "batch"), [("tiny", 4, 3), ("real", 12, 4)])
def test_the_same_faces(
    form: str,
    evaluation: ModuleType,
    kind: str,
    number: int,
    batch: int,
    tmp_path: Path,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert set(evaluation.FORMS) == {"straightforward", "in PyTorch", "shipped"}
    root, weights = None, None
    if kind == "tiny":
        root = write_tiny_faces(tmp_path)
    else:
        shared = request.getfixturevalue("shared_data")
        root, weights = shared / "widerface", shared / "weights/yunet_n.pth"
    one, other = (
        detections(evaluation, name, root, weights, number, batch, monkeypatch)
        for name in ("straightforward", form)
    )
    assert one.keys() == other.keys()
    assert len(one) == number
    assert sum(map(len, one.values())) > number
    for name, expected in one.items():
        for key in ("bboxes", "scores", "labels"):
            torch.testing.assert_close(
                other[name][key],
                expected[key],
                rtol=1e-4,
                atol=1e-3,
                msg=lambda m, n=name, k=key: f"{n}: {k}: {m}",
            )
