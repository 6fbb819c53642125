"""Work-arounds for the stack below mmeiou, all in one place.

- :mod:`mmeiou.compat.ops`: PyTorch stand-ins where MMCV comes without compiled ops.
- :mod:`mmeiou.compat.checkpoint`: checkpoints are loaded as data, never as code.
- :mod:`mmeiou.compat.inferencer`: MMDetection's ``DetInferencer`` with our pipelines.
"""

from functools import cache

import wrapt


@cache
def install() -> None:
    """Arrange the work-arounds for when MMCV and MMEngine are imported, or apply them if they are.

    Imports neither of them, nor torch. Further calls do nothing.
    """
    wrapt.register_post_import_hook("mmeiou.compat.ops.stand_ins:install", "mmcv")
    wrapt.register_post_import_hook("mmeiou.compat.ops.stand_ins:announce", "mmcv.ops")
    wrapt.register_post_import_hook(
        "mmeiou.compat.checkpoint:install", "mmengine.runner.checkpoint"
    )
    wrapt.register_post_import_hook("mmeiou.compat.inferencer:install", "mmdet.apis.det_inferencer")
