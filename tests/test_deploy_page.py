"""The Python blocks of docs/deploy.md run, on a photograph."""

import re
from pathlib import Path

import cv2
import numpy as np
import pytest
from mmengine.config import Config
from skimage import data

from mmeiou.deploy.onnx_export import export_onnx
from mmeiou.engine.load_detector import load_detector

PAGE = Path(__file__).resolve().parents[1] / "docs" / "deploy.md"
FACE = np.array([178, 65, 269, 176])  # of the astronaut


def test_blocks_find_the_astronaut(
    repo: Path, shared_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cfg = Config.fromfile(repo / "configs/yunet/yunet-n_2xb16-640e_widerface.py")
    model = load_detector(cfg, str(shared_data / "weights/yunet_n.pth"))
    export_onnx(model, tmp_path / "yunet.onnx")
    export_onnx(model, tmp_path / "yunet_nms.onnx", with_nms=True, dynamic=True)
    cv2.imwrite(str(tmp_path / "photo.jpg"), data.astronaut()[:, :, ::-1])
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    scopes: list[dict] = [{} for _ in blocks]
    for block, scope in zip(blocks, scopes, strict=True):
        exec(block, scope)  # noqa: S102 - our own documentation
    api, opencv, runtime = scopes
    assert (tmp_path / "found.jpg").is_file()
    x, y, w, h = opencv["faces"][0, :4]
    np.testing.assert_allclose(api["faces"].boxes[0], [x, y, x + w, y + h], atol=1)
    np.testing.assert_allclose(runtime["boxes"][0], [x, y, x + w, y + h], atol=1)
    assert np.abs(runtime["boxes"][0] - FACE).max() < 30
    # The square root of the product.
    assert opencv["faces"][0, 14] ** 2 == pytest.approx(runtime["scores"][0], abs=0.01)
