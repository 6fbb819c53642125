"""Compare the faces that OpenCV's FaceDetectorYN finds with two ONNX files.

python tools/analysis/compare_faces.py OURS.onnx AUTHORS.onnx IMAGE_FOLDER [--most 50] [--scale 0.4]

Needs OpenCV and NumPy alone, so that it runs in an environment with any version of OpenCV. The exit
status is 1 if a face differs by more than a pixel or by 0.01 in score, or is missing from one.
"""

import argparse
import sys
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

PIXELS, SCORE = 1.0, 0.01


def detect(path: Path, image: NDArray[np.uint8], score_thr: float) -> NDArray[np.float32]:
    """(n, 15) faces: x y w h, five landmarks, score."""
    height, width = image.shape[:2]
    client = cv2.FaceDetectorYN.create(str(path), "", (width, height), score_thr, 0.45, 5000)
    found: NDArray[np.float32] | None = client.detect(image)[1]
    return np.zeros((0, 15), np.float32) if found is None else found


def main() -> None:
    """Compare image by image, print the largest differences."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("first", type=Path)
    parser.add_argument("second", type=Path)
    parser.add_argument("images", type=Path, help="folder, searched for .jpg and .png")
    parser.add_argument("--most", type=int, default=50, help="images, evenly spread")
    parser.add_argument("--scale", type=float, default=1.0, help="of the images' size")
    parser.add_argument("--score-thr", type=float, default=0.3)
    args = parser.parse_args()
    paths = sorted(p for p in args.images.rglob("*") if p.suffix.lower() in {".jpg", ".png"})
    if not paths:
        raise SystemExit(f"no .jpg or .png below {args.images}")
    paths = paths[:: max(1, len(paths) // args.most)][: args.most]
    faces, sizes, worst_pixels, worst_score, unequal = 0, set(), 0.0, 0.0, []
    for path in paths:
        image = cv2.imread(str(path))
        if image is None:
            raise SystemExit(f"cannot read {path}")
        image = cv2.resize(image, None, fx=args.scale, fy=args.scale)
        sizes.add(image.shape)
        one, other = (detect(file, image, args.score_thr) for file in (args.first, args.second))
        if one.shape != other.shape:
            unequal.append(path)
            continue
        faces += len(one)
        difference = np.abs(one - other).max(axis=0, initial=0)
        worst_pixels = max(worst_pixels, float(difference[:14].max()))
        worst_score = max(worst_score, float(difference[14]))
    print(
        f"OpenCV {cv2.__version__}: {faces} faces in {len(paths)} images of {len(sizes)} sizes, "
        f"largest difference {worst_pixels:.1e} px and {worst_score:.1e} in score"
    )
    if unequal:
        print("another number of faces in", *unequal, sep="\n  ")
    if unequal or worst_pixels > PIXELS or worst_score > SCORE:
        sys.exit(1)


if __name__ == "__main__":
    main()
