"""Configs outside of a runner: read, overridden, and built from; found by :mod:`.config_files`.

Imports the MM stack only inside functions: a tool has to choose its device before MMEngine is
imported, and where there is no MM stack the functions for files still work.
"""
# ruff: noqa: PLC0415

from argparse import ArgumentParser
from collections.abc import Sequence
from os import PathLike
from typing import Any, Literal

from mmeiou.config_files import find_config

SUFFIXES = (".py", ".yml", ".yaml", ".json")
Split = Literal["train", "val", "test"]


def parse_cfg_options(pairs: Sequence[str]) -> dict[str, Any]:
    """``['a.b=1', ...]`` to ``{'a.b': 1, ...}`` by MMEngine's rules.

    Raises:
        ValueError: If a pair has no ``=``.
    """
    from mmengine.config import DictAction

    for pair in pairs:
        if "=" not in pair:
            raise ValueError(f"{pair!r} is not KEY=VALUE")
    parser = ArgumentParser()
    parser.add_argument("options", nargs="*", action=DictAction, default={})
    return dict(parser.parse_args(list(pairs)).options) if pairs else {}


def read_config(name: str | PathLike[str], cfg_options: Sequence[str] = ()) -> Any:
    """Read a config and override keys of it.

    Args:
        name: Its file, or the name of a shipped one.
        cfg_options: ``KEY=VALUE`` each, as on the command line.

    Returns:
        An ``mmengine.Config``.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is no config, or an option is not ``KEY=VALUE``.
    """
    path = find_config(name)
    if path.suffix not in SUFFIXES:
        raise ValueError(
            f"{name} is no config, which ends in {', '.join(SUFFIXES)}; weights come behind theirs"
        )
    from mmengine.config import Config

    cfg = Config.fromfile(path)
    cfg.merge_from_dict(parse_cfg_options(cfg_options))
    return cfg


def require_tta(cfg: Any) -> None:
    """The config says how to augment at test time.

    Raises:
        ValueError: If it has no ``tta_model`` or no ``tta_pipeline``.
    """
    if missing := [key for key in ("tta_model", "tta_pipeline") if key not in cfg]:
        raise ValueError(
            f"--tta: {cfg.filename} has no {' and no '.join(missing)}; see configs/yunet/*tta*"
        )


def build_dataset(cfg: Any, split: Split) -> Any:
    """The dataset of ``{split}_dataloader``.

    Raises:
        ValueError: If the config has none.
    """
    from mmengine.registry import DATASETS, init_default_scope

    loader = cfg.get(f"{split}_dataloader")
    if not loader:
        raise ValueError(f"{cfg.filename} has no {split}_dataloader")
    init_default_scope(cfg.get("default_scope", "mmdet"))
    return DATASETS.build(loader.dataset)


def load_detector(cfg: Any, checkpoint: str | PathLike[str]) -> Any:
    """Build the model of a config and load weights that fit it key by key.

    Args:
        cfg: The config.
        checkpoint: File or address.

    Returns:
        The model on the CPU, in evaluation mode; its ``dataset_meta`` is that of the dataset that
        it was trained on, as far as the checkpoint knows.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is no checkpoint, or one of another architecture.
    """
    from mmengine.registry import MODELS, init_default_scope
    from mmengine.runner import CheckpointLoader

    from mmeiou.checkpoint_fit import dataset_meta_of, require_fit, weights_of

    init_default_scope(cfg.get("default_scope", "mmdet"))
    model = MODELS.build(cfg.model)
    loaded = CheckpointLoader.load_checkpoint(str(checkpoint), map_location="cpu")
    weights = weights_of(loaded)
    require_fit(model, weights)
    model.load_state_dict(weights)
    model.dataset_meta = dataset_meta_of(loaded)
    return model.eval()
