"""MMDetection's remarks at import, each case in a process of its own."""

import os
import subprocess
import sys
from importlib.util import find_spec

import pytest

REMARKS = ("Could not import OneDL", "faster_coco_eval is not installed")
IMPORT = (
    "import mmeiou, warnings\n"
    "from mmengine.logging import print_log\n"
    "import mmdet.datasets, mmdet.evaluation\n"
    "from mmengine.logging import print_log\n"
    "print_log('another line')\n"
    "warnings.warn('another warning')\n"
)
# The original MMDetection has no such metric, and with the package nothing is remarked.
onedl_without_package = pytest.mark.skipif(
    find_spec("mmdet.evaluation.metrics.faster_coco_metric") is None
    or find_spec("faster_coco_eval") is not None,
    reason="this MMDetection has nothing to remark on faster_coco_eval",
)


def output_of(code: str, compat: str = "") -> str:
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "MMEIOU_COMPAT": compat},
    )
    return done.stdout + done.stderr


def test_only_the_known_remarks_go() -> None:
    output = output_of(IMPORT)
    assert not [remark for remark in REMARKS if remark in output]
    assert "another line" in output
    assert "another warning" in output


@onedl_without_package
def test_without_the_work_around_they_are_there() -> None:
    output = output_of(IMPORT, compat="ops")
    assert [remark for remark in REMARKS if remark in output]


@onedl_without_package
def test_the_metric_says_what_it_needs_when_it_is_built() -> None:
    code = (
        "import mmeiou\nfrom mmdet.registry import METRICS\nimport mmdet.evaluation\n"
        "METRICS.build({'type': 'CocoMetric'})\n"
        "try:\n    METRICS.build({'type': 'FasterCocoMetric'})\n"
        "except ImportError as error:\n    print(error)\n"
    )
    assert "FasterCocoMetric needs: pip install faster-coco-eval" in output_of(code)
