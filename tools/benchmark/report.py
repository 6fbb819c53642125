"""Run the benchmarks and write their tables into docs/performance.md.

python tools/benchmark/report.py DATA_ROOT CHECKPOINT [--only NAME ...]

Each section of the page holds the command that printed it, the machine, and what was printed.
Measure with nothing else running. All of it takes about 20 minutes on two cores.
"""

import argparse
import os
import platform
import subprocess
import sys
from pathlib import Path

from tqdm import tqdm

from mmeiou.whole_files import replacing

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "tools"))
from markdown_sections import replace_section  # noqa: E402 - in the folder above

PAGE = ROOT / "docs/performance.md"
TRAINING = "training.py DATA_ROOT --steps 9 --rounds 2 --forms"
SECTIONS = {
    "assignment": "assignment.py",
    "training": f"{TRAINING} plain no-reuse-of-memory layer-by-layer shipped",
    "roofline": "roofline.py",
    "options": f"{TRAINING} shipped bfloat16 compiled",
    "data": "data.py DATA_ROOT",
    "evaluation": "evaluation.py DATA_ROOT CHECKPOINT",
    "scaling": "scaling.py DATA_ROOT --figure docs/images/scaling.png",
    "past-one-machine": "scale_model.py DATA_ROOT --gpu-speed 933 --gpu-batch 64",
}


def machine() -> str:
    """Processor, cores, versions."""
    import torch  # noqa: PLC0415

    cpus = Path("/proc/cpuinfo")
    names = [
        line.partition(":")[2].strip()
        for line in (cpus.read_text().splitlines() if cpus.exists() else ())
        if line.startswith("model name")
    ]
    name = names[0] if names else platform.processor()
    versions = f"Python {platform.python_version()}, torch {torch.__version__}"
    return f"{name}, {os.cpu_count()} cores; {versions}"


def section(command: str, places: dict[str, str]) -> str:
    """Run a benchmark; what the page says of it.

    Raises:
        SystemExit: If the benchmark fails.
    """
    words = [places.get(word, word) for word in command.split()]
    done = subprocess.run(
        [sys.executable, f"tools/benchmark/{words[0]}", *words[1:]],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"{command} failed")
    # MMEngine's remarks go to the same stream.
    printed = "\n".join(line for line in done.stdout.splitlines() if " - INFO - " not in line)
    mark = "<!-- not run: a benchmark of minutes -->"
    block = f"```bash\npython tools/benchmark/{command}\n```"
    return f"\n{mark}\n{block}\n\n{machine()}:\n\n{printed.strip()}\n\n"


def main() -> None:
    """Fill the sections."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data_root", type=Path, help="WIDER FACE, or a part of it")
    parser.add_argument("checkpoint", type=Path, help="of YuNet_n")
    parser.add_argument("--only", nargs="+", choices=list(SECTIONS), default=list(SECTIONS))
    args = parser.parse_args()
    places = {
        "DATA_ROOT": str(args.data_root.resolve()),
        "CHECKPOINT": str(args.checkpoint.resolve()),
    }
    for name in tqdm(args.only, desc="benchmarks"):
        content = section(SECTIONS[name], places)
        text = replace_section(PAGE.read_text(), name, content, PAGE)
        with replacing(PAGE) as temporary:
            temporary.write_text(text)


if __name__ == "__main__":
    main()
