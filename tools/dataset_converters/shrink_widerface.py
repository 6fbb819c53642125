"""Make a WIDER FACE of small images, in the same layout, from one of the original ones.

python tools/dataset_converters/shrink_widerface.py data/widerface --out data/widerface_640

Images are brought to a longer side of at most --side pixels and saved as JPEG; boxes and landmarks
follow, with fractions, and the benchmark's ground truth with its subsets too, so that every config
and tool that reads WIDER FACE reads the small one. Boxes that become smaller than a pixel are left
out of labelv2.txt; the ground truth keeps all. The set appears when it is complete. AP on small
images is not the benchmark's.
"""

import argparse
from pathlib import Path
from shutil import copy
from tempfile import TemporaryDirectory
from typing import Any

import cv2
import numpy as np
from made_folders import made
from scipy.io import loadmat, savemat
from tqdm import tqdm

from mmeiou.apis.images import load_image
from mmeiou.labels import ImageError, LabelError, LabelSet, read_labels
from mmeiou.labels.formats.wider_mat import FACES_FILE, SUBSET_FILES
from mmeiou.labels.image_files import image_key
from mmeiou.labels.read import recognise_format
from mmeiou.visualization.sheet import shrink

UNLABELLED = (-1, -1, -1)
GROUND_TRUTH = "labelv2/val/gt"
LABELV2 = "labelv2"
Scale = tuple[float, float]
Scales = dict[str, Scale]


def shrink_widerface(root: Path, out: Path, side: int, quality: int) -> dict[str, int]:
    """Make the small set.

    Args:
        root: Of the layout of docs/face_detection.md.
        out: Folder to make.
        side: Most pixels of a side; smaller images keep their size.
        quality: Of the JPEGs.

    Returns:
        The number of images of each part.

    Raises:
        FileNotFoundError: Labels, ground truth or an image are missing.
        LabelError: Labels cannot be read, or are not in the format ``labelv2``.
        ImageError: An image cannot be decoded.
        FileExistsError: ``out`` is there.
    """
    if out.exists():
        raise FileExistsError(f"{out} exists; remove it, or choose another --out")
    # All before the long part.
    read_labels(root / GROUND_TRUTH, "wider_mat")
    labels = {part: _read_labelv2(root / _labels(part)) for part in ("train", "val")}
    out.parent.mkdir(parents=True, exist_ok=True)
    counts = {}
    with TemporaryDirectory(dir=out.parent, prefix=".unfinished-") as scratch:
        new = Path(scratch) / out.name
        for part, old in labels.items():
            file = _labels(part)
            images = f"WIDER_{part}/images"
            scales = {
                image.file: _shrink_image(root / images, new / images, image.file, side, quality)
                for image in tqdm(old.images, desc=part, unit="image")
            }
            made(new / file).write_text(_scaled_lines(root / file, new / images, scales))
            read_labels(new / file)  # what was written
            counts[part] = len(scales)
        _scale_ground_truth(root, new, {image_key(file): scale for file, scale in scales.items()})
        new.rename(out)
    return counts


def _labels(part: str) -> str:
    """Where the labels of a part are in the layout."""
    return f"labelv2/{part}/labelv2.txt"


def _read_labelv2(file: Path) -> LabelSet:
    labels = read_labels(file)
    found = recognise_format(file)
    if found != LABELV2:
        raise LabelError(
            f"in the format {found}, but {LABELV2} alone is scaled: put labels of YuNet's authors "
            "or of SCRFD in its place, with tools/dataset_converters/widerface.py",
            str(file),
        )
    return labels


def _shrink_image(images: Path, new: Path, name: str, side: int, quality: int) -> Scale:
    full = load_image(images / name)
    small, _ = shrink(full, side)
    _, data = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, quality])
    made(new / name).write_bytes(data.tobytes())
    return small.shape[1] / full.shape[1], small.shape[0] / full.shape[0]


def _scaled_lines(file: Path, images: Path, scales: Scales) -> str:
    """The text of labelv2, checked before, line by line: flags of landmarks stay as they are."""
    lines: list[str] = []
    scale: Scale = (1.0, 1.0)
    for line in file.read_text(encoding="utf-8-sig").splitlines():
        if line.startswith("#"):
            name = line[1:].rsplit(maxsplit=2)[0].strip()
            scale = scales[name]
            height, width = load_image(images / name).shape[:2]
            lines.append(f"# {name} {width} {height}")
        elif line.strip():
            values = np.array(line.split(), dtype=np.float64)
            box = values[:4] * np.tile(scale, 2)
            points = values[4:].reshape(-1, 3)
            labelled = (points != UNLABELLED).any(axis=1)
            points[labelled, :2] *= scale
            if (box[2:] - box[:2]).min() >= 1:
                row = (*box, *points.ravel())
                lines.append(" ".join(f"{round(value, 3):.10g}" for value in row))
    return "".join(f"{line}\n" for line in lines)


def _scale_ground_truth(root: Path, new: Path, scales: Scales) -> None:
    """Faces of the images that are there; an image without a scale would be one without pixels."""
    mat: dict[str, Any] = loadmat(root / GROUND_TRUTH / FACES_FILE)
    columns = (mat[name][:, 0] for name in ("event_list", "file_list", "face_bbx_list"))
    for event, files, faces in zip(*columns, strict=True):
        for row, name in enumerate(files[:, 0]):
            key = f"{event.item()}/{name.item()}"
            if key not in scales:
                raise LabelError(
                    f"{key}: in the ground truth, but not in labelv2/val/labelv2.txt", str(root)
                )
            faces[row, 0] = faces[row, 0].astype(np.float64) * np.tile(scales[key], 2)
    folder = new / GROUND_TRUTH
    folder.mkdir(parents=True)
    savemat(folder / FACES_FILE, {key: mat[key] for key in mat if not key.startswith("__")})
    for name in SUBSET_FILES:
        copy(root / GROUND_TRUTH / name, folder)
    read_labels(folder, "wider_mat")


def main() -> None:
    """Read, shrink, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("root", type=Path, metavar="WIDERFACE", help="docs/face_detection.md")
    parser.add_argument("--out", type=Path, required=True, help="folder to make")
    parser.add_argument("--side", type=int, default=640, help="longer side of an image (640)")
    parser.add_argument("--quality", type=int, default=85, help="of the JPEGs, 1 to 100 (85)")
    args = parser.parse_args()
    if args.side < 1 or not 1 <= args.quality <= 100:  # noqa: PLR2004 - JPEG's scale
        parser.error("--side must be at least 1, --quality 1 to 100")
    try:
        counts = shrink_widerface(args.root, args.out, args.side, args.quality)
    except (LabelError, ImageError, OSError, cv2.error) as error:
        raise SystemExit(f"shrink_widerface: nothing written: {error}") from error
    print(f"wrote {args.out}: {', '.join(f'{n} images of {part}' for part, n in counts.items())}")


if __name__ == "__main__":
    main()
