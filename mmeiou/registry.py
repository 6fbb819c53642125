"""Registry nodes: a config type ``mmeiou.X`` finds its class through these.

Every node is a child of MMEngine's root (a child of MMDetection's could not be built from the
root), and imports the modules that register into it on first use.
"""

import importlib.util

_missing = [
    name for name in ("mmengine", "mmcv", "mmdet") if importlib.util.find_spec(name) is None
]
if _missing:
    raise ModuleNotFoundError(
        f"mmeiou needs {', '.join(_missing)}, which cannot be imported here. Install one of the "
        "two families: pip install 'mmeiou[onedl]' (maintained, recommended) or "
        "pip install 'mmeiou[openmmlab]'.",
        name=_missing[0],
    )

from mmengine.registry import DATA_SAMPLERS as MMENGINE_DATA_SAMPLERS  # noqa: E402
from mmengine.registry import DATASETS as MMENGINE_DATASETS  # noqa: E402
from mmengine.registry import FUNCTIONS as MMENGINE_FUNCTIONS  # noqa: E402
from mmengine.registry import HOOKS as MMENGINE_HOOKS  # noqa: E402
from mmengine.registry import METRICS as MMENGINE_METRICS  # noqa: E402
from mmengine.registry import MODELS as MMENGINE_MODELS  # noqa: E402
from mmengine.registry import OPTIM_WRAPPERS as MMENGINE_OPTIM_WRAPPERS  # noqa: E402
from mmengine.registry import TASK_UTILS as MMENGINE_TASK_UTILS  # noqa: E402
from mmengine.registry import TRANSFORMS as MMENGINE_TRANSFORMS  # noqa: E402
from mmengine.registry import VISUALIZERS as MMENGINE_VISUALIZERS  # noqa: E402
from mmengine.registry import Registry  # noqa: E402

MODELS = Registry("model", scope="mmeiou", parent=MMENGINE_MODELS, locations=["mmeiou.models"])
TASK_UTILS = Registry(
    "task util", scope="mmeiou", parent=MMENGINE_TASK_UTILS, locations=["mmeiou.models"]
)
DATASETS = Registry(
    "dataset", scope="mmeiou", parent=MMENGINE_DATASETS, locations=["mmeiou.datasets"]
)
DATA_SAMPLERS = Registry(
    "data sampler",
    scope="mmeiou",
    parent=MMENGINE_DATA_SAMPLERS,
    locations=["mmeiou.datasets.samplers"],
)
FUNCTIONS = Registry(
    "function", scope="mmeiou", parent=MMENGINE_FUNCTIONS, locations=["mmeiou.datasets"]
)
TRANSFORMS = Registry(
    "transform",
    scope="mmeiou",
    parent=MMENGINE_TRANSFORMS,
    locations=["mmeiou.datasets.transforms"],
)
METRICS = Registry(
    "metric", scope="mmeiou", parent=MMENGINE_METRICS, locations=["mmeiou.evaluation.metrics"]
)
HOOKS = Registry("hook", scope="mmeiou", parent=MMENGINE_HOOKS, locations=["mmeiou.engine"])
OPTIM_WRAPPERS = Registry(
    "optim wrapper", scope="mmeiou", parent=MMENGINE_OPTIM_WRAPPERS, locations=["mmeiou.engine"]
)
VISUALIZERS = Registry(
    "visualizer",
    scope="mmeiou",
    parent=MMENGINE_VISUALIZERS,
    locations=["mmeiou.visualization.face_visualizer"],
)
