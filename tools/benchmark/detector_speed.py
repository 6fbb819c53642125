"""FaceDetector on a folder and on a video, beside OpenCV's client and ONNX Runtime by itself.

    python tools/benchmark/detector_speed.py FOLDER --config CONFIG --checkpoint FILE --onnx FILE

One picture at a time, read from its file, as each client's own examples do it; the video is made of
the pictures, all of 1280 x 720 and already decoded. Forms take turns picture by picture; medians
over the rounds of the seconds of all pictures. "ONNX Runtime alone" is the network without
detections: nothing that uses it can be faster.
"""

import argparse
import random
import statistics
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnxruntime
import torch
from tqdm import tqdm

from mmeiou.apis import FaceDetector
from mmeiou.apis.images import Image, load_image
from mmeiou.apis.torch_backend import TorchBackend
from mmeiou.labels.image_files import IMAGE_SUFFIXES

SCORE_THR, NMS_THR = 0.3, 0.45
FRAME = (1280, 720)
Client = Callable[[Image], int]
"""Finds faces in a picture, and says how many."""


def ours(detector: FaceDetector) -> Client:
    """FaceDetector."""
    return lambda image: len(detector(image))


def opencv(path: Path) -> Client:
    """OpenCV's FaceDetectorYN, whose scores are square roots."""
    client = cv2.FaceDetectorYN.create(str(path), "", FRAME, SCORE_THR**0.5, NMS_THR, 5000)

    def detect(image: Image) -> int:
        client.setInputSize((image.shape[1], image.shape[0]))
        _, faces = client.detect(image)
        return 0 if faces is None else len(faces)

    return detect


def network_alone(path: Path, divisor: int) -> Client:
    """ONNX Runtime with its own number of threads, no faces."""
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])

    def run(image: Image) -> int:
        height, width = image.shape[:2]
        right, below = (-side % divisor for side in (width, height))
        padded = cv2.copyMakeBorder(image, 0, below, 0, right, cv2.BORDER_CONSTANT)
        pixels = padded.transpose(2, 0, 1)[None].astype(np.float32)
        session.run(None, {session.get_inputs()[0].name: pixels})
        return 0

    return run


def clients(config: str, checkpoint: Path, onnx: Path) -> dict[str, Client]:
    """All forms, by name; the first is what the others are compared with."""
    options: dict[str, Any] = {"score_thr": SCORE_THR, "nms_thr": NMS_THR}
    plain = FaceDetector(onnx, **options)
    divisor = plain.backend.divisor
    plain.backend = TorchBackend(config, checkpoint, "cpu")
    return {
        "FaceDetector(config, checkpoint)": ours(FaceDetector(config, checkpoint, **options)),
        "FaceDetector(file.onnx)": ours(FaceDetector(onnx, **options)),
        "the same in PyTorch": ours(plain),
        "OpenCV's FaceDetectorYN": opencv(onnx),
        "ONNX Runtime alone": network_alone(onnx, divisor),
    }


def measure(
    forms: dict[str, Client], sources: list[Callable[[], Image]], rounds: int
) -> tuple[dict[str, float], dict[str, int]]:
    """Seconds for all pictures, median over the rounds, and faces found.

    Args:
        forms: By name.
        sources: Each gives a picture; the time that it takes counts.
        rounds: After one that does not count.
    """
    seconds: dict[str, list[float]] = defaultdict(list)
    faces: dict[str, int] = {}
    chance = random.Random(0)  # noqa: S311 - an order
    for turn in tqdm(range(rounds + 1), "rounds"):
        spent, found = dict.fromkeys(forms, 0.0), dict.fromkeys(forms, 0)
        for source in sources:
            for name in chance.sample(list(forms), len(forms)):
                begin = time.perf_counter()
                found[name] += forms[name](source())
                spent[name] += time.perf_counter() - begin
        faces = found
        for name in forms if turn else ():
            seconds[name].append(spent[name])
    return {name: statistics.median(values) for name, values in seconds.items()}, faces


def main() -> None:
    """Measure both, print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="of pictures, searched recursively")
    parser.add_argument("--config", required=True, help="of a YuNet")
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--onnx", type=Path, required=True, help="the same, of any size")
    parser.add_argument("--number", type=int, default=60, help="of pictures (60)")
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    found = sorted(p for p in args.folder.rglob("*") if p.suffix.lower() in IMAGE_SUFFIXES)
    if not found:
        parser.error(f"{args.folder}: no pictures ({', '.join(IMAGE_SUFFIXES)})")
    files = found[:: max(1, len(found) // args.number)][: args.number]
    forms = clients(args.config, args.checkpoint, args.onnx)
    sources: dict[str, list[Callable[[], Image]]] = {
        "folder": [lambda file=file: load_image(file) for file in files],  # type: ignore[misc]
    }
    frames = [cv2.resize(load_image(file), FRAME, interpolation=cv2.INTER_AREA) for file in files]
    sources["video"] = [lambda frame=frame: frame for frame in frames]  # type: ignore[misc]
    print(f"{len(files)} pictures, {torch.get_num_threads()} threads\n")
    print("| client | source | images / s | time of the first | faces |")
    print("|---|---|---:|---:|---:|")
    for source, pictures in sources.items():
        seconds, faces = measure(forms, pictures, args.rounds)
        first = next(iter(seconds.values()))
        for name, value in seconds.items():
            rate, ratio = len(files) / value, value / first
            shown = faces[name] or ""
            print(f"| {name} | {source} | {rate:.1f} | {ratio:.2f} | {shown} |", flush=True)


if __name__ == "__main__":
    main()
