"""YuNet_n and batches for it, made of numbers that are the same on every device."""

from typing import Any

import mmeiou.models  # noqa: F401 # isort: skip - before MMDetection
import cv2
import numpy as np
import torch
from mmdet.structures import DetDataSample
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.runner import load_checkpoint
from scaling import Setting as Crowd
from scaling import faces_of
from torch import Tensor, nn
from training import CONFIG, FORMS, REPO

from gpu_sections.report import Setting
from mmeiou.registry import MODELS

CANDIDATES = 300
"""Boxes per image above the threshold of a network with random weights: a picture of a crowd."""


def build(setting: Setting, form: str = "shipped", *, fresh: bool = False) -> Any:
    """The detector on the CPU, in the form of :mod:`training`.

    Args:
        setting: Says which weights.
        form: Key of ``training.FORMS``.
        fresh: Random weights in any case, as a training begins with them.
    """
    cfg = Config.fromfile(REPO / CONFIG)
    init_default_scope("mmdet")
    FORMS[form](cfg)
    torch.manual_seed(0)
    model: Any = MODELS.build(cfg.model)
    model.init_weights()
    if setting.trained and not fresh:
        load_checkpoint(model, str(setting.checkpoint), map_location="cpu")
    elif not fresh:
        _scatter(model)
    return model


def _scatter(model: nn.Module) -> None:
    """Random weights whose scores are far from each other, and statistics that matter."""
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.normal_(module.weight, std=module.weight[0].numel() ** -0.5)
        if isinstance(module, nn.BatchNorm2d):
            assert module.running_var is not None
            assert module.running_mean is not None
            nn.init.uniform_(module.running_var, 0.5, 2)
            nn.init.normal_(module.running_mean)


def images(count: int, side: int) -> Tensor:
    """``(count, 3, side, side)`` bytes: noise, coarse enough to have shapes."""
    random = torch.Generator().manual_seed(0)
    coarse = torch.rand(count, 3, side // 16, side // 16, generator=random) * 255
    return nn.functional.interpolate(coarse, size=(side, side), mode="bilinear").byte()


def pictures(setting: Setting, count: int, side: int) -> Tensor:
    """``(count, 3, side, side)`` bytes with something to detect: squeezed photographs, or noise."""
    if not setting.trained:
        return images(count, side)
    assert setting.data is not None
    files = sorted((setting.data / "WIDER_train/images").rglob("*.jpg"))
    batch = [
        cv2.resize(cv2.imread(str(file)), (side, side))
        for file in files[:: max(1, len(files) // count)][:count]
    ]
    return torch.from_numpy(np.stack(batch)).permute(0, 3, 1, 2).contiguous()


def samples(count: int, side: int, faces: int) -> list[DetDataSample]:
    """Of training images, with ``faces`` faces each."""
    random = torch.Generator().manual_seed(0)
    batch = [faces_of(Crowd(side=side, faces=faces), random) for _ in range(count)]
    for sample in batch:
        shape = (side, side)
        sample.set_metainfo(
            {
                "img_shape": shape,
                "ori_shape": shape,
                "batch_input_shape": shape,
                "scale_factor": (1.0, 1.0),
                "img_path": "made up",
            }
        )
    return batch


def to_double(batch: list[DetDataSample]) -> list[DetDataSample]:
    """The same faces in float64."""
    doubled = []
    for sample in batch:
        copy = sample.clone()
        for name in ("gt_instances", "ignored_instances"):
            instances = copy.get(name)
            for key, value in instances.items():
                if value.is_floating_point():
                    instances.set_field(value.double(), key)
        doubled.append(copy)
    return doubled


@torch.no_grad()
def limit_candidates(setting: Setting, model: Any, batch: Tensor) -> None:
    """With random weights, the threshold that leaves :data:`CANDIDATES` boxes per image."""
    if setting.trained:
        return
    cls, _, obj, _ = model.eval()(batch, None, mode="tensor")
    scores = torch.cat(
        [(c.sigmoid() * o.sigmoid()).flatten() for c, o in zip(cls, obj, strict=True)]
    )
    best = scores.topk(min(CANDIDATES * len(batch), scores.numel() // 2)).values
    model.bbox_head.test_cfg.score_thr = float(best[-1])
