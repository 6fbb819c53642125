"""The datasets of a config, without a runner."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from mmengine.config import Config
from mmengine.registry import DATASETS, init_default_scope

from mmeiou.cli import parse_cfg_options
from mmeiou.config_files import find_config

Split = Literal["train", "val", "test"]


def read_config(path: Path, cfg_options: Sequence[str] = ()) -> Any:
    """Read a config and override keys of it.

    Args:
        path: Its file, or the name of a shipped one.
        cfg_options: ``KEY=VALUE`` each, as on the command line.

    Raises:
        FileNotFoundError: If there is no such file.
    """
    cfg = Config.fromfile(find_config(path))
    cfg.merge_from_dict(parse_cfg_options(list(cfg_options)))
    return cfg


def build_dataset(cfg: Any, split: Split) -> Any:
    """The dataset of ``{split}_dataloader``.

    Raises:
        ValueError: If the config has none.
    """
    loader = cfg.get(f"{split}_dataloader")
    if not loader:
        raise ValueError(f"{cfg.filename} has no {split}_dataloader")
    init_default_scope(cfg.get("default_scope", "mmdet"))
    return DATASETS.build(loader.dataset)
