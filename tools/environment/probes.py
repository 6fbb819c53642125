"""What trying out tells: imports, devices, ops and checkpoints."""

# An old Python should reach the finding that says so.
from __future__ import annotations

import contextlib
import importlib
import importlib.util
import os
import re
import shutil
import sys
import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .remedies import RECOMPILE, REINSTALL, remedy_for
from .report import Environment, Finding
from .versions import PROVIDERS, conflicts, family_of, installed_distributions, shown_versions

if TYPE_CHECKING:
    from collections.abc import Mapping


def check() -> Environment:
    """Look at everything. Imports the stack, which takes seconds."""
    installed = installed_distributions()
    environment = Environment(shown_versions(installed), family_of(installed))
    environment.findings += conflicts(
        installed, pkg_resources=importlib.util.find_spec("pkg_resources") is not None
    )
    # What imports print is no part of the report.
    with contextlib.redirect_stdout(sys.stderr), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _try_out(environment, installed)
    return environment


def _try_out(environment: Environment, installed: Mapping[str, str]) -> None:
    torch = _import(environment, "torch")
    if torch is not None:
        environment.abilities.update(_devices(torch, environment))
        if "torchvision" in installed:
            _import(environment, "torchvision", level="warning")
    ours = _import(environment, "mmeiou")
    if ours is not None:
        where = Path(str(ours.__file__)).parent
        environment.versions["mmeiou"] = f"{ours.__version__} in {where}"
    if torch is None or ours is None:
        return
    # each needs those before it
    for name in ("cv2", "mmengine", "mmcv", "mmdet", "mmdet.models", "mmeiou.registry"):
        known_missing = name in PROVIDERS and importlib.util.find_spec(name) is None
        if known_missing or _import(environment, name) is None:
            return
    environment.abilities["MMCV's ops"] = _ops(torch, environment)
    environment.abilities["checkpoints"] = _checkpoints(torch, environment)


def _import(environment: Environment, name: str, level: str = "error") -> Any:
    """The module, or None and a finding."""
    try:
        return importlib.import_module(name)
    except Exception as error:  # noqa: BLE001 - a broken installation raises anything
        message = f"{type(error).__name__}: {error}"
        remedy = remedy_for(message)
        if name == "torchvision":
            remedy = "install the torchvision of this torch, or pip uninstall torchvision"
        environment.findings.append(Finding(level, f"import {name} fails: {message}", remedy))
        return None


def _devices(torch: Any, environment: Environment) -> dict[str, str]:
    # torch's own questions to the processor; their names differ between versions
    abilities = {
        "bfloat16": ("_is_avx512_bf16_supported", "_is_amx_tile_supported"),
        "VNNI": ("_is_vnni_supported", "_is_avx512_vnni_supported"),
    }
    able = ", ".join(
        f"{name} {'yes' if any(_asked(torch.cpu, question) for question in questions) else 'no'}"
        for name, questions in abilities.items()
    )
    driver = shutil.which("nvidia-smi") is not None
    if torch.cuda.is_available():
        names = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
        bf16 = "yes" if torch.cuda.is_bf16_supported() else "no"
        cuda = f"{', '.join(names)}; CUDA {torch.version.cuda}, bfloat16 {bf16}"
    else:
        cuda = "no device"
        if driver:
            reason = (
                f"torch {torch.__version__} is a build without CUDA"
                if torch.version.cuda is None
                else f"torch is built for CUDA {torch.version.cuda}, but sees no device"
            )
            environment.findings.append(
                Finding(
                    "warning",
                    f"there is an NVIDIA driver, but {reason}",
                    "see nvidia-smi for the driver's CUDA, CUDA_VISIBLE_DEVICES, and "
                    "https://pytorch.org for the build of torch",
                )
            )
    mps = getattr(torch.backends, "mps", None)
    return {
        "CPU": f"{os.cpu_count()} cores, {torch.get_num_threads()} threads for torch; "
        f"in hardware: {able}",
        "CUDA": cuda,
        "MPS": "available" if mps is not None and mps.is_available() else "no device",
    }


def _asked(module: Any, question: str) -> bool:
    return bool(getattr(module, question, lambda: False)())


def _ops(torch: Any, environment: Environment) -> str:
    from mmeiou.compat.ops.stand_ins import OpStandIns  # noqa: PLC0415 - imports MMEngine

    ops = _import(environment, "mmcv.ops")
    if ops is None:
        return "cannot be loaded"
    if isinstance(sys.modules.get("mmcv._ext"), OpStandIns):
        return "mmeiou's PyTorch stand-ins for nms, softnms and roi_align"
    compiled_for = str(ops.get_compiling_cuda_version())
    if torch.cuda.is_available() and not re.match(r"\d", compiled_for):
        problem = "MMCV's ops are compiled for the CPU only, but there is a CUDA device"
        environment.findings.append(Finding("warning", problem, RECOMPILE))
    return f"compiled (CUDA: {compiled_for})"


def _checkpoints(torch: Any, environment: Environment) -> str:
    """Write and load what MMEngine's checkpoints hold beside weights."""
    from mmengine.logging import HistoryBuffer  # noqa: PLC0415
    from mmengine.runner import CheckpointLoader  # noqa: PLC0415

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "history.pth")
        torch.save({"message_hub": HistoryBuffer([1.0], [1])}, file)
        try:
            CheckpointLoader.load_checkpoint(str(file), map_location="cpu")
        except Exception as error:  # noqa: BLE001 - pickle's and torch's own
            problem = f"a training checkpoint cannot be loaded again: {error}"
            environment.findings.append(Finding("error", problem, REINSTALL))
            return "cannot be loaded"
    return "loaded as data (weights_only=True), the history of a training included"
