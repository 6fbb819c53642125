"""Label a folder of pictures by a trained detector, the teacher, for mmeiou.CocoKeypointDataset.

python tools/dataset_converters/pseudo_label.py IMAGES --out train.json \
    --model configs/yunet/yunet-n_tta_2xb16-640e_widerface.py --checkpoint yunet_n.pth --tta \
    --sheet sheet.jpg

The teacher is a config of mmeiou.YuNet with its checkpoint, an ONNX file that
mmeiou.apis.FaceDetector takes, or one of SCRFD. What it is sure of becomes a face with landmarks,
what it doubts a region to ignore. What it found is kept beside the json, in NAME.faces.jsonl: a run
that was interrupted goes on from there, and one with other thresholds asks the teacher nothing.
"""

import argparse
import sys
from collections import Counter
from pathlib import Path

import label_output
import numpy as np
import teachers
from found_faces import FoundFaces, Picture
from label_report import describe
from tqdm import tqdm

from mmeiou.apis.images import Image, load_image
from mmeiou.apis.media import write_image
from mmeiou.cli import message_of
from mmeiou.labels import ImageError, ImageLabels, LabelError, LabelSet
from mmeiou.labels.image_files import is_truncated_jpeg, list_files, list_images, upright_size
from mmeiou.labels.landmarks import flip_pairs_by_name, landmark_names
from mmeiou.labels.pseudo import Rule, pseudo_labels
from mmeiou.visualization import draw_faces
from mmeiou.visualization.sheet import contact_sheet, outline, require_format, shrink

FLOOR = 0.05  # of the scores that are kept; thresholds can be chosen afterwards
# Of phones and the web; without a word, such pictures would be missed.
UNREAD = (".avif", ".gif", ".heic", ".heif", ".jxl")
FACE, DOUBTFUL = (0, 220, 0), (0, 140, 255)  # BGR


def find_faces(
    images: Path, files: list[str], teacher: teachers.Teacher, kept: FoundFaces
) -> tuple[list[Picture], int]:
    """Ask the teacher about the pictures that it has not seen.

    Returns:
        The pictures, and the number of those that cannot be read, which are said and left out.
    """
    found, unreadable = [], 0
    for file in tqdm(files, desc="teacher", unit="image"):
        path = images / file
        try:
            found.append(_look(path, file, teacher, kept))
        except ImageError as error:
            tqdm.write(f"pseudo_label: skipped: {error}", file=sys.stderr)
            unreadable += 1
    return found, unreadable


def _look(path: Path, file: str, teacher: teachers.Teacher, kept: FoundFaces) -> Picture:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ImageError(f"{path}: cannot be read ({error.strerror})") from error
    known = kept.get(file, data)
    if known is not None:
        return known
    size = upright_size(path)
    if is_truncated_jpeg(data):
        raise ImageError(f"{path}: a truncated JPEG")
    return kept.add(Picture(file, (size.width, size.height), teacher.detect(path)), data)


def names_of(known: tuple[str, ...]) -> tuple[str, ...]:
    """Of a teacher's classes; one that does not know them finds faces."""
    return known or ("face",)


def require_classes(known: tuple[str, ...], wanted: list[str]) -> None:
    """Check that a teacher has the classes.

    Raises:
        LabelError: It has others.
    """
    if absent := [name for name in wanted if name not in names_of(known)]:
        raise LabelError(
            f"the teacher knows the classes {', '.join(names_of(known))}, not {', '.join(absent)}: "
            "choose by --classes"
        )


def labels_of(
    pictures: list[Picture], images: Path, known: tuple[str, ...], wanted: list[str], rule: Rule
) -> LabelSet:
    """The labels.

    Args:
        pictures: With what the teacher found.
        images: Their folder.
        known: The teacher's classes; empty where it does not know their names.
        wanted: Names of the classes to keep, in their order; it has them.
        rule: What becomes a face.

    Raises:
        LabelError: There is no picture, no face, or a class without a name.
    """
    if not pictures:
        raise LabelError("none of the pictures can be read", str(images))
    names = names_of(known)
    highest = max((int(one.faces.labels.max(initial=0)) for one in pictures), default=0)
    if highest >= len(names):
        raise LabelError(
            f"the teacher found class number {highest}, but knows the names of {len(names)}: train "
            "it, or export it, with all of them"
        )
    landmarks = landmark_names(max((one.faces.landmarks.shape[1] for one in pictures), default=0))
    numbers = np.array([wanted.index(name) if name in wanted else -1 for name in names])
    records = []
    for picture in pictures:
        faces = picture.faces
        image = pseudo_labels(
            picture.file,
            picture.size,
            faces.boxes,
            faces.scores,
            faces.landmarks,
            numbers[faces.labels],
            rule,
        )
        records.append(image.select(image.labels >= 0))
    if all(image.ignore.all() for image in records):
        best = max((float(one.faces.scores.max(initial=0)) for one in pictures), default=0)
        raise LabelError(
            f"no face in {len(pictures)} pictures: the best score is {best:.2f}, --sure is "
            f"{rule.sure:g}, --min-size {rule.min_size:g} pixels",
            str(images),
        )
    return LabelSet(images, records, tuple(wanted), landmarks, flip_pairs_by_name(landmarks))


def draw(images: Path, image: ImageLabels, side: int) -> tuple[Image, str]:
    """A picture with its labels, and a caption."""
    small, scale = shrink(load_image(images / image.file), side)
    sure = ~image.ignore
    points = image.keypoints[sure].astype(np.float32)
    points[..., :2] *= scale
    drawn = draw_faces(small, (image.bboxes[sure] * scale).astype(np.float32), None, points)
    outline(drawn, image.bboxes[~sure] * scale, DOUBTFUL, max(1, round(min(drawn.shape[:2]) / 300)))
    return drawn, f"{sure.sum()} + {(~sure).sum()}: {image.file}"


def unread(images: Path) -> Counter[str]:
    """Pictures of a folder in formats that are not read, for the report."""
    suffixes = sorted(Path(file).suffix.lower() for file in list_files(images, UNREAD))
    return Counter(f"{suffix} pictures, left out: save them as JPEG or PNG" for suffix in suffixes)


def write_sheet(args: argparse.Namespace, labels: LabelSet) -> None:
    """Draw some of the pictures, those with boxes first."""
    order = np.random.default_rng(args.seed).permutation(len(labels)).tolist()
    order.sort(key=lambda index: not len(labels.images[index]))
    chosen = [labels.images[index] for index in sorted(order[: args.number])]
    drawn = (draw(args.images, one, args.side) for one in tqdm(chosen, desc="sheet", unit="image"))
    legend = {"face": FACE, "doubtful, to ignore": DOUBTFUL}
    write_image(args.sheet, contact_sheet(drawn, args.columns, args.side, legend))
    print(f"wrote {args.sheet}: {len(chosen)} of {len(labels)} images")


def main() -> None:
    """Detect, choose, write."""
    args = _parse_args()
    try:
        unreadable = _run(args)
    except (LabelError, ImageError, ImportError, OSError, ValueError) as error:
        raise SystemExit(f"pseudo_label: no labels written: {message_of(error)}") from error
    if unreadable:
        raise SystemExit(f"pseudo_label: {unreadable} unreadable images were left out, see above")


def _run(args: argparse.Namespace) -> int:
    rule = Rule(args.sure, args.doubtful, args.min_size)
    if rule.doubtful < FLOOR:
        raise LabelError(f"--doubtful {rule.doubtful:g}: expected at least {FLOOR:g}")
    paths = label_output.outputs(args.out, args.val_fraction, force=args.force)
    if args.sheet:
        require_format(args.sheet)
        if args.sheet.resolve().is_relative_to(args.images.resolve()):
            raise LabelError(f"--sheet {args.sheet} would be one of the pictures of {args.images}")
    if not args.images.is_dir():
        raise LabelError(f"{args.images.absolute()} is no folder")
    files = list_images(args.images)
    options = teachers.Options(args.device, args.scales, args.max_side, args.tta, FLOOR)
    teacher = teachers.load(args.model, args.checkpoint, options)
    require_classes(teacher.classes, args.classes)
    kept = FoundFaces(args.out.with_suffix(".faces.jsonl"), teacher.digest)
    pictures, unreadable = find_faces(args.images, files, teacher, kept)
    labels = labels_of(pictures, args.images, teacher.classes, args.classes, rule)
    if args.sheet:
        write_sheet(args, labels)
    parts = label_output.write(labels, paths, args.val_fraction, args.seed)
    print(describe(labels, unread(args.images)))
    print("\n".join(label_output.result(labels, parts, paths, args.images)))
    return unreadable


def _parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("images", type=Path, metavar="IMAGES", help="folder, looked into with all below it")
    add("--out", type=Path, required=True, metavar="FILE", help="json to write")
    add("--model", required=True, help="config, or .onnx file")
    add("--checkpoint", help="weights for the config")
    add("--tta", action="store_true", help="resized and mirrored views, as the config has them")
    add(
        "--scales",
        type=float,
        nargs="+",
        default=[1.0],
        help="relative sizes to look at, without --tta",
    )
    add("--max-side", type=int, help="shrink larger images to this side, without --tta")
    add("--device", default="cpu", help="cpu, cuda or cuda:INDEX")
    add("--sure", type=float, default=0.5, help="smallest score of a face (0.5)")
    add("--doubtful", type=float, default=0.2, help="smallest score of a region to ignore (0.2)")
    add("--min-size", type=float, default=10, help="pixels; smaller faces are ignored (10)")
    add("--classes", nargs="+", default=["face"], help="of the teacher's, wanted (face)")
    add("--val-fraction", type=float, default=0, help="part of the images for val.json beside it")
    add("--seed", type=int, default=0, help="of that choice, and of the sheet's (0)")
    add("--sheet", type=Path, metavar="FILE", help="picture of labelled images to write")
    add("--number", type=int, default=24, help="of images on the sheet (24)")
    add("--columns", type=int, default=4, help="images in a row of the sheet (4)")
    add("--side", type=int, default=480, help="of an image on the sheet (480 px)")
    add("--force", action="store_true", help="replace an existing file")
    args = parser.parse_args()
    if not 0 <= args.val_fraction < 1:
        parser.error(f"--val-fraction {args.val_fraction}: expected at least 0 and below 1")
    if min(args.number, args.columns, args.side) < 1 or args.seed < 0:
        parser.error("--number, --columns and --side must be at least 1, --seed at least 0")
    return args


if __name__ == "__main__":
    main()
