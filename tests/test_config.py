"""Configs outside of a runner; the detectors built from them are those of tests/apis."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import MODELS, init_default_scope

from mmeiou.config import (
    build_dataset,
    find_config,
    load_detector,
    parse_cfg_options,
    read_config,
    require_tta,
)
from mmeiou.datasets import CocoKeypointDataset

NAME = "yunet-n_2xb16-640e_widerface.py"


def test_a_path_stays_and_a_name_is_found(
    repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_config(NAME) == repo / "configs/yunet" / NAME
    (tmp_path / NAME).touch()
    assert find_config(NAME) == Path(NAME)
    assert find_config(str(tmp_path / NAME)) == tmp_path / NAME


def test_what_is_not_there_is_named_with_what_is_alike(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError, match=rf"{tmp_path}/yunet-n_2xb16_wider.py\); .*{NAME}"):
        find_config("yunet-n_2xb16_wider.py")
    # Another folder is a mistake, not a name.
    with pytest.raises(FileNotFoundError, match=f"wrong/{NAME}"):
        find_config(f"wrong/{NAME}")
    with pytest.raises(
        FileNotFoundError, match=r"config not found: nothing\.alike \(.*nothing\.alike\)$"
    ):
        find_config("nothing.alike")


def test_what_is_no_config_is_named(tmp_path: Path) -> None:
    (tmp_path / "yunet_n.pth").touch()
    with pytest.raises(ValueError, match=r"yunet_n\.pth is no config, which ends in \.py, \.yml"):
        read_config(tmp_path / "yunet_n.pth")


@pytest.mark.parametrize(
    ("content", "missing"),
    [
        ("tta_model = dict()\n", "has no tta_pipeline;"),
        ("tta_pipeline = []\n", "has no tta_model;"),
        ("", "has no tta_model and no tta_pipeline;"),
    ],
)
def test_what_augmentation_lacks_is_named(tmp_path: Path, content: str, missing: str) -> None:
    file = tmp_path / "a.py"
    file.write_text(content)
    with pytest.raises(ValueError, match=rf"^--tta: {file} {missing} see configs/yunet/\*tta\*$"):
        require_tta(read_config(file))
    file.write_text("tta_model = dict()\ntta_pipeline = []\n")
    require_tta(read_config(file))


def test_names_are_unique(repo: Path) -> None:
    names = [path.name for path in repo.glob("configs/[!_]*/*.py")]
    assert len(set(names)) == len(names) >= 40


def test_importing_leaves_the_choice_of_the_device_open() -> None:
    code = (
        "import sys, mmeiou.config, mmeiou.cli\n"
        "assert not {'torch', 'mmengine', 'mmcv', 'mmdet'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_keys_are_overridden_by_what_the_command_line_says(tmp_path: Path) -> None:
    path = tmp_path / "some.py"
    path.write_text("model = dict(depth=18, name='a', stages=[1, 2])\nkept = 1\n")
    options = ["model.depth=50", "model.name=b=c", "model.stages=[3,4.5]", "new.key=None"]
    cfg = read_config(path, options)
    assert cfg.model == {"depth": 50, "name": "b=c", "stages": [3, 4.5]}
    assert (cfg.kept, cfg.new.key) == (1, None)
    assert cfg.filename == str(path)
    assert parse_cfg_options([]) == {}


def test_what_is_no_option_is_named() -> None:
    with pytest.raises(ValueError, match="'depth' is not KEY=VALUE"):
        read_config(NAME, ["model.a=1", "depth"])


def test_the_dataset_of_a_split(tmp_path: Path) -> None:
    (tmp_path / "labels.json").write_text(
        '{"images": [], "annotations": [], "categories": [{"id": 1, "name": "face"}]}'
    )
    dataset = {
        "type": "mmeiou.CocoKeypointDataset",
        "ann_file": str(tmp_path / "labels.json"),
        "metainfo": {"classes": ("face",)},
        "lazy_init": True,
        "pipeline": [],
    }
    cfg = Config({"val_dataloader": {"dataset": dataset}, "test_dataloader": None}, filename=None)
    assert isinstance(build_dataset(cfg, "val"), CocoKeypointDataset)
    for split in ("train", "test"):
        with pytest.raises(ValueError, match=f"has no {split}_dataloader"):
            build_dataset(cfg, split)


def test_a_detector_has_the_weights_of_its_checkpoint(tmp_path: Path) -> None:
    cfg = read_config(NAME)
    torch.manual_seed(0)
    init_default_scope("mmdet")
    expected = MODELS.build(cfg.model).state_dict()
    # as DataParallel names them
    torch.save({f"module.{key}": value for key, value in expected.items()}, tmp_path / "n.pth")
    model = load_detector(cfg, tmp_path / "n.pth")
    torch.testing.assert_close(dict(model.state_dict()), dict(expected), rtol=0, atol=0)
    assert not model.training
    with pytest.raises(ValueError, match="does not fit YuNet"):
        load_detector(read_config("yunet-s_2xb16-640e_widerface.py"), tmp_path / "n.pth")
