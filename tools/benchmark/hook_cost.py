"""What NaNGuardHook and ExactResumeHook add to a training step of YuNet_n on the CPU.

python tools/benchmark/hook_cost.py DATA_ROOT [--steps 30] [--batch-size 16] [--size 640]

Their own parts of each step are timed, in one training: what other work on the machine adds to a
step is far more than they do. Seeding the samples, in the workers, is not in it.
"""

import argparse
import statistics
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from training import short_config

WARM_UP = 3
HOOKS = ("NaNGuardHook", "ExactResumeHook")


def parse_args() -> argparse.Namespace:
    """Arguments of the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data_root", type=Path, help="WIDER FACE, or a part of it")
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--size", type=int, default=640, help="side of the training images")
    parser.set_defaults(child="shipped", workers=0)
    return parser.parse_args()


def measure(args: argparse.Namespace) -> dict[str, list[float]]:
    """Seconds of each step: of the hooks, and of forward, backward and update."""
    import mmeiou.models  # noqa: F401, PLC0415 # isort: skip - before MMDetection
    from mmengine.hooks import Hook  # noqa: PLC0415
    from mmengine.runner import Runner  # noqa: PLC0415

    spent = dict.fromkeys((*HOOKS, "step"), 0.0)
    steps: dict[str, list[float]] = {name: [] for name in spent}

    def time_it(name: str, sign: int, owner: Any, method: str) -> None:
        function = getattr(owner, method)

        def timed(*args: Any, **options: Any) -> Any:
            began = time.perf_counter()
            try:
                return function(*args, **options)
            finally:
                spent[name] += sign * (time.perf_counter() - began)

        setattr(owner, method, timed)

    class Watch(Hook):
        """Times the hooks, which are ready."""

        def before_train(self, runner: Runner) -> None:
            hooks = {type(hook).__name__: hook for hook in runner.hooks}
            for name in HOOKS:
                time_it(name, 1, hooks[name], "before_train_iter")
                time_it(name, 1, hooks[name], "after_train_iter")
            # The guard stands between the model, these two and the optimizer: less what it calls.
            guarded: Any = hooks["NaNGuardHook"]
            for method in ("update_params", "step"):
                time_it("NaNGuardHook", 1, runner.optim_wrapper, method)
                time_it("NaNGuardHook", -1, guarded.steps, f"_{method}")
            run = runner.train_loop.run_iter

            def run_and_note(*args: Any) -> None:
                spent.update(dict.fromkeys(spent, 0.0))
                run(*args)
                for name, seconds in spent.items():
                    steps[name].append(seconds)

            time_it("step", 1, runner.model, "train_step")
            runner.train_loop.run_iter = run_and_note

    with TemporaryDirectory() as folder:
        cfg = short_config(args)
        cfg.work_dir = folder
        runner = Runner.from_cfg(cfg)
        runner.register_hook(Watch(), "LOWEST")
        runner.train()
    return steps


def main() -> None:
    """Train, print the table."""
    steps = {name: seconds[WARM_UP:] for name, seconds in measure(parse_args()).items()}
    whole = statistics.median(steps["step"])
    print("| hook | ms a step, median | of forward, backward and update |")
    print("|---|---:|---:|")
    for name in HOOKS:
        median = statistics.median(steps[name])
        print(f"| {name} | {median * 1e3:.2f} | {median / whole:.3%} |")


if __name__ == "__main__":
    main()
