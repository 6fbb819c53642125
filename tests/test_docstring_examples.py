"""The examples in docstrings give what they say; modules without one are not imported."""

import doctest
import importlib
from pathlib import Path

import pytest
from mmengine.config import Config

REPO = Path(__file__).resolve().parents[1]
MODULES = sorted(
    ".".join(path.relative_to(REPO).with_suffix("").parts).removesuffix(".__init__")
    for path in (REPO / "mmeiou").rglob("*.py")
    if ">>> " in path.read_text()
)


@pytest.fixture
def working_folder(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A new one, with the exported detector that the example of ``mmeiou.apis`` loads."""
    if request.node.callspec.params["name"].startswith("mmeiou.apis."):
        from mmeiou.config import load_detector  # noqa: PLC0415
        from mmeiou.deploy.onnx_export import export_onnx  # noqa: PLC0415

        weights = request.getfixturevalue("shared_data") / "weights/yunet_n.pth"
        cfg = Config.fromfile(REPO / "configs/yunet/yunet-n_2xb16-640e_widerface.py")
        export_onnx(load_detector(cfg, str(weights)), tmp_path / "yunet_n.onnx")
    monkeypatch.chdir(tmp_path)


@pytest.mark.usefixtures("working_folder")
@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str) -> None:
    failed, attempted = doctest.testmod(importlib.import_module(name))
    assert attempted
    assert not failed


def test_some_modules_have_examples() -> None:
    assert {"mmeiou.functional.eiou_loss", "mmeiou.functional.extended_iou"} <= set(MODULES)
