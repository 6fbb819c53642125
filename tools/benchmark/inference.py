"""Time ONNX files against each other, in ONNX Runtime and in OpenCV, in one process.

python tools/benchmark/inference.py AUTHORS.onnx OURS.onnx [--size 640 640] [--profile]

The first file is what the others are compared with. Files and runtimes take turns in an order that
changes every round; medians of one thread. A file of one size is timed at that size, and left out
at any other. --profile prints where each file's time goes in ONNX Runtime.
"""

import argparse
import json
import random
import statistics
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import cv2
import numpy as np
import onnxruntime
from numpy.typing import NDArray
from tqdm import tqdm

Image = NDArray[np.float32]
Run = Callable[[Image], Any]


def session_of(path: Path, profile_prefix: str | None = None) -> onnxruntime.InferenceSession:
    """A session of one thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    if profile_prefix:
        options.enable_profiling = True
        options.profile_file_prefix = profile_prefix
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def takes(path: Path, size: tuple[int, int]) -> bool:
    """Whether a file's input is of that width and height, or of any."""
    shape = session_of(path).get_inputs()[0].shape
    return all(
        not isinstance(given, int) or given == side
        for given, side in zip(shape[2:], reversed(size), strict=True)
    )


def onnxruntime_run(path: Path) -> Run:
    """All outputs by ONNX Runtime."""
    session = session_of(path)
    return lambda image: session.run(None, {"input": image})


def opencv_run(path: Path) -> Run:
    """All outputs by OpenCV's network module."""
    names = [output.name for output in session_of(path).get_outputs()]
    net = cv2.dnn.readNetFromONNX(str(path))

    def run(image: Image) -> Any:
        net.setInput(image)
        return net.forward(names)

    return run


def compare(paths: list[Path], size: tuple[int, int], seconds: float) -> list[str]:
    """Rows of the table for one size."""
    width, height = size
    image = np.random.default_rng(0).uniform(0, 255, (1, 3, height, width)).astype(np.float32)
    runs: dict[tuple[str, Path], Run] = {}
    for path in (path for path in paths if takes(path, size)):
        runs["ONNX Runtime", path] = onnxruntime_run(path)
        try:
            runs["OpenCV", path] = opencv_run(path)
            runs["OpenCV", path](image)
        except cv2.error as error:
            runs.pop(("OpenCV", path), None)
            print(f"OpenCV {cv2.__version__} cannot run {path.name}: {str(error).splitlines()[0]}")
    times: dict[tuple[str, Path], list[float]] = defaultdict(list)
    shuffler, order = random.Random(0), list(runs)  # noqa: S311 - an order, not a secret
    warm_up, start = 3, time.perf_counter()
    with tqdm(total=seconds, desc=f"{width} x {height}", unit="s", leave=False) as bar:
        while bar.n < seconds:
            shuffler.shuffle(order)
            for key in order:
                begin = time.perf_counter()
                runs[key](image)
                times[key].append(time.perf_counter() - begin)
            if warm_up:
                warm_up -= 1
                times.clear()
            bar.update(time.perf_counter() - start - bar.n)
    median = {key: statistics.median(values) for key, values in times.items()}
    rows = []
    for (runtime, path), value in sorted(median.items(), key=lambda item: item[0][0]):
        first = next(median[runtime, other] for other in paths if (runtime, other) in median)
        size_kb = path.stat().st_size / 1000
        rows.append(
            f"| {runtime} | {width} x {height} | {path.name} | {size_kb:.0f} | {value * 1e3:.2f} "
            f"| {value / first:.2f} |"
        )
    return rows


def profile(path: Path, size: tuple[int, int], most: int = 15) -> list[str]:
    """Where ONNX Runtime spends its time: by operator, and the most expensive nodes."""
    image = np.zeros((1, 3, size[1], size[0]), np.float32)
    with TemporaryDirectory() as folder:
        session = session_of(path, f"{folder}/profile")
        for _ in range(50):
            session.run(None, {"input": image})
        events = json.loads(Path(session.end_profiling()).read_text())
    by_operator: dict[str, float] = defaultdict(float)
    by_node: dict[str, float] = defaultdict(float)
    for event in events:
        if event.get("cat") == "Node" and event["name"].endswith("_kernel_time"):
            outputs = event["args"].get("output_type_shape") or [{}]
            shape: list[int] = next(iter(outputs[0].values()), [])
            by_operator[event["args"]["op_name"]] += event["dur"]
            by_node[f"{event['args']['op_name']} {event['name'][:-12]} -> {shape}"] += event["dur"]
    total = sum(by_operator.values())
    lines = [f"{path.name} at {size[0]} x {size[1]}: {total / 50 / 1e3:.2f} ms in kernels"]
    for title, spent in (("operators", by_operator), ("nodes", by_node)):
        lines.append(f"  by {title}")
        ranked = sorted(spent.items(), key=lambda item: -item[1])[:most]
        lines += [f"    {value / total:6.1%}  {name}" for name, value in ranked]
    return lines


def main() -> None:
    """Time, print, and write the table if asked to."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument(
        "--size", nargs=2, type=int, action="append", metavar=("W", "H"), help="may be repeated"
    )
    parser.add_argument("--seconds", type=float, default=10, help="per size")
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--out", type=Path, help="also write the table here, as Markdown")
    args = parser.parse_args()
    missing = [str(path) for path in args.files if not path.is_file()]
    if missing:
        raise SystemExit(f"not found: {', '.join(missing)}")
    cv2.setNumThreads(1)

    sizes = [tuple(size) for size in args.size or ((320, 320), (640, 640))]
    lines = ["| runtime | input | file | kB | ms | ratio |", "|---|---|---|---:|---:|---:|"]
    for size in sizes:
        lines += compare(args.files, size, args.seconds)
    versions = f"ONNX Runtime {onnxruntime.__version__}, OpenCV {cv2.__version__}, one thread"
    print(versions, "", *lines, sep="\n")
    if args.out:
        args.out.write_text("\n".join([versions, "", *lines, ""]))
    if args.profile:
        for size in sizes:
            for path in args.files:
                if takes(path, size):
                    print(*profile(path, size), sep="\n")


if __name__ == "__main__":
    main()
