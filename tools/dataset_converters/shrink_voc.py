"""Make the small Pascal VOC that configs/mini_voc07 trains on from the original one.

python tools/dataset_converters/shrink_voc.py VOCdevkit/VOC2007 --out data/VOC2007_256

The images of trainval and every second one of test, shrunk by Lanczos's filter to a long side of
256 pixels and saved as JPEG of quality 80, in VOC's layout:

    OUT/Annotations/<id>.xml   OUT/ImageSets/Main/<split>.txt   OUT/JPEGImages/<id>.jpg

The corners of a box in an image of w x h pixels made W x H, upper left and lower right alike, are
x' = (x - 1) W / w + 1, y' = (y - 1) H / h + 1, with two decimals: the pixel on the upper left is
(1, 1) in Pascal's files and stays so. What an object says besides (name, pose, truncated,
difficult) is kept, its parts are not. Everything is read before anything is written; the set
appears when it is complete.
"""

import argparse
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from xml.etree import ElementTree as ET

import numpy as np
from made_folders import made
from PIL import Image, ImageOps
from tqdm import tqdm

from mmeiou.labels import ImageError, ImageLabels, LabelError, Source
from mmeiou.labels.errors import Problems, at
from mmeiou.labels.formats import voc as pascal
from mmeiou.labels.image_files import image_path, is_file
from mmeiou.labels.image_list import ImageList
from mmeiou.labels.records import Floats, Size
from mmeiou.labels.text_files import read_lines

TEST = "test"
FIRST = 1  # of Pascal's coordinates
CHANNELS = 3
BEST_QUALITY = 95  # above, JPEGs grow without looking better


@dataclass(frozen=True)
class Options:
    """What is made of the original.

    Attributes:
        long_side: Most pixels of a side; smaller images keep their size.
        splits: Names of the lists in ``ImageSets/Main``.
        test_every: Of ``test``, the first image and every so many-th after it.
        quality: Of the JPEGs.
    """

    long_side: int = 256
    splits: tuple[str, ...] = ("trainval", TEST)
    test_every: int = 2
    quality: int = 80


def shrink_voc(voc: Path, out: Path, options: Options) -> dict[str, int]:
    """Make the small set.

    Args:
        voc: Folder of the original: ``Annotations``, ``ImageSets`` and ``JPEGImages`` are in it.
        out: Folder to make.
        options: What to make.

    Returns:
        The number of images of each split.

    Raises:
        LabelError: A list, an xml file or an image is missing, broken or does not fit the others,
            or a box lies outside its image; lists all that do.
        ImageError: An image cannot be decoded.
        FileExistsError: ``out`` is there.
    """
    if out.exists():
        raise FileExistsError(f"{out} exists; remove it, or choose another --out")
    chosen = {split: _choose(voc, split, options) for split in options.splits}
    out.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=out.parent, prefix=".unfinished-") as scratch:
        new = Path(scratch) / out.name
        for split, names in chosen.items():
            made(new / f"ImageSets/Main/{split}.txt").write_text(_lines(names))
        wanted = Path(scratch) / "wanted.txt"
        wanted.write_text(_lines(_union(chosen)))
        for name, image in tqdm(_read(voc, chosen, wanted).items(), desc="shrink", unit="image"):
            _shrink_image(voc, new, name, image, options)
        new.rename(out)
    return {split: len(names) for split, names in chosen.items()}


def _choose(voc: Path, split: str, options: Options) -> list[str]:
    """Names of the images of a split, each with its label and picture there."""
    file = voc / f"ImageSets/Main/{split}.txt"
    if not is_file(file):
        raise LabelError(f"no list of the split {split}", str(file))
    lines = read_lines(file)[:: options.test_every if split == TEST else 1]
    if not lines:
        raise LabelError("an empty list of images", str(file))
    problems = Problems()
    for line, name in lines:
        with problems.noting(at(file, line)):
            image_path(name, None)
            for needed in (_xml(voc, name), _jpeg(voc, name)):
                if not is_file(needed):
                    raise LabelError(f"{needed} does not exist")
    problems.check()
    return [name for _, name in lines]


def _read(voc: Path, chosen: Mapping[str, Sequence[str]], wanted: Path) -> dict[str, ImageLabels]:
    """The labels of the images, checked, by their names."""
    problems = Problems()
    source = Source(voc / "Annotations", voc / "JPEGImages", problems, listed=ImageList(wanted))
    found = {image.file: image for image in pascal.read(source, one_based=True).images}
    labels = {}
    for name in _union(chosen):
        image = found.get(f"{name}.jpg")
        if image is None or image.where_image != at(_xml(voc, name)):
            problems.add(at(_xml(voc, name)), f"its filename is not {name}.jpg")
        else:
            labels[name] = image
    problems.check()
    return labels


def _shrink_image(voc: Path, new: Path, name: str, image: ImageLabels, options: Options) -> None:
    file = _jpeg(voc, name)
    try:
        with Image.open(file) as opened:
            picture = ImageOps.exif_transpose(opened).convert("RGB")
    except (OSError, SyntaxError) as error:
        raise ImageError(f"{file}: not an image that can be read ({error})") from error
    size = _small_size(picture.size, options.long_side)
    small = picture.resize(size, Image.Resampling.LANCZOS)
    small.save(made(_jpeg(new, name)), quality=options.quality)
    annotation = _annotation(_xml(voc, name), f"{name}.jpg", image.bboxes, picture.size, size)
    ET.indent(annotation, "\t")
    ET.ElementTree(annotation).write(made(_xml(new, name)), encoding="utf-8")


def _small_size(size: Size, long_side: int) -> Size:
    scale = min(1, long_side / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _annotation(file: Path, image: str, bboxes: Floats, old: Size, new: Size) -> ET.Element:
    """The xml of the small image, of that of the original and of its boxes as they were read."""
    original = ET.parse(file).getroot()  # noqa: S314 - read, and found sound, before
    root = ET.Element("annotation")
    _add(root, "filename", image)
    size = ET.SubElement(root, "size")
    for key, value in zip(("width", "height", "depth"), (*new, CHANNELS), strict=True):
        _add(size, key, str(value))
    _add(root, "segmented", original.findtext("segmented", "0"))
    scales = np.divide(new, old)[[0, 1, 0, 1]]
    # As read, a box ends after its last pixel; in Pascal's files, with it.
    corners = (bboxes - (0, 0, 1, 1)) * scales + FIRST
    for described, row in zip(original.findall("object"), corners, strict=True):
        root.append(_object(described, row))
    return root


def _object(described: ET.Element, corners: Floats) -> ET.Element:
    """What is said of the object in single values, in its order; only the box has coordinates."""
    element = ET.Element("object")
    for child in described:
        if child.tag == "bndbox":
            box = ET.SubElement(element, "bndbox")
            for key, value in zip(pascal.CORNERS, corners, strict=True):
                _add(box, key, f"{value:.2f}")
        elif not len(child):
            _add(element, child.tag, child.text or "")
    return element


def _add(parent: ET.Element, tag: str, text: str) -> None:
    ET.SubElement(parent, tag).text = text.strip()


def _union(chosen: Mapping[str, Sequence[str]]) -> list[str]:
    """The images of all splits, each once."""
    return list(dict.fromkeys(name for names in chosen.values() for name in names))


def _lines(names: Sequence[str]) -> str:
    return "".join(f"{name}\n" for name in names)


def _xml(root: Path, name: str) -> Path:
    return root / f"Annotations/{name}.xml"


def _jpeg(root: Path, name: str) -> Path:
    return root / f"JPEGImages/{name}.jpg"


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"expected at least 1, not {text}")
    return value


def _parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add, default = parser.add_argument, Options()
    add("voc", type=Path, metavar="VOC", help="such as VOCdevkit/VOC2007")
    add("--out", type=Path, required=True, help="folder to make")
    add("--long-side", type=_positive, default=default.long_side, help="pixels (256)")
    add("--splits", nargs="+", default=default.splits, help="lists to take (trainval test)")
    add("--test-every", type=_positive, default=default.test_every, help="1 takes all of test (2)")
    add("--quality", type=int, default=default.quality, help="of the JPEGs, 1 to 95 (80)")
    args = parser.parse_args()
    if not 1 <= args.quality <= BEST_QUALITY:
        parser.error(f"--quality {args.quality}: expected 1 to {BEST_QUALITY}")
    return args


def main() -> None:
    """Read, check, shrink."""
    args = _parse_args()
    options = Options(args.long_side, tuple(args.splits), args.test_every, args.quality)
    try:
        counts = shrink_voc(args.voc, args.out, options)
    except (LabelError, ImageError, OSError) as error:
        raise SystemExit(f"shrink_voc: nothing written: {error}") from error
    for split, count in counts.items():
        print(f"{count:8,}  {split}")
    print(f"export MMEIOU_VOC_256={shlex.quote(f'{args.out.absolute()}/')}")


if __name__ == "__main__":
    main()
