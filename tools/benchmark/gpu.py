"""Ask a machine with a GPU what only a GPU can show, in one run of minutes.

python tools/benchmark/gpu.py [--data DATA_ROOT] [--checkpoint FILE]
python tools/benchmark/gpu.py --device cpu --small

The second line tries the script itself. Whether the GPU computes what the CPU does comes first,
then times. Each section's failure is its result; after each the file of ``--out`` is whole, and
gpu_page.py writes it into docs/performance.md. The sections run in a second process: if it hangs or
loses the device, it is ended, and another goes on with the next section.
"""

import argparse
import importlib
import os
import signal
import subprocess
import sys
import time
import traceback
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from gpu_page import markdown
from gpu_sections.report import STICKY, Report, Results, Setting

from mmeiou.cli import select_device

LOST = 3  # exit status of a process that can do nothing more on the device


class Section(NamedTuple):
    """Where a section is, and after how many seconds it is ended."""

    function: str
    limit: float = 40


SECTIONS = {
    "device": Section("gpu_sections.device:measure"),
    "losses": Section("gpu_sections.losses:compare"),
    "assignment": Section("gpu_sections.assignment:compare"),
    "detections": Section("gpu_sections.networks:compare_detections"),
    "training step": Section("gpu_sections.networks:compare_training_step"),
    "operators": Section("gpu_sections.operators:compare"),
    "resumed training": Section("gpu_sections.resume:compare"),
    "training speed": Section("gpu_sections.training:measure", 60),
    "training with the loader": Section("gpu_sections.loader:measure", 100),
    "waits": Section("gpu_sections.waits:count"),
    "times of parts": Section("gpu_sections.parts:measure"),
    "inference": Section("gpu_sections.inference:measure"),
    "compiled": Section("gpu_sections.training:measure_compiled", 100),
}


def parse_args() -> argparse.Namespace:
    """Arguments of the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--small", action="store_true", help="sizes for a CPU, to try the script")
    parser.add_argument("--data", type=Path, help="faces in WIDER FACE's layout; else made up")
    parser.add_argument("--checkpoint", type=Path, help="of YuNet_n; random weights if absent")
    parser.add_argument("--out", type=Path, default=Path("work_dirs/gpu.json"), help="replaced")
    parser.add_argument("--max-seconds", type=float, default=150, help="then the rest is skipped")
    parser.add_argument("--only", nargs="+", choices=list(SECTIONS), default=list(SECTIONS))
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


def run_section(name: str, setting: Setting, results: Results) -> bool:
    """Run one section; whether the process is still of use."""
    report = Report(results, name)
    try:
        module, function = SECTIONS[name].function.split(":")
        getattr(importlib.import_module(module), function)(setting, report)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is the section's result
        report.found["errors"].append({"what": name, "traceback": traceback.format_exc()})
        results.end(name, "failed")
        return STICKY not in str(error)
    results.end(name, "failed" if report.found["errors"] else "done")
    return True


def child(args: argparse.Namespace) -> None:
    """Run sections in this process."""
    select_device(args.device)
    import torch  # noqa: PLC0415 - the process that follows this one needs none
    from mmengine.logging import MMLogger  # noqa: PLC0415

    MMLogger.get_instance("mmengine", log_level="WARNING")
    setting = Setting(args.device, args.small, args.data, args.checkpoint)
    if args.small:
        torch.set_num_threads(1)  # small tensors: threads only wait for each other
    results = Results(args.out)
    for name in args.only:
        print(f"{name} ...", file=sys.stderr, flush=True)
        if not run_section(name, setting, results):
            raise SystemExit(LOST)


def follow(process: subprocess.Popen[bytes], out: Path, deadline: float, slower: float) -> str:
    """Wait for a child; why it was ended, or how it ended by itself.

    ``slower`` than a GPU is the device, so many times.
    """
    while process.poll() is None:
        time.sleep(0.1)
        running = Results(out).running
        late = running and running[1] > slower * SECTIONS[running[0]].limit
        if late or time.monotonic() > deadline:
            # With the workers of its loader.
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            return "ended: too slow" if late else "ended: no time left"
    return f"ended: exit status {process.returncode}"


def main() -> None:
    """Run the sections in children, print what they found."""
    args = parse_args()
    if args.child:
        child(args)
        return
    for path in (args.data, args.checkpoint):
        if path is not None and not path.exists():
            raise SystemExit(f"not found: {path}")
    deadline = time.monotonic() + args.max_seconds
    args.out.unlink(missing_ok=True)
    results = Results(args.out)
    results.content["setting"] = {"device": args.device, "small": args.small}
    results.write()
    # Deterministic matrix products need it; it is the size that is the default anyway.
    env = {**os.environ, "CUBLAS_WORKSPACE_CONFIG": ":4096:8"}
    left = list(args.only)
    while left and time.monotonic() < deadline:
        command = [sys.executable, __file__, *sys.argv[1:], "--child", "--only", *left]
        with TemporaryDirectory(ignore_cleanup_errors=True) as scratch:  # of a child that is ended
            process = subprocess.Popen(
                command, env={**env, "TMPDIR": scratch}, start_new_session=True
            )
            end = follow(process, args.out, deadline, 1 if args.device == "cuda" else 10)
        results = Results(args.out)
        if results.running:
            results.end(results.running[0], end)
        elif not any(name in results.content["sections"] for name in left):
            raise SystemExit(f"{end} before the first section")
        left = [name for name in left if name not in results.content["sections"]]
    for name in left:
        results.end(name, "skipped: no time left")
    print(markdown(results.content))


if __name__ == "__main__":
    main()
