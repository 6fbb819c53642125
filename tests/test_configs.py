"""Every config: builds, one forward and backward pass, a finite gradient for every parameter."""

import re
import shlex
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from helpers.markdown import commands
from mmdet.structures import DetDataSample
from mmdet.structures.mask import BitmapMasks
from mmengine.config import Config, ConfigDict
from mmengine.logging import MessageHub
from mmengine.registry import DATASETS, METRICS, MODELS, TRANSFORMS, init_default_scope
from mmengine.runner import Runner
from mmengine.structures import InstanceData

CONFIGS = Path(__file__).resolve().parents[1] / "configs"
NAMES = sorted(
    str(path.relative_to(CONFIGS))
    for path in CONFIGS.rglob("*.py")
    if "_base_" not in path.relative_to(CONFIGS).parts
)
SIZE = 128

# Parameters whose gradient may be exactly zero in one step on these pictures, and why.
ZERO_GRADIENT = {
    # The first layer attends over queries whose content is still zero.
    "DETR": r"decoder\.layers\.0\.(self_attn\.attn\.(in_proj_|out_proj\.)|norms\.0\.)weight",
    # Levels for larger objects than fit into these pictures.
    "ATSS": r"bbox_head\.scales\.[1-4]\.scale",
    "FCOS": r"bbox_head\.scales\.[1-4]\.scale",
    # The same; and allowed_border=0 leaves out anchors that leave the picture.
    "CascadeRCNN": r"neck\.fpn_convs\.[23]\.conv\.(weight|bias)",
}
# Parameters that lead nowhere; the configs say find_unused_parameters=True.
UNUSED = {"MobileNetV2": r"backbone\.conv2\..*"}  # what ends the classifier


@cache
def _read(name: str) -> Config:
    return Config.fromfile(CONFIGS / name)


def load(name: str) -> Config:
    cfg = deepcopy(_read(name))
    init_default_scope(cfg.default_scope)
    return cfg


def reduced(model: ConfigDict) -> ConfigDict:
    """The same detector, narrow; configs of another size than ResNet-50's stay as they are."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(CONFIGS.parent / "tools" / "experiments"))
        from reduce_config import reduce_model  # noqa: PLC0415
    model = deepcopy(model)
    reduce_model(model)
    if "checkpoint" in (model.get("backbone", {}).get("init_cfg") or {}):
        model.backbone.init_cfg = None  # pretrained weights are not here
    if "teacher" in model:
        model.teacher = None  # nor are a teacher's: tests/models/test_distilled_yunet.py
    return model


def samples(num_keypoints: int) -> list[DetDataSample]:
    """A picture with an object for each stride and one ignored region, and an empty picture."""
    bboxes = torch.tensor([[20.0, 8, 28, 17], [60, 8, 77, 25], [40, 50, 75, 84], [2, 2, 70, 80]])
    keypoints = torch.cat([bboxes[:, :2] + 5, torch.ones(len(bboxes), 1)], dim=1)
    masks = np.zeros((len(bboxes), SIZE, SIZE), np.uint8)
    for mask, (x1, y1, x2, y2) in zip(masks, bboxes.int().tolist(), strict=True):
        mask[y1:y2, x1:x2] = 1
    full = DetDataSample(
        gt_instances=InstanceData(
            bboxes=bboxes,
            labels=torch.zeros(len(bboxes), dtype=torch.long),
            keypoints=keypoints[:, None].repeat(1, num_keypoints, 1),
            masks=BitmapMasks(masks, SIZE, SIZE),
        ),
        ignored_instances=InstanceData(
            bboxes=torch.tensor([[0.0, SIZE - 20, 20, SIZE]]),
            labels=torch.zeros(1, dtype=torch.long),
        ),
    )
    empty = DetDataSample(
        gt_instances=full.gt_instances[:0], ignored_instances=full.ignored_instances[:0]
    )
    for sample in (full, empty):
        shape = (SIZE, SIZE)
        sample.set_metainfo({"img_shape": shape, "ori_shape": shape, "scale_factor": (1.0, 1.0)})
    return [full, empty]


@cache
def check_step(text: str) -> None:
    """One training step and one prediction of a model; equal models of two configs once."""
    torch.manual_seed(0)
    MessageHub.get_current_instance().update_info("iter", 0)  # YOLOX's change of size asks for it
    cfg = Config.fromstring(text, ".py").model
    model = MODELS.build(cfg)
    model.init_weights()
    data = {
        "inputs": [torch.randint(256, (3, SIZE, SIZE), dtype=torch.uint8) for _ in range(2)],
        "data_samples": samples(cfg.bbox_head.get("num_keypoints", 0) if "bbox_head" in cfg else 0),
    }
    data = model.data_preprocessor(data, training=True)
    losses = model(**data, mode="loss")
    loss, _ = model.parse_losses(losses)
    assert loss.isfinite()
    loss.backward()
    zero = re.compile(ZERO_GRADIENT.get(cfg.type, "(?!)"))
    unused = re.compile(UNUSED.get(cfg.get("backbone", {}).get("type"), "(?!)"))
    for key, parameter in model.named_parameters():
        if unused.fullmatch(key):
            assert parameter.grad is None, key
        elif parameter.requires_grad:
            assert parameter.grad is not None, key
            assert parameter.grad.isfinite().all(), key
            assert parameter.grad.abs().max() > 0 or zero.fullmatch(key), key

    model.eval()
    with torch.no_grad():
        found = model(**data, mode="predict")[0].pred_instances
    assert found.bboxes.isfinite().all()
    assert len(found.scores) == len(found.bboxes)


def test_basenames_are_unique() -> None:
    """Mim finds a config by its file name alone."""
    basenames = [path.name for path in CONFIGS.rglob("*.py")]
    assert len(NAMES) >= 40
    assert len(set(basenames)) == len(basenames)


@pytest.mark.parametrize("folder", sorted({Path(name).parent.name for name in NAMES}))
def test_metafile_lists_configs_by_their_names(folder: str) -> None:
    """Mim searches and downloads by lower-case names."""
    assert (CONFIGS / folder / "README.md").is_file()
    meta = yaml.safe_load((CONFIGS / folder / "metafile.yml").read_text())
    collections = {collection["Name"] for collection in meta["Collections"]}
    listed = [model["Config"].removeprefix("configs/") for model in meta["Models"]]
    assert set(listed) <= set(NAMES)
    for model, config in zip(meta["Models"], listed, strict=True):
        assert model["Name"] == Path(config).stem == model["Name"].lower()
        assert model["In Collection"] in collections


@pytest.mark.parametrize("folder", sorted({Path(name).parent.name for name in NAMES}))
def test_readme_trains_and_tests_a_config_of_its_folder(folder: str) -> None:
    """Its GPUs are those of the file name, and the checkpoint is what the training leaves."""
    train, test = map(shlex.split, commands(CONFIGS / folder / "README.md"))
    config = Path(test[2])
    assert f"{folder}/{config.name}" in NAMES
    cfg = _read(f"{folder}/{config.name}")
    path = f"configs/{folder}/{config.name}"
    gpus = re.search(r"_(\d+)xb\d+-", config.name)[1]
    several = ["torchrun", f"--nproc_per_node={gpus}", "tools/train.py", path]
    several += ["--launcher", "pytorch"]
    assert train == (["python", "tools/train.py", path] if gpus == "1" else several)
    last = f"work_dirs/{config.stem}/epoch_{cfg.train_cfg.max_epochs}.pth"
    assert test == ["python", "tools/test.py", path, last]


def test_ladder_differs_in_the_box_loss_alone() -> None:
    """The nine rungs on one data set, and one rung on three."""
    baseline = load("faster_rcnn/faster-rcnn_r50_fpn_l1_8xb2-1x_coco.py")
    rungs = [load(name) for name in NAMES if name.startswith("faster_rcnn/") and "coco" in name]
    assert len(rungs) == 9
    for cfg in rungs:
        head = cfg.model.roi_head.bbox_head
        decoded = "IoU" in head.loss_bbox.type
        assert head.pop("reg_decoded_bbox", False) == decoded
        weight = 12 if head.loss_bbox.type == "CIoULoss" else 10
        assert head.loss_bbox.loss_weight == (weight if decoded else 1)
        assert len([key for key in cfg if cfg[key] != baseline.get(key)]) <= 2  # model, bbox_head
        for key in ("type", "loss_bbox"):
            head[key] = baseline.model.roi_head.bbox_head[key]
        for key in ("loss_iou", "iou_target", "detach_iou_target", "iou_fusion"):
            head.pop(key, None)
        assert cfg.model == baseline.model
    for rung in ("smooth-l1", "eiou-sot-iou"):
        heads = [
            load(f"faster_rcnn/faster-rcnn_r50_fpn_{rung}_8xb2-1x_{data}.py").model.roi_head
            for data in ("voc07", "voc0712", "coco")
        ]
        assert [roi_head.bbox_head.pop("num_classes") for roi_head in heads] == [20, 20, 80]
        assert heads[0] == heads[1] == heads[2]


@pytest.mark.parametrize("name", NAMES)
def test_trains_every_parameter(name: str) -> None:
    cfg = load(name)
    check_step(Config({"model": reduced(cfg.model)}).pretty_text)


@pytest.mark.parametrize("name", NAMES)
def test_full_size_model_builds(name: str) -> None:
    model = load(name).model
    with torch.device("meta"):
        assert sum(p.numel() for p in MODELS.build(model).parameters()) > 50_000


def build_dataset(cfg: Any) -> None:
    """Build pipelines and readers without reading: the data may be absent."""
    inner = [cfg.dataset] if "dataset" in cfg else cfg.get("datasets", [])
    for dataset in inner:
        build_dataset(dataset)
    if not inner:
        DATASETS.build(ConfigDict(cfg, lazy_init=True))
    else:
        for transform in cfg.get("pipeline") or []:
            TRANSFORMS.build(transform)


@pytest.mark.parametrize("name", NAMES)
def test_schedule_and_pipeline_build(name: str, tmp_path: Path) -> None:
    cfg = load(name)
    for part in ("train", "val", "test"):
        build_dataset(cfg[f"{part}_dataloader"].dataset)
    for part in ("val", "test"):
        files = {key: None for key in ("ann_file", "gt_dir") if key in cfg[f"{part}_evaluator"]}
        METRICS.build(ConfigDict(cfg[f"{part}_evaluator"], **files))
    if cfg.optim_wrapper.type == "AmpOptimWrapper" and not torch.cuda.is_available():
        cfg.optim_wrapper.type = "OptimWrapper"  # MMEngine's needs a GPU
        cfg.optim_wrapper.pop("loss_scale", None)
    for part in ("val", "test"):
        for key in ("dataloader", "evaluator", "cfg"):
            cfg.pop(f"{part}_{key}")
    cfg.work_dir = str(tmp_path)
    cfg.model = reduced(cfg.model)
    runner = Runner.from_cfg(cfg)
    optim_wrapper = runner.build_optim_wrapper(cfg.optim_wrapper)
    assert len(optim_wrapper.param_groups) >= 1
    assert cfg.train_cfg.max_epochs >= max(
        scheduler.get("end", 0) for scheduler in cfg.param_scheduler if scheduler.by_epoch
    )
