"""What importing mmeiou does, each case in a process of its own."""

import os
import re
import subprocess
import sys
from importlib.util import find_spec

import pytest

from mmeiou.compat import wanted

STAND_INS = "MMCV has no compiled ops here"

without_compiled_ops = pytest.mark.skipif(
    find_spec("mmcv._ext") is not None and find_spec("mmcv._ext").loader is not None,
    reason="MMCV has compiled ops here",
)


def run(code, *, cwd=None, **env):
    """Standard output and error of a script."""
    result = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code] if cwd is None else [sys.executable, code],
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
        env={**os.environ, **env},
    )
    assert result.returncode == 0, result.stderr
    return result.stdout + result.stderr


def test_mmeiou_imports_neither_torch_nor_the_mm_stack():
    run(
        "import sys, mmeiou\n"
        "assert not {'torch', 'numpy', 'mmcv', 'mmengine', 'mmdet'} & set(sys.modules)"
    )


def test_functional_imports_nothing_of_the_mm_stack(repo):
    modules = [
        f"mmeiou.functional.{p.stem}" for p in (repo / "mmeiou/functional").glob("[a-z]*.py")
    ]
    assert len(modules) > 3
    run(
        f"import sys, importlib\nfor m in {modules}: importlib.import_module(m)\n"
        "assert 'torch' in sys.modules\n"
        "assert not {'mmcv', 'mmengine', 'mmdet', 'cv2', 'torchvision'} & set(sys.modules)"
    )


@without_compiled_ops
@pytest.mark.parametrize(
    "imports",
    ["import mmeiou, mmdet.models", "import mmcv, mmengine.runner, mmeiou, mmdet.models"],
    ids=["first", "after the stack"],
)
def test_all_of_mmdet_imports_with_one_line_about_the_stand_ins(imports):
    output = run(
        f"{imports}\nimport mmdet.apis, mmcv.ops, mmeiou.compat\nmmeiou.compat.install()\n"
        "from mmcv.utils import collect_env\nassert collect_env()['MMCV Compiler'] == 'n/a'\n"
        "from mmengine.runner.checkpoint import CheckpointLoader\n"
        "print(CheckpointLoader._get_checkpoint_loader('x.pth').__module__)"
    )
    assert output.count(STAND_INS) == 1
    assert "mmeiou.compat.checkpoint" in output


WORKERS = """
import mmeiou
import torch
from mmcv.ops import nms
from torch.utils.data import DataLoader, Dataset

class Kept(Dataset):
    def __len__(self):
        return 2

    def __getitem__(self, index):
        boxes = torch.tensor([[0.0, 0, 10, 10], [1, 0, 11, 10]])
        return nms(boxes, torch.tensor([0.5, 0.9]), 0.5)[1]

if __name__ == "__main__":
    for method in ("spawn", "fork"):
        for kept in DataLoader(Kept(), num_workers=1, multiprocessing_context=method):
            assert kept.tolist() == [[1]]
"""


@without_compiled_ops
def test_workers_have_the_stand_ins_without_repeating_the_line(tmp_path):
    (tmp_path / "workers.py").write_text(WORKERS)
    assert run("workers.py", cwd=tmp_path).count(STAND_INS) == 1


@without_compiled_ops
def test_one_process_of_a_distributed_training_says_it():
    code = "import mmeiou, mmcv.ops"
    assert [run(code, RANK=rank).count(STAND_INS) for rank in "01"] == [1, 0]


def test_compiled_ops_are_left_alone(tmp_path):
    for name, text in {
        "__init__": "",
        "_ext": "def nms(): return 'compiled'",
        "ops": "from mmcv import _ext",
    }.items():
        (tmp_path / "mmcv").mkdir(exist_ok=True)
        (tmp_path / "mmcv" / f"{name}.py").write_text(text)
    (tmp_path / "main.py").write_text(
        "import mmeiou, mmcv.ops\nassert mmcv.ops._ext.nms() == 'compiled'\n"
        "assert not hasattr(mmcv.ops._ext, 'softnms')"
    )
    assert STAND_INS not in run("main.py", cwd=tmp_path)


STATE = """
import importlib, mmeiou, mmcv, sys
from mmengine.runner.checkpoint import CheckpointLoader
if "mmcv._ext" not in sys.modules:  # what MMDetection needs to be imported at all
    sys.modules["mmcv._ext"] = type("Anything", (), {"__getattr__": lambda *_: None})()
from mmdet.apis.det_inferencer import DetInferencer
ops = type(sys.modules["mmcv._ext"]).__name__ == "OpStandIns"
checkpoint = "mmeiou" in CheckpointLoader._get_checkpoint_loader("x.pth").__module__
inferencer = "mmeiou" in DetInferencer._get_transform_idx.__module__
print([ops, checkpoint, inferencer])
"""


@without_compiled_ops
@pytest.mark.parametrize(
    ("setting", "applied"),
    [
        ("", [True, True, True]),
        ("ops", [True, False, False]),
        ("ops, inferencer", [True, False, True]),
        ("checkpoint", [False, True, False]),
        ("none", [False, False, False]),
    ],
)
def test_each_can_be_refused(setting, applied):
    assert run(STATE, MMEIOU_COMPAT=setting).splitlines()[-1] == str(applied)


@pytest.mark.parametrize("setting", ["op", "ops,op", "none,ops", ","])
def test_what_is_none_of_them_is_named(setting):
    with pytest.raises(
        ValueError, match="is none of ops, checkpoint, inferencer, remarks, config_text"
    ):
        wanted(setting)


def test_the_page_names_them(repo):
    rows = re.findall(r"^\| `(\w+)` \|", (repo / "docs/mix_in.md").read_text(), re.MULTILINE)
    assert rows == wanted("")
