"""From nothing to a trained face detector, in minutes on two CPU cores.

Makes the embedded sample set where it is missing, trains YuNet_n on it through ``mim train``,
finds the face in a photograph that no training picture shows a part of, draws ``detections.png``
and ``curves.png`` into the work folder, and compares the result with ``quickstart`` of the config.
The exit status is 0 only for a detector at least as good as it says.
"""

import argparse
import subprocess
import sys
import time
from importlib.metadata import distributions
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from mmengine.config import Config
from numpy.typing import NDArray

from mmeiou.visualization import draw_faces, plot_curves, read_curves, tile

ROOT = Path(__file__).resolve().parents[1]
CONFIG = ROOT / "configs" / "yunet" / "yunet-n_1xb16-quickstart_sample-faces.py"
MAKE_SAMPLE_FACES = ROOT / "tools" / "dataset_converters" / "make_sample_faces.py"
AP_KEY = "WIDERFace/AP"
SHOWN = 6  # pictures in detections.png
SHOWN_SCORE = 0.4


def best_box_iou(boxes: NDArray[np.float32], scores: NDArray[np.float32], face: Any) -> float:
    """IoU of the highest-scored box with the face; 0 where nothing was detected."""
    if not len(boxes):
        return 0.0
    box = boxes[scores.argmax()]
    sides = np.minimum(box[2:], face[2:]) - np.maximum(box[:2], face[:2])
    overlap = float(np.prod(np.clip(sides, 0, None)))
    areas = [float(np.prod(np.subtract(one[2:], one[:2]))) for one in (box, face)]
    return overlap / (sum(areas) - overlap)


def shortfalls(ap: float, iou: float, target: Any) -> list[str]:
    """What is below the floors of the config's ``quickstart``; empty if all is well."""
    floors = (
        ("AP on the validation part", ap, target["min_ap"]),
        ("IoU of the best box on the unseen photograph", iou, target["min_iou"]),
    )
    return [
        f"{name} is {value:.3f}, below {floor}"
        for name, value, floor in floors
        if not value >= floor  # NaN is below, too
    ]


def step(*command: object) -> None:
    """Run one step, its output visible.

    Raises:
        SystemExit: The step failed.
    """
    words = [str(word) for word in command]
    print("$", *words, flush=True)
    if subprocess.run(words, check=False).returncode:
        raise SystemExit("quick start: this step failed; the reason is above")


def trainer() -> list[object]:
    """Arguments of Python that train: ``mim train mmeiou``, or the script where that cannot be."""
    # openmim looks for packages in site-packages only, where an editable install is not.
    if any(distribution.name == "openmim" for distribution in distributions()):
        return [ROOT / "tools" / "train.py"]
    return ["-m", "mim", "train", "mmeiou"]


def detect_and_draw(cfg: Any, work_dir: Path) -> float:
    """Detect on the unseen photograph and on validation pictures, and draw ``detections.png``.

    Returns:
        IoU of the best box on the photograph.
    """
    from mmdet.apis import inference_detector, init_detector  # noqa: PLC0415 (slow to import)
    from skimage.data import astronaut  # noqa: PLC0415 (optional)
    from torch.cuda import is_available  # noqa: PLC0415

    checkpoint = (work_dir / "last_checkpoint").read_text().strip()
    detector = init_detector(cfg, checkpoint, device="cuda" if is_available() else "cpu")
    photograph = np.ascontiguousarray(astronaut()[..., ::-1])
    held_out = sorted(Path(cfg.data_root, "WIDER_val", "images").rglob("*.jpg"))
    images = [photograph, *(np.asarray(cv2.imread(str(file))) for file in held_out[: SHOWN - 1])]
    faces = [result.pred_instances.cpu().numpy() for result in inference_detector(detector, images)]
    drawn = []
    for image, found in zip(images, faces, strict=True):
        sure = found[found.scores > SHOWN_SCORE]
        drawn.append(draw_faces(image, sure.bboxes, sure.scores, sure.keypoints))
    cv2.imwrite(str(work_dir / "detections.png"), tile(drawn, columns=3, side=512))
    return best_box_iou(faces[0].bboxes, faces[0].scores, cfg.quickstart.astronaut_face)


def main() -> None:
    """Run all steps and judge the result."""
    args = _parse_args()
    missing = [name for name in ("mim", "skimage", "matplotlib") if find_spec(name) is None]
    if missing:
        raise SystemExit(
            f"quick start: cannot import {', '.join(missing)}: pip install 'mmeiou[onedl,sample]'"
        )
    start = time.monotonic()
    cfg = Config.fromfile(CONFIG)
    if Path(cfg.data_root, "sample_faces.json").is_file():
        print(f"quick start: using the sample set in {cfg.data_root}")
    else:
        step(sys.executable, MAKE_SAMPLE_FACES, cfg.data_root)
    options = ["--cfg-options", *args.cfg_options] if args.cfg_options else []
    where = ("--work-dir", args.work_dir, "--overwrite")
    step(sys.executable, *trainer(), CONFIG, *where, *options)

    curves = read_curves(args.work_dir)
    ap = curves.metrics[AP_KEY][-1][1]
    iou = detect_and_draw(cfg, args.work_dir)
    target = cfg.quickstart
    plot_curves(args.work_dir / "curves.png", curves, CONFIG.stem, target.min_ap)
    low, high = target.expected_ap
    minimum = f"at least {target.min_ap}"
    print(
        f"\nquick start, {time.monotonic() - start:.0f} s:\n"
        f"  AP {ap:.3f} on the validation part (expected {low} to {high}, {minimum})\n"
        f"  IoU {iou:.2f} of the best box with the face in a photograph never trained on "
        f"(at least {target.min_iou})\n"
        f"  pictures: {args.work_dir / 'detections.png'}, {args.work_dir / 'curves.png'}"
    )
    if failures := shortfalls(ap, iou, target):
        raise SystemExit("quick start failed: " + "; ".join(failures))


def _parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work-dir", type=Path, default=Path("work_dirs/quickstart"))
    parser.add_argument(
        "--cfg-options", nargs="+", metavar="KEY=VALUE", help="for training, e.g. randomness.seed=1"
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
