"""A small copy of WIDER FACE: pictures shrunk, labels with them, in one folder that travels.

    python tools/benchmark/small_faces.py data/widerface --out data/widerface-640 --side 640

OUT has images/{train,val}/, train.json and val.json, of mmeiou.CocoKeypointDataset. Faces outside
the benchmark's subset ``hard`` are ignored in val.json, as they are there. OUT appears whole.
"""

import argparse
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np
from tqdm import tqdm

from mmeiou.apis.images import load_image
from mmeiou.labels import ImageError, ImageLabels, LabelError, LabelSet, Source, read_labels
from mmeiou.labels.checks import usable
from mmeiou.labels.errors import Problems
from mmeiou.labels.formats import coco
from mmeiou.labels.image_files import image_key
from mmeiou.labels.landmarks import FACE_LANDMARKS, flip_pairs_by_count
from mmeiou.visualization.sheet import shrink

HARD = "hard"


def wider_train(root: Path) -> LabelSet:
    """The training labels."""
    return read_labels(Source(root / "labelv2/train/labelv2.txt"))


def wider_val(root: Path) -> LabelSet:
    """The benchmark's own ground truth, of the pictures that are there."""
    labels = read_labels(root / "labelv2/val/gt", "wider_mat")
    row = labels.subsets.index(HARD)
    files = {
        image_key(path): path.relative_to(root / "WIDER_val/images").as_posix()
        for path in sorted((root / "WIDER_val/images").rglob("*.jpg"))
    }
    images = [
        replace(
            image,
            file=files[image_key(image.file)],
            ignore=~image.kept[row],
            keypoints=np.zeros((len(image), len(FACE_LANDMARKS), 3)),
            subsets=None,
        )
        for image in labels.images
        if image_key(image.file) in files
    ]
    return replace(labels, images=images, subsets=("all",))


def shrunk(image: ImageLabels, folder: Path, out: Path, args: argparse.Namespace) -> ImageLabels:
    """Write an image with a longer side of at most ``args.side``, and scale its labels.

    Boxes that become smaller than a pixel are left out.
    """
    full = load_image(folder / image.file)
    picture, _ = shrink(full, args.side)
    file = (out / image.file).with_suffix(".jpg")
    file.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(file), picture, [cv2.IMWRITE_JPEG_QUALITY, args.quality])
    height, width = picture.shape[:2]
    scale = np.array([width / full.shape[1], height / full.shape[0]])
    keypoints = image.keypoints.copy()
    keypoints[..., :2] *= scale
    scaled = replace(
        image,
        file=file.relative_to(out.parent).as_posix(),
        size=(width, height),
        bboxes=image.bboxes * np.tile(scale, 2),
        keypoints=keypoints,
    )
    return scaled.select(usable(scaled, Problems(drop_bad_boxes=True), ""))


def main() -> None:
    """Read, shrink, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("root", type=Path, metavar="WIDERFACE", help="docs/face_detection.md")
    parser.add_argument("--out", type=Path, required=True, help="folder to make")
    parser.add_argument("--side", type=int, default=640, help="longer side of a picture (640)")
    parser.add_argument("--quality", type=int, default=85, help="of the JPEGs (85)")
    args = parser.parse_args()
    try:
        if args.out.exists():
            raise LabelError(f"{args.out} exists: remove it, or choose another --out")  # noqa: TRY301
        args.out.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=args.out.parent, prefix=".unfinished-") as scratch:
            made = Path(scratch, args.out.name)
            for part, read in (("train", wider_train), ("val", wider_val)):
                labels, folder = read(args.root), args.root / f"WIDER_{part}/images"
                images = [
                    shrunk(image, folder, made / "images" / part, args)
                    for image in tqdm(labels.images, desc=part, unit="image")
                ]
                pairs = flip_pairs_by_count(len(FACE_LANDMARKS))
                whole = replace(labels, images=images, landmarks=FACE_LANDMARKS, flip_pairs=pairs)
                coco.write(whole, made / f"{part}.json")
            made.rename(args.out)
    except (LabelError, ImageError, OSError, cv2.error) as error:
        raise SystemExit(f"small_faces: nothing written: {error}") from error
    print(f"wrote {args.out}")


if __name__ == "__main__":
    main()
