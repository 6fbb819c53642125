"""What the command-line tools share: arguments, device, and errors that end in an exit.

Imports the MM stack only inside functions: MMEngine fixes its device when it is first imported, so
``--device`` has to be obeyed before.
"""

import argparse
import os
import signal
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from mmeiou.config import read_config

PACKAGE = Path(__file__).resolve().parent
LAUNCHERS = ("none", "pytorch", "slurm", "mpi")
# Of a process that waits for another; a config's is env_cfg.dist_cfg.timeout.
TIMEOUT_SECONDS = 600
# What installs a package that is imported.
INSTALLED_BY = {
    **dict.fromkeys(("onnx", "onnxruntime", "cv2"), "pip install 'mmeiou[deploy]'"),
    **dict.fromkeys(
        ("mmdet", "mmengine", "mmcv"),
        "pip install 'mmeiou[onedl]', or 'mmeiou[openmmlab]' for the original packages",
    ),
}


def add_run_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of every tool that builds a runner from a config."""
    parser.add_argument("--work-dir", help="folder of logs and checkpoints")
    add_cfg_options(parser, "train_dataloader.batch_size=8 a.b='[1,2]'")
    parser.add_argument("--launcher", choices=LAUNCHERS, default="none", help="how processes start")
    parser.add_argument(
        "--device", choices=("auto", "cpu", "cuda"), default="auto", help="where to compute"
    )
    # torch.distributed.launch passes one or the other spelling.
    parser.add_argument("--local_rank", "--local-rank", type=int, default=0, help=argparse.SUPPRESS)


def add_cfg_options(parser: argparse.ArgumentParser, example: str) -> None:
    """Add ``--cfg-options``, for :func:`mmeiou.config.read_config`."""
    parser.add_argument(
        "--cfg-options",
        nargs="+",
        type=_key_value,
        default=[],
        metavar="KEY=VALUE",
        help=f"override keys of the config, e.g. {example}",
    )


def _key_value(pair: str) -> str:
    if "=" not in pair:
        raise argparse.ArgumentTypeError(f"{pair!r} is not KEY=VALUE")
    return pair


def select_device(device: str) -> None:
    """Make MMEngine use ``device``; call before MMEngine is imported.

    Raises:
        SystemExit: If CUDA is asked for and not there.
    """
    if device == "cpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = ""
        return
    import torch  # noqa: PLC0415

    if device == "cuda" and not torch.cuda.is_available():
        raise SystemExit(
            "--device cuda: this PyTorch sees no CUDA device; use --device cpu or auto"
        )


def load_config(args: argparse.Namespace) -> Any:
    """The config that the arguments of :func:`add_run_arguments` ask for.

    ``work_dir`` is, in this order, the argument, the config's, or ``work_dirs/<config name>``.

    Raises:
        SystemExit: If the config file does not exist.
    """
    select_device(args.device)
    os.environ.setdefault("LOCAL_RANK", str(args.local_rank))
    try:
        cfg = read_config(args.config, args.cfg_options)
    except FileNotFoundError as error:
        raise SystemExit(str(error)) from error
    cfg.launcher = args.launcher
    cfg.work_dir = args.work_dir or cfg.get("work_dir") or f"work_dirs/{Path(args.config).stem}"
    if args.launcher != "none":
        cfg.merge_from_dict({"env_cfg.dist_cfg.timeout": _timeout(cfg)})
        prepare_distributed_cpu(cfg)
    return cfg


def is_first_process(launcher: str) -> bool:
    """Whether this is the process of a training that writes; to be known before it is set up."""
    rank = {"pytorch": "RANK", "slurm": "SLURM_PROCID", "mpi": "OMPI_COMM_WORLD_RANK"}
    return launcher == "none" or os.environ.get(rank[launcher], "0") == "0"


def _timeout(cfg: Any) -> float:
    return cfg.get("env_cfg", {}).get("dist_cfg", {}).get("timeout", TIMEOUT_SECONDS)


def prepare_distributed_cpu(cfg: Any) -> None:
    """Distributed training without CUDA: MMEngine's launcher would set a CUDA device."""
    import torch  # noqa: PLC0415

    if torch.cuda.is_available():
        return
    if cfg.launcher != "pytorch":
        raise SystemExit(
            f"--launcher {cfg.launcher} needs CUDA devices; on CPUs use torchrun or mim with "
            "--launcher pytorch"
        )
    torch.distributed.init_process_group("gloo", timeout=timedelta(seconds=_timeout(cfg)))
    cfg.model_wrapper_cfg = {
        "type": "MMDistributedDataParallel",
        "broadcast_buffers": False,
        "find_unused_parameters": cfg.get("find_unused_parameters", False),
        **(cfg.get("model_wrapper_cfg") or {}),
        "device_ids": None,
    }


def message_of(error: Exception) -> str:
    """What an error says, and the command that installs what is missing, if that is it."""
    missing = error.name if isinstance(error, ModuleNotFoundError) else None
    command = INSTALLED_BY.get(missing or "")  # a part that a package lacks is not the package
    return f"{missing} is missing: {command}" if command else str(error)


@contextmanager
def one_line_errors(tool: str) -> Iterator[None]:
    """End with one line on what the user can mend, and with a traceback on anything else.

    The former are the errors that this package raises itself, on files, labels, checkpoints and
    values of configs. mim, where it started the tool, would add a traceback of its own.

    Args:
        tool: Its name, for the line.

    Raises:
        SystemExit: Instead of such errors.
    """
    try:
        yield
    except SystemExit as stop:
        if isinstance(stop.code, str):
            _stop_mim(stop.code)
        raise
    except (ValueError, OSError, ImportError) as error:
        if not _raised_here(error):
            raise
        line = f"{tool}: {message_of(error)}"
        _stop_mim(line)
        raise SystemExit(line) from error


def _raised_here(error: BaseException) -> bool:
    last = traceback.extract_tb(error.__traceback__)[-1]
    return Path(last.filename).resolve().is_relative_to(PACKAGE)


def _stop_mim(line: str) -> None:
    """Say it, and interrupt mim if that is what waits for this process.

    mim meets any exit status but 0 with a traceback, below which the line is lost. Interrupted, as
    by Ctrl-C, it says "Aborted!" and exits with 1, as it would have. Where processes cannot be
    asked for their command line, this does nothing.
    """
    parent = os.getppid()
    try:
        words = Path(f"/proc/{parent}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return
    if any(Path(os.fsdecode(word)).name == "mim" for word in words[:2]):
        sys.stderr.write(f"{line}\n")
        sys.stderr.flush()
        os.kill(parent, signal.SIGINT)
        raise SystemExit(1)
