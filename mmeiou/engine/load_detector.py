"""A trained detector from its config and checkpoint, outside of a runner."""

from typing import Any

from mmengine.config import Config
from mmengine.registry import MODELS, init_default_scope
from mmengine.runner import CheckpointLoader

from mmeiou.engine.checkpoint_guard_hook import CheckpointGuardHook


def load_detector(cfg: Config, checkpoint: str) -> Any:
    """Build the model of a config and load weights that fit it key by key.

    Args:
        cfg: The config.
        checkpoint: File or address.

    Returns:
        The model on the CPU, in evaluation mode.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is no checkpoint, or one of another architecture.
    """
    init_default_scope(cfg.get("default_scope", "mmdet"))
    model = MODELS.build(cfg.model)
    loaded = CheckpointLoader.load_checkpoint(checkpoint, map_location="cpu")
    CheckpointGuardHook().check(model, loaded)
    weights = loaded.get("state_dict", loaded)
    model.load_state_dict({key.removeprefix("module."): value for key, value in weights.items()})
    return model.eval()
