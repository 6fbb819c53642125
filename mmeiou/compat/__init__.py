"""Work-arounds for the stack below mmeiou, all in one place.

- :mod:`mmeiou.compat.ops`: PyTorch stand-ins where MMCV comes without compiled ops.
- :mod:`mmeiou.compat.checkpoint`: checkpoints are loaded as data, never as code, and whole.
- :mod:`mmeiou.compat.newest_checkpoint`: a damaged one is not resumed from.
- :mod:`mmeiou.compat.inferencer`: MMDetection's ``DetInferencer`` with our pipelines.
- :mod:`mmeiou.compat.remarks`: no remarks on packages that nothing asked for.
- :mod:`mmeiou.compat.config_text`: a config's text is formatted once, not four times.

They hold for the whole process, for other packages' models, too. The environment variable
``MMEIOU_COMPAT`` names those that are wanted, ``MMEIOU_COMPAT=ops,inferencer``, or ``none``.
"""

import os
from functools import cache

import wrapt

# Function to call with a module, and the module after whose import it is called.
_HOOKS = {
    "ops": (
        ("mmeiou.compat.ops.stand_ins:install", "mmcv"),
        ("mmeiou.compat.ops.stand_ins:announce", "mmcv.ops"),
    ),
    "checkpoint": (
        ("mmeiou.compat.checkpoint:install", "mmengine.runner.checkpoint"),
        ("mmeiou.compat.checkpoint:refuse_config", "mmengine.infer.infer"),
        ("mmeiou.compat.checkpoint:refuse_nonfinite", "mmengine.infer.infer"),
        ("mmeiou.compat.checkpoint:refuse_nonfinite", "mmdet.apis.det_inferencer"),
        ("mmeiou.compat.newest_checkpoint:install", "mmengine.runner.runner"),
    ),
    "inferencer": (("mmeiou.compat.inferencer:install", "mmdet.apis.det_inferencer"),),
    "remarks": (
        ("mmeiou.compat.remarks:install", "mmdet"),
        (
            "mmeiou.compat.remarks:demand_package",
            "mmdet.evaluation.metrics.faster_coco_metric",
        ),
    ),
    "config_text": (("mmeiou.compat.config_text:install", "yapf.yapflib.yapf_api"),),
}


@cache
def install() -> None:
    """Arrange the work-arounds for when MMCV and MMEngine are imported, or apply them if they are.

    Imports neither of them, nor torch. Further calls do nothing.

    Raises:
        ValueError: If ``MMEIOU_COMPAT`` names something else.
    """
    for name in wanted(os.environ.get("MMEIOU_COMPAT", "")):
        for function, module in _HOOKS[name]:
            wrapt.register_post_import_hook(function, module)


def wanted(setting: str) -> list[str]:
    """The work-arounds that a value of ``MMEIOU_COMPAT`` asks for: all, if it is empty.

    Raises:
        ValueError: If it names something else.
    """
    if not setting.strip():
        return list(_HOOKS)
    names = [name.strip() for name in setting.split(",")]
    if names == ["none"]:
        return []
    if unknown := [name for name in names if name not in _HOOKS]:
        raise ValueError(
            f"MMEIOU_COMPAT={setting}: {', '.join(unknown)} is none of {', '.join(_HOOKS)}, or "
            "none alone"
        )
    return names
