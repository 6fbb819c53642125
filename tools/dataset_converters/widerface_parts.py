"""The parts of WIDER FACE, how many files they have, and where they are to be had."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from mmeiou.labels import LabelError, read_labels
from mmeiou.labels.formats.wider_mat import FACES_FILE, SUBSET_FILES
from mmeiou.labels.image_files import is_file

OFFICIAL = "http://shuoyang1213.me/WIDERFACE/"
AUTHORS = "https://github.com/ShiqiYu/libfacedetection.train"
NUM_TRAIN, NUM_VAL = 12_880, 3_226
MAT_FILES = (FACES_FILE, *SUBSET_FILES)
JPEG = ".jpg"


@dataclass(frozen=True)
class Part:
    """A part of the data set.

    Attributes:
        name: What it is.
        to: Where it goes in the layout: a folder of images or of named files, or a file.
        ends: Where it lies: ends of paths, in the order of preference.
        source: Where it is to be had.
        count: Number of images; 0 for other parts.
        names: Names of the files in a folder; empty for images and single files.
        check: Reads it: takes its path, and the root of the layout.
    """

    name: str
    to: str
    ends: tuple[str, ...]
    source: str
    count: int = 0
    names: tuple[str, ...] = ()
    check: Callable[[Path, Path], None] | None = None

    def takes(self, rest: Sequence[str]) -> bool:
        """Whether a file below the end of the path belongs to the part."""
        if self.count:
            return bool(rest) and rest[-1].lower().endswith(JPEG)
        return rest[0] in self.names if len(rest) == 1 else not (rest or self.names)

    def incomplete(self, files: Iterable[str]) -> str:
        """What the files lack, or an empty text."""
        found = {file.rpartition("/")[2] for file in files}
        if lacking := set(self.names) - found:
            return f"no {', '.join(sorted(lacking))}"
        number = len(list(files))
        return f"{number} of {self.count:,} images" if self.count not in (0, number) else ""


def check_labels(file: Path, root: Path) -> None:
    """Read the labels, and see that there is an image for each.

    Raises:
        LabelError: A line cannot be read, or images are missing.
    """
    images = root / f"WIDER_{file.parent.name}" / "images"
    labels = read_labels(file).images
    missing = [label.file for label in labels if not is_file(images / label.file)]
    if missing:
        raise LabelError(f"{len(missing)} images are not there, e.g. {missing[0]}", str(file))


def check_ground_truth(folder: Path, _root: Path) -> None:
    """Read the four files.

    Raises:
        LabelError: They do not fit together.
    """
    read_labels(folder, "wider_mat")


_LABELS = f"the folder data/widerface/labelv2 of {AUTHORS}, or RetinaFace's retinaface_gt_v1.1.zip"

PARTS = {
    "train": (
        Part(
            name="training images",
            to="WIDER_train/images",
            ends=("WIDER_train/images",),
            source=f"WIDER_train.zip from {OFFICIAL}",
            count=NUM_TRAIN,
        ),
        Part(
            name="training labels with landmarks",
            to="labelv2/train/labelv2.txt",
            ends=("train/labelv2.txt", "train/label.txt"),
            source=_LABELS,
            check=check_labels,
        ),
    ),
    "val": (
        Part(
            name="validation images",
            to="WIDER_val/images",
            ends=("WIDER_val/images",),
            source=f"WIDER_val.zip from {OFFICIAL}",
            count=NUM_VAL,
        ),
        Part(
            name="validation labels",
            to="labelv2/val/labelv2.txt",
            ends=("val/labelv2.txt", "wider_face_val_bbx_gt.txt"),
            source=f"{_LABELS}, or wider_face_split.zip from {OFFICIAL}",
            check=check_labels,
        ),
        Part(
            name="ground truth of the evaluation",
            to="labelv2/val/gt",
            ends=("ground_truth", "val/gt"),
            source=f"{OFFICIAL}support/eval_script/eval_tools.zip",
            names=MAT_FILES,
            check=check_ground_truth,
        ),
    ),
}
