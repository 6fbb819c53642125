"""Make a small face detection set from what scikit-image ships; nothing is downloaded.

Real 25 x 25 faces of LFW are composited at 20 to 200 pixels onto photographs, with boxes from
forehead to chin and ear to ear and five landmarks, among decoys pasted in the same way. Faces,
decoys and photographs of the validation part occur in no training picture. The layout is WIDER
FACE's:

    OUT_DIR/WIDER_train/images/<event>/<name>.jpg   OUT_DIR/labelv2/train/labelv2.txt
    OUT_DIR/WIDER_val/images/<event>/<name>.jpg     OUT_DIR/labelv2/val/labelv2.txt
"""

import argparse
import json
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np
from sample_faces.scenes import Scene, compose
from sample_faces.sources import Sources, Split, load_sources
from tqdm import tqdm

VERSION = 1  # of the pictures' recipe: sets of different versions differ
STAMP = "sample_faces.json"
EVENT = "sample"
SPLITS: tuple[Split, ...] = ("train", "val")
JPEG_QUALITY = 92


@dataclass(frozen=True)
class Options:
    """What determines a set, pixel by pixel.

    Attributes:
        train: Number of training images.
        val: Number of validation images.
        seed: Seed of every random choice.
        version: Version of the recipe.
    """

    train: int = 512
    val: int = 64
    seed: int = 0
    version: int = VERSION

    def size(self, split: Split) -> int:
        """Number of images of a split."""
        return self.train if split == "train" else self.val

    def stamp(self) -> str:
        """What a complete set says of itself."""
        return json.dumps(asdict(self)) + "\n"


class OverwriteError(Exception):
    """The output folder holds something else; the message says what to do."""


def make_sample_faces(out_dir: Path, options: Options, *, force: bool = False) -> bool:
    """Make the set, or leave it alone where it is already there.

    The set appears in one step, when it is complete; an interrupted run leaves nothing.

    Args:
        out_dir: Folder of the set.
        options: What to make.
        force: Replace a sample set made with other options, or no longer complete.

    Returns:
        Whether a new set was made.

    Raises:
        OverwriteError: ``out_dir`` holds another set and ``force`` is False, or it holds anything
            but a sample set.
        ModuleNotFoundError: scikit-image is not installed.
    """
    if _is_complete(out_dir, options):
        return False
    _check_replaceable(out_dir, force=force)
    out_dir.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out_dir.parent, prefix=f".{out_dir.name}-") as scratch:
        new = Path(scratch) / "new"
        for split in SPLITS:
            _write_split(new, split, options)
        (new / STAMP).write_text(options.stamp())
        if out_dir.exists():
            out_dir.rename(Path(scratch) / "old")
        new.rename(out_dir)
    return True


def sample_scene(sources: Sources, split: Split, index: int, seed: int) -> Scene:
    """Compose one picture of the set, as it is before JPEG compression."""
    return compose(np.random.default_rng([seed, SPLITS.index(split), index]), sources)


def _write_split(root: Path, split: Split, options: Options) -> None:
    sources = load_sources(split)
    images = _image_dir(root, split)
    images.mkdir(parents=True)

    def write(index: int) -> str:
        scene = sample_scene(sources, split, index, options.seed)
        name = f"{split}_{index:05d}.jpg"
        _write_jpeg(images / name, scene)
        return _label(f"{EVENT}/{name}", scene)

    size = options.size(split)
    # Threads, because most of the time goes into array operations that release the interpreter.
    with ThreadPoolExecutor() as pool:
        sections = list(
            tqdm(pool.map(write, range(size)), desc=f"sample faces, {split}", total=size)
        )
    label_file = root / "labelv2" / split / "labelv2.txt"
    label_file.parent.mkdir(parents=True)
    label_file.write_text("".join(sections))


def _write_jpeg(file: Path, scene: Scene) -> None:
    _, encoded = cv2.imencode(".jpg", scene.image, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    file.write_bytes(encoded.tobytes())  # unlike cv2.imwrite, says why where it cannot


def _label(path: str, scene: Scene) -> str:
    height, width = scene.image.shape[:2]
    lines = [f"# {path} {width} {height}"]
    for box, points in zip(scene.bboxes, scene.landmarks, strict=True):
        numbers = [f"{value:.2f}" for value in box]
        numbers += [f"{x:.2f} {y:.2f} 0.0" for x, y in points]  # 0.0: visible
        lines.append(" ".join(numbers))
    return "\n".join(lines) + "\n"


def _image_dir(root: Path, split: Split) -> Path:
    return root / f"WIDER_{split}" / "images" / EVENT


def _is_complete(out_dir: Path, options: Options) -> bool:
    stamp = out_dir / STAMP
    if not stamp.is_file() or stamp.read_text() != options.stamp():
        return False
    return all(
        len(list(_image_dir(out_dir, split).glob("*.jpg"))) == options.size(split)
        and (out_dir / "labelv2" / split / "labelv2.txt").is_file()
        for split in SPLITS
    )


def _check_replaceable(out_dir: Path, *, force: bool) -> None:
    if not out_dir.exists() or (out_dir.is_dir() and not any(out_dir.iterdir())):
        return
    stamp = out_dir / STAMP
    if not stamp.is_file():
        raise OverwriteError(
            f"{out_dir} exists and is no sample set ({STAMP} is missing in it): "
            "choose another folder, or remove it by hand"
        )
    if not force:
        raise OverwriteError(
            f"{out_dir} holds a sample set that is incomplete or made with other options "
            f"({stamp.read_text().strip()}): add --force to replace it, or choose another folder"
        )


def _parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    default = Options()
    parser.add_argument("out_dir", type=Path, metavar="OUT_DIR", help="folder to make")
    parser.add_argument("--force", action="store_true", help="replace another sample set there")
    parser.add_argument("--train", type=_positive, default=default.train, help="training images")
    parser.add_argument("--val", type=_positive, default=default.val, help="validation images")
    parser.add_argument("--seed", type=int, default=default.seed, help="of every random choice")
    args = parser.parse_args()
    if args.seed < 0:
        parser.error(f"--seed {args.seed}: expected 0 or more")
    return args


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"expected a number of images, at least 1, not {text}")
    return value


def main() -> None:
    """Make the set that the command line asks for."""
    args = _parse_args()
    options = Options(train=args.train, val=args.val, seed=args.seed)
    try:
        made = make_sample_faces(args.out_dir, options, force=args.force)
    except (OverwriteError, ModuleNotFoundError) as error:
        raise SystemExit(f"make_sample_faces: {error}") from error
    done = "made" if made else "already complete, left as it is"
    print(f"{args.out_dir}: {done}, {options.train} training and {options.val} validation images")


if __name__ == "__main__":
    main()
