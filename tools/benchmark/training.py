"""Time whole training steps on real faces, loader included: the shipped form and a plain one.

python tools/benchmark/training.py DATA_ROOT [--steps 12] [--rounds 3] [--batch-size 16]

Each form trains YuNet_n from the same seed by MMEngine's runner, in processes of its own that take
turns, because what a process does to its memory cannot be undone. "plain" is what one writes with
MMDetection's parts: its SimOTA, preprocessor and detector, and the transforms of plain_data.py.
The first steps warm up. Losses of equal steps are compared with plain's.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from tqdm import tqdm

WARM_UP = 2
CONFIG = "configs/yunet/yunet-n_2xb16-640e_widerface.py"
REPO = Path(__file__).resolve().parents[2]


class Result(NamedTuple):
    """One process."""

    seconds: list[float]
    """Of each step."""
    waiting: list[float]
    """Of each step, for data."""
    losses: list[float]
    megabytes: float
    """Peak memory of the process."""


def parse_args() -> argparse.Namespace:
    """Arguments of the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data_root", type=Path, help="WIDER FACE, or a part of it")
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--size", type=int, default=640, help="side of the training images")
    parser.add_argument("--processes", type=int, default=1, help="that share each step's gradients")
    parser.add_argument("--threads", type=int, help="of each process; PyTorch's choice if absent")
    parser.add_argument("--forms", nargs="+", choices=list(FORMS), default=list(FORMS))
    parser.add_argument("--child", choices=list(FORMS), help=argparse.SUPPRESS)
    return parser.parse_args()


def shipped(cfg: Any) -> None:
    """The config as it is."""


def no_reuse(cfg: Any) -> None:
    """Memory goes back to the system, as without the hook."""
    cfg.default_hooks.pop("reuse_memory")


def plain(cfg: Any) -> None:
    """MMDetection's parts."""
    from mmeiou.registry import DATASETS  # noqa: PLC0415

    no_reuse(cfg)
    cfg.train_dataloader.pop("collate_fn")
    cfg.model.type = "SingleStageDetector"
    cfg.model.data_preprocessor.type = "DetDataPreprocessor"
    cfg.model.train_cfg.assigner.type = "SimOTAAssigner"
    DATASETS.register_module(name="PlainFaces", module=plain_faces, force=True)
    faces = cfg.train_dataloader.dataset
    cfg.train_dataloader.dataset = {"type": "mmeiou.PlainFaces", "faces": faces}


def call_each_module(model: Any) -> None:
    """Have every layer of YuNet called on its own, in the order in which it is written."""
    for module in model.modules():
        module.register_forward_hook(lambda *_: None)


def plain_faces(faces: Any) -> Any:
    """The samples of a dataset's config, by plain_data.py."""
    from plain_data import PlainDataset, plain_pipeline  # noqa: PLC0415

    from mmeiou.registry import DATASETS  # noqa: PLC0415

    steps = {step["type"]: dict(step) for step in faces.pipeline}
    crop, resize = (steps[f"mmeiou.{name}"] for name in ("RandomSquareCrop", "Resize"))
    crop.pop("type")
    pipeline = plain_pipeline(crop, resize["scale"], to_float32=False)
    return PlainDataset(DATASETS.build(faces), pipeline=pipeline)


def bfloat16(cfg: Any) -> None:
    """Shipped, as tools/train.py --amp trains it."""
    cfg.optim_wrapper.type = "mmeiou.BFloat16OptimWrapper"


def compiled(cfg: Any) -> None:
    """Shipped, with backbone and neck compiled."""
    cfg.custom_hooks = [{"type": "mmeiou.CompileHook"}]


FORMS = {
    "plain": plain,
    "no-reuse-of-memory": no_reuse,
    "layer-by-layer": shipped,
    "shipped": shipped,
    "bfloat16": bfloat16,
    "compiled": compiled,
}
LAYER_BY_LAYER = ("plain", "layer-by-layer")  # by call_each_module


def short_config(args: argparse.Namespace) -> Any:
    """A few steps of the form ``args.child``, without validation."""
    from mmengine.config import Config  # noqa: PLC0415
    from mmengine.registry import init_default_scope  # noqa: PLC0415

    cfg = Config.fromfile(REPO / CONFIG)
    init_default_scope("mmdet")
    dataset = cfg.train_dataloader.dataset
    dataset.data_root = str(args.data_root)
    for step in dataset.pipeline:
        if step["type"] == "mmeiou.Resize":
            step["scale"] = (args.size, args.size)
    cfg.train_dataloader.update(batch_size=args.batch_size, num_workers=args.workers)
    cfg.train_dataloader.persistent_workers = args.workers > 0
    cfg.train_cfg = {"type": "IterBasedTrainLoop", "max_iters": args.steps, "val_interval": 10**9}
    for split in ("val", "test"):
        for key in (f"{split}_dataloader", f"{split}_cfg", f"{split}_evaluator"):
            cfg.pop(key)
    cfg.default_hooks.pop("checkpoint")
    cfg.log_level = "ERROR"
    cfg.randomness = {"seed": 0}
    FORMS[args.child](cfg)
    return cfg


def run(args: argparse.Namespace) -> Result:
    """Train in this process."""
    import mmeiou.models  # noqa: F401, PLC0415 # isort: skip - before MMDetection
    import torch  # noqa: PLC0415
    from mmengine.hooks import Hook  # noqa: PLC0415
    from mmengine.runner import Runner  # noqa: PLC0415

    from mmeiou.cli import prepare_distributed_cpu  # noqa: PLC0415

    if args.threads:
        torch.set_num_threads(args.threads)
    cfg = short_config(args)
    if args.processes > 1:
        cfg.launcher = "pytorch"
        prepare_distributed_cpu(cfg)

    class Clock(Hook):
        """Notes times and losses."""

        def __init__(self) -> None:
            self.seconds: list[float] = []
            self.waiting: list[float] = []
            self.losses: list[float] = []

        def before_train_epoch(self, runner: Runner) -> None:  # noqa: ARG002
            self.end = time.perf_counter()

        def before_train_iter(self, *_: Any, **__: Any) -> None:
            self.waiting.append(time.perf_counter() - self.end)

        def after_train_iter(self, *_: Any, outputs: Any, **__: Any) -> None:
            self.losses.append(float(outputs["loss"]))
            now = time.perf_counter()
            self.seconds.append(now - self.end)
            self.end = now

    with TemporaryDirectory() as folder:
        cfg.work_dir = folder
        runner = Runner.from_cfg(cfg)
        if args.child in LAYER_BY_LAYER:
            call_each_module(runner.model)
        clock = Clock()
        runner.register_hook(clock)
        runner.train()
    torch.set_num_threads(1)  # for the exit
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    return Result(clock.seconds, clock.waiting, clock.losses, peak)


def in_process(form: str, arguments: list[str], processes: int = 1) -> Result:
    """Train in a process of its own, or in several; ``arguments`` are those of this file."""
    launcher = [sys.executable]
    if processes > 1:
        launcher += ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node"]
        launcher += [str(processes)]
    command = [*launcher, __file__, *arguments, "--processes", str(processes), "--child", form]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ)
    if done.returncode:
        raise SystemExit(f"{form} failed:\n{done.stderr[-3000:]}")
    return Result(*json.loads(done.stdout.splitlines()[-1]))


def main() -> None:
    """Take turns, print the table."""
    args = parse_args()
    if args.child:
        result = run(args)
        if os.environ.get("RANK", "0") == "0":
            print(json.dumps(result))
        return
    results: dict[str, list[Result]] = {form: [] for form in args.forms}
    turns = [(form, turn) for turn in range(args.rounds) for form in args.forms]
    for form, _ in tqdm(turns, desc="processes"):
        results[form].append(in_process(form, sys.argv[1:], args.processes))
    print("| form | s / step | for data | images / s | times as fast | GB | losses differ by |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    first = results[args.forms[0]]
    for form, runs in results.items():
        seconds, base = (
            statistics.median([s for r in rs for s in r.seconds[WARM_UP:]]) for rs in (runs, first)
        )
        waiting = statistics.median([s for r in runs for s in r.waiting[WARM_UP:]])
        pairs = zip(runs[0].losses, first[0].losses, strict=True)
        difference = max(abs(one - other) / abs(other) for one, other in pairs)
        print(
            f"| {form} | {seconds:.2f} | {waiting:.2f} "
            f"| {args.processes * args.batch_size / seconds:.1f} "
            f"| {base / seconds:.2f} | {max(r.megabytes for r in runs) / 1e3:.1f} "
            f"| {difference:.0e} |"
        )


if __name__ == "__main__":
    main()
