"""The commands of docs/analysis.md run, on a tiny set; TensorBoard is switched on as it says."""

import json
import re
import runpy
import shlex
import sys
from pathlib import Path

import cv2
import pytest
from helpers.markdown import code_to_run, commands
from mmengine.config import Config
from mmengine.registry import VISBACKENDS
from tiny_faces import write_tiny_faces
from wider_files import write_ground_truth, write_text

PAGE = Path(__file__).resolve().parents[1] / "docs" / "analysis.md"
WIDER = "configs/yunet/yunet-n_2xb16-640e_widerface.py"


@pytest.fixture
def folder(repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What the page's commands expect to find, in a new working folder."""
    for name in ("tools", "configs"):
        (tmp_path / name).symlink_to(repo / name)
    root = write_tiny_faces(tmp_path / "data/widerface")
    for image in (root / "WIDER_val/images/0--Squares").iterdir():
        cv2.imwrite(str(image.with_suffix(".jpg")), cv2.imread(str(image)))
    key = "0--Squares/0_Squares_0"
    write_ground_truth(root / "labelv2/val/gt", {key: ([[10, 10, 29, 29]], [[1], [1], [1]])})
    for name in ("predictions", "other"):
        write_text(tmp_path / name, key, "50 50 20 20 0.9")
    for name in ("first", "second"):
        log = tmp_path / "work_dirs" / name / "20250101_120000/vis_data/scalars.json"
        log.parent.mkdir(parents=True)
        log.write_text(json.dumps({"loss": 1.0, "lr": 0.1, "iter": 10}) + "\n")
    monkeypatch.delenv("MMEIOU_WIDERFACE", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_every_command_runs_and_writes_its_picture(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = commands(PAGE)
    assert len(lines) >= 7
    for line in lines:
        python, script, *arguments = shlex.split(line)
        assert python == "python"
        monkeypatch.syspath_prepend(str(Path(script).parent.resolve()))  # as Python does
        monkeypatch.setattr(sys, "argv", [script, *arguments])
        runpy.run_path(script, run_name="__main__")
        pictures = [word for word in arguments if word.endswith((".png", ".jpg"))]
        assert all(cv2.imread(str(folder / picture)) is not None for picture in pictures)


def test_options_of_the_tables_exist(
    repo: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(repo / "tools/analysis"))
    for tool in ("browse_dataset", "worst_images"):
        section = re.search(rf"{tool}\.py.*?(\n## |\Z)", PAGE.read_text(), re.DOTALL)[0]
        monkeypatch.setattr(sys, "argv", [tool, "--help"])
        with pytest.raises(SystemExit):
            runpy.run_path(str(repo / f"tools/analysis/{tool}.py"), run_name="__main__")
        options = re.findall(r"`(--[a-z-]+)", section)
        assert len(options) >= 3
        assert set(options) <= set(re.findall(r"--[a-z-]+", capsys.readouterr().out))


def backends(cfg: Config) -> list[str]:
    return [backend["type"] for backend in cfg.visualizer.vis_backends]


def test_tensorboard_by_the_environment_and_by_a_config(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MMEIOU_TENSORBOARD", raising=False)
    assert backends(Config.fromfile(WIDER)) == ["LocalVisBackend"]
    both = ["LocalVisBackend", "TensorboardVisBackend"]
    (own,) = code_to_run(PAGE, "python")
    (folder / "own.py").write_text(own)
    assert backends(Config.fromfile("own.py")) == both
    monkeypatch.setenv("MMEIOU_TENSORBOARD", "1")
    assert backends(Config.fromfile(WIDER)) == both


def test_without_tensorboard_the_error_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The runner asks for this before the first step: it hands its config to every backend."""
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    monkeypatch.delitem(sys.modules, "torch.utils.tensorboard", raising=False)
    backend = VISBACKENDS.build({"type": "TensorboardVisBackend", "save_dir": str(tmp_path)})
    with pytest.raises(ImportError, match=r"pip install .*tensorboard"):
        backend.add_config(Config({}))
