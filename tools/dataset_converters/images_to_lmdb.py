"""Put the images of a folder into one file, for storage on which many small files are slow.

    python tools/dataset_converters/images_to_lmdb.py data/widerface/WIDER_train/images train.lmdb

The file is an LMDB (`pip install lmdb`), which MMEngine's ``LmdbBackend`` reads. Its keys are the
paths that the dataset gives: the folder as it is written here, and what is below it. The bytes are
the files' own. What to write into a config: docs/performance.md. OUT appears when it is complete;
one that is there already is refused.
"""

import argparse
from pathlib import Path

from tqdm import tqdm

from mmeiou.labels import ImageError
from mmeiou.labels.image_files import list_images
from mmeiou.whole_files import replacing

LONGEST = 511  # bytes of a key
ENTRY = 3 * 4096  # what one takes beside its bytes: whole pages, and a part of one for its key


def keys_of(folder: Path) -> list[str]:
    """Paths of the image files of a folder, the folder's own before them.

    Raises:
        ImageError: There are none.
        OSError: There is no such folder.
        SystemExit: A path cannot be a key.
    """
    keys = [(folder / name).as_posix() for name in list_images(folder)]
    for key in keys:
        if not key.isascii() or len(key) > LONGEST:
            raise SystemExit(
                f"{key}: a key has at most {LONGEST} characters, and MMEngine's backend knows "
                "ASCII alone: rename it, and in the label file"
            )
    return keys


def write(files: list[str], out: Path) -> None:
    """Write the files by their paths: all of them, or nothing."""
    try:
        import lmdb  # noqa: PLC0415 - an extra
    except ImportError:
        raise SystemExit("lmdb is not installed: pip install lmdb") from None
    if out.exists():
        raise SystemExit(f"{out} is there already: give another name, or remove it")
    room = sum(Path(file).stat().st_size + ENTRY for file in files) + (1 << 20)
    with (
        replacing(out) as unfinished,
        lmdb.open(str(unfinished), subdir=False, lock=False, map_size=room) as database,
        database.begin(write=True) as entries,
    ):
        for file in tqdm(files, desc="images", unit="file"):
            entries.put(file.encode(), Path(file).read_bytes())
    print(f"{out}: {len(files)} images")


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="as data_root and data_prefix['img'] give it")
    parser.add_argument("out", type=Path, help="to write")
    args = parser.parse_args()
    try:
        write(keys_of(args.folder), args.out)
    except (ImageError, OSError) as error:
        raise SystemExit(str(error)) from error


if __name__ == "__main__":
    main()
