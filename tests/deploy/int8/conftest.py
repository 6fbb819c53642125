"""A narrow YuNet as a float export, and images for it."""

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope

from mmeiou.deploy.onnx_export import export_onnx
from mmeiou.registry import MODELS


@pytest.fixture(scope="session")
def float_file(repo: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    cfg = Config.fromfile(repo / "configs/yunet/yunet-n_2xb16-640e_widerface.py")
    cfg.model.backbone.stage_channels = ((3, 8, 8), *[(8, 8)] * 5)
    cfg.model.neck.in_channels = (8, 8, 8)
    cfg.model.bbox_head.update(in_channels=8, feat_channels=8)
    init_default_scope(cfg.default_scope)
    torch.manual_seed(0)
    model = MODELS.build(cfg.model).eval()
    path = tmp_path_factory.mktemp("int8") / "float.onnx"
    export_onnx(model, path, (96, 64))
    return path


@pytest.fixture(scope="session")
def float_model(float_file: Path) -> onnx.ModelProto:
    return onnx.load(float_file)


@pytest.fixture(scope="session")
def images() -> list[np.ndarray]:
    random = np.random.default_rng(0)
    return [random.integers(0, 256, (60, 90, 3), dtype=np.uint8) for _ in range(4)]
