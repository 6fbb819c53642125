"""Lay out WIDER FACE as the configs expect it, from its own archives, in one command.

python tools/dataset_converters/widerface.py FOLDER --out data/widerface

FOLDER holds WIDER_train.zip, WIDER_val.zip, eval_tools.zip, and labels: the folder labelv2 of
YuNet's authors or of SCRFD, or retinaface_gt_v1.1.zip, or for validation alone
wider_face_split.zip. Unpacked folders do as well. Everything is counted and read before anything
appears; what is missing is named, with the place where it is to be had.
"""

import argparse
import shlex
from pathlib import Path

from widerface_archives import prepare
from widerface_parts import PARTS

from mmeiou.labels import LabelError


def main() -> None:
    """Find, check, copy."""
    args = _parse_args()
    wanted = [part for name in args.only or PARTS for part in PARTS[name]]
    try:
        if not args.folder.is_dir():
            raise LabelError(f"{args.folder.absolute()} is no folder")  # noqa: TRY301
        counts = prepare(args.folder, args.out, wanted)
    except (LabelError, OSError) as error:
        raise SystemExit(f"widerface: nothing written: {error}") from error
    for part in wanted:
        print(f"{counts[part.name]:8,}  {part.name}: {args.out / part.to}")
    print(f"export MMEIOU_WIDERFACE={shlex.quote(f'{args.out.absolute()}/')}")


def _parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="holds the archives")
    parser.add_argument("--out", type=Path, required=True, help="root of the layout")
    parser.add_argument(
        "--only", nargs="+", choices=PARTS, default=[], help="val is enough to evaluate"
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
