"""Every config: builds, one forward and backward pass, a finite gradient for every parameter."""

from pathlib import Path

import pytest
import torch
from mmdet.structures import DetDataSample
from mmengine.config import Config
from mmengine.registry import DATASETS, MODELS, init_default_scope
from mmengine.runner import Runner
from mmengine.structures import InstanceData

CONFIGS = Path(__file__).resolve().parents[1] / "configs"
NAMES = sorted(
    str(path.relative_to(CONFIGS))
    for path in CONFIGS.rglob("*.py")
    if "_base_" not in path.relative_to(CONFIGS).parts
)


def load(name: str) -> Config:
    cfg = Config.fromfile(CONFIGS / name)
    init_default_scope(cfg.default_scope)
    return cfg


def samples(num_keypoints: int, size: int) -> list[DetDataSample]:
    """A picture with an object for each stride and one ignored region, and an empty picture."""
    bboxes = torch.tensor([[20.0, 8, 28, 17], [60, 8, 77, 25], [40, 50, 75, 84], [2, 2, 70, 80]])
    keypoints = torch.cat([bboxes[:, :2] + 5, torch.ones(len(bboxes), 1)], dim=1)
    full = DetDataSample(
        gt_instances=InstanceData(
            bboxes=bboxes,
            labels=torch.zeros(len(bboxes), dtype=torch.long),
            keypoints=keypoints[:, None].repeat(1, num_keypoints, 1),
        ),
        ignored_instances=InstanceData(
            bboxes=torch.tensor([[0.0, size - 20, 20, size]]),
            labels=torch.zeros(1, dtype=torch.long),
        ),
    )
    empty = DetDataSample(gt_instances=full.gt_instances[:0], ignored_instances=InstanceData())
    for sample in (full, empty):
        sample.set_metainfo({"img_shape": (size, size), "scale_factor": (1.0, 1.0)})
    return [full, empty]


def test_basenames_are_unique() -> None:
    """Mim finds a config by its file name alone."""
    basenames = [Path(name).name for name in NAMES]
    assert len(NAMES) >= 6
    assert len(set(basenames)) == len(basenames)


@pytest.mark.parametrize("name", NAMES)
def test_trains_every_parameter(name: str) -> None:
    torch.manual_seed(0)
    cfg = load(name)
    model = MODELS.build(cfg.model)
    model.init_weights()
    size = 128
    data = {
        "inputs": [torch.randint(256, (3, size, size), dtype=torch.uint8) for _ in range(2)],
        "data_samples": samples(cfg.model.bbox_head.get("num_keypoints", 0), size),
    }
    data = model.data_preprocessor(data, training=True)
    losses = model(**data, mode="loss")
    loss, _ = model.parse_losses(losses)
    assert loss.isfinite()
    loss.backward()
    for key, parameter in model.named_parameters():
        assert parameter.grad is not None, key
        assert parameter.grad.isfinite().all(), key
        assert parameter.grad.abs().max() > 0, key

    model.eval()
    with torch.no_grad():
        found = model(**data, mode="predict")[0].pred_instances
    assert found.bboxes.isfinite().all()
    assert len(found.scores) == len(found.bboxes)


@pytest.mark.parametrize("name", NAMES)
def test_schedule_and_pipeline_build(name: str, tmp_path: Path) -> None:
    cfg = load(name)
    # The data may be absent; the pipelines are built, and so is everything that trains.
    for loader in ("train_dataloader", "val_dataloader"):
        dataset = cfg[loader].dataset
        dataset.lazy_init = True
        DATASETS.build(dataset)
    if cfg.optim_wrapper.type == "AmpOptimWrapper" and not torch.cuda.is_available():
        cfg.optim_wrapper.type = "OptimWrapper"  # MMEngine's needs a GPU
        cfg.optim_wrapper.pop("loss_scale", None)
    for key in ("val_dataloader", "val_evaluator", "val_cfg"):
        cfg.pop(key)
    for key in ("test_dataloader", "test_evaluator", "test_cfg"):
        cfg.pop(key)
    cfg.work_dir = str(tmp_path)
    runner = Runner.from_cfg(cfg)
    optim_wrapper = runner.build_optim_wrapper(cfg.optim_wrapper)
    assert len(optim_wrapper.param_groups) >= 1
    assert cfg.train_cfg.max_epochs >= max(
        scheduler.get("end", 0) for scheduler in cfg.param_scheduler if scheduler.by_epoch
    )
