"""What the command-line tools share: arguments, device and config.

Imports the MM stack only inside functions: MMEngine fixes its device when it is first imported, so
``--device`` has to be obeyed before.
"""

import argparse
import os
from typing import Any

from mmeiou.config_files import find_config

LAUNCHERS = ("none", "pytorch", "slurm", "mpi")


def add_run_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of every tool that builds a runner from a config."""
    parser.add_argument("--work-dir", help="folder of logs and checkpoints")
    parser.add_argument(
        "--cfg-options",
        nargs="+",
        default=[],
        metavar="KEY=VALUE",
        help="override keys of the config, e.g. train_dataloader.batch_size=8 a.b='[1,2]'",
    )
    parser.add_argument("--launcher", choices=LAUNCHERS, default="none", help="how processes start")
    parser.add_argument(
        "--device", choices=("auto", "cpu", "cuda"), default="auto", help="where to compute"
    )
    # torch.distributed.launch passes one or the other spelling.
    parser.add_argument("--local_rank", "--local-rank", type=int, default=0, help=argparse.SUPPRESS)


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


def parse_cfg_options(pairs: list[str]) -> dict[str, Any]:
    """``['a.b=1', ...]`` to ``{'a.b': 1, ...}`` by MMEngine's rules.

    Raises:
        SystemExit: If a pair has no ``=``.
    """
    from mmengine.config import DictAction  # noqa: PLC0415

    for pair in pairs:
        if "=" not in pair:
            raise SystemExit(f"--cfg-options: {pair!r} is not KEY=VALUE")
    parser = argparse.ArgumentParser("--cfg-options")
    parser.add_argument("options", nargs="*", action=DictAction, default={})
    return dict(parser.parse_args(pairs).options) if pairs else {}


def load_config(args: argparse.Namespace) -> Any:
    """The config that the arguments of :func:`add_run_arguments` ask for.

    ``work_dir`` is, in this order, the argument, the config's, or ``work_dirs/<config name>``.

    Raises:
        SystemExit: If the config file does not exist.
    """
    select_device(args.device)
    os.environ.setdefault("LOCAL_RANK", str(args.local_rank))
    try:
        config = find_config(args.config)
    except FileNotFoundError as error:
        raise SystemExit(str(error)) from error
    from mmengine.config import Config  # noqa: PLC0415

    cfg = Config.fromfile(config)
    cfg.merge_from_dict(parse_cfg_options(args.cfg_options))
    cfg.launcher = args.launcher
    cfg.work_dir = args.work_dir or cfg.get("work_dir") or f"work_dirs/{config.stem}"
    if args.launcher != "none":
        prepare_distributed_cpu(cfg)
    return cfg


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
    torch.distributed.init_process_group("gloo")
    cfg.model_wrapper_cfg = {
        "type": "MMDistributedDataParallel",
        "broadcast_buffers": False,
        "find_unused_parameters": cfg.get("find_unused_parameters", False),
        **(cfg.get("model_wrapper_cfg") or {}),
        "device_ids": None,
    }
