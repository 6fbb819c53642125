"""Compare where two ONNX files of one network spend their time, convolution by convolution.

python tools/benchmark/layers.py FLOAT.onnx INT8.onnx [--size 640 640]

One thread of ONNX Runtime; medians over the runs of the kernels' times from its profiler. A row of
the table sums the convolutions of one kind and number of multiplications.
"""

import argparse
import json
import re
import statistics
from collections import defaultdict
from math import prod
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import onnx
from inference import session_of
from tqdm import tqdm

RUNS = 60
OTHERS = "everything else"


def profile(paths: list[Path], size: tuple[int, int]) -> list[list[dict[str, Any]]]:
    """Kernel events of ``RUNS`` runs of each file, the files taking turns."""
    image = np.zeros((1, 3, size[1], size[0]), np.float32)
    with TemporaryDirectory() as folder:
        sessions = [session_of(path, f"{folder}/{i}") for i, path in enumerate(paths)]
        for _ in tqdm(range(RUNS), leave=False):
            for session in sessions:
                session.run(None, {session.get_inputs()[0].name: image})
        logs = [json.loads(Path(session.end_profiling()).read_text()) for session in sessions]
    return [
        [e for e in log if e.get("cat") == "Node" and e["name"].endswith("_kernel_time")]
        for log in logs
    ]


def weight_shapes(path: Path) -> dict[str, list[int]]:
    """Shape of the weights of each convolution of a file, by the node's name."""
    graph = onnx.load(path).graph
    shapes = {tensor.name: list(tensor.dims) for tensor in graph.initializer}
    for node in graph.node:
        if node.op_type == "DequantizeLinear" and node.input[0] in shapes:
            shapes[node.output[0]] = shapes[node.input[0]]
    return {node.name: shapes[node.input[1]] for node in graph.node if node.op_type == "Conv"}


def row_of(event: dict[str, Any], shapes: dict[str, list[int]]) -> str:
    """Kind of a convolution and millions of its multiplications, or ``OTHERS``."""
    if event["args"]["op_name"] not in ("Conv", "QLinearConv"):
        return OTHERS
    # Packed weights are not among the inputs, but such a node begins with its own name.
    given = [next(iter(shape.values())) for shape in event["args"]["input_type_shape"]]
    weight = next((shape for shape in given[1:] if len(shape) == 4), None)  # noqa: PLR2004
    weight = weight or shapes[re.sub(r"(_token_\d+)?_kernel_time$", "", event["name"])]
    kind = "pointwise" if weight[2:] == [1, 1] else "depthwise" if weight[1] == 1 else "dense 3 x 3"
    output = next(iter(event["args"]["output_type_shape"][0].values()))
    return f"{kind}, {prod(output) * prod(weight[1:]) / 1e6:.1f}"


def milliseconds(path: Path, events: list[dict[str, Any]]) -> dict[str, float]:
    """Median time of each row of the table, summed over its kernels."""
    shapes = weight_shapes(path)
    times: dict[str, list[float]] = defaultdict(list)
    row: dict[str, str] = {}
    for event in events:
        times[event["name"]].append(event["dur"] / 1e3)
        row[event["name"]] = row_of(event, shapes)
    rows: dict[str, float] = defaultdict(float)
    for name, spent in times.items():
        rows[row[name]] += statistics.median(spent)
    return rows


def table(paths: list[Path], size: tuple[int, int]) -> list[str]:
    """Rows of Markdown, the most expensive of the first file first."""
    logs = profile(paths, size)
    columns = [milliseconds(path, log) for path, log in zip(paths, logs, strict=True)]
    rows = sorted(columns[0], key=lambda row: -columns[0][row])
    names = " | ".join(f"{path.name}, ms" for path in paths)
    lines = [
        f"| convolutions, millions of multiplications each | {names} | ratio |",
        "|---|" + "---:|" * (len(paths) + 1),
    ]
    sums = [sum(column.values()) for column in columns]
    cells = [(row, [column.get(row, 0.0) for column in columns]) for row in rows]
    for row, spent in [*cells, ("sum", sums)]:
        values = " | ".join(f"{value:.2f}" for value in spent)
        lines.append(f"| {row} | {values} | {spent[-1] / spent[0]:.2f} |")
    return lines


def main() -> None:
    """Profile and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", nargs=2, type=Path)
    parser.add_argument("--size", nargs=2, type=int, default=(640, 640), metavar=("W", "H"))
    args = parser.parse_args()
    if missing := [str(path) for path in args.files if not path.is_file()]:
        raise SystemExit(f"not found: {', '.join(missing)}")
    print(*table(args.files, tuple(args.size)), sep="\n")


if __name__ == "__main__":
    main()
