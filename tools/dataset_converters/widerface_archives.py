"""WIDER FACE's own archives to the layout of ``configs/_base_/datasets/widerface.py``."""

import lzma
import shutil
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Protocol

from tqdm import tqdm
from widerface_parts import Part

from mmeiou.labels.errors import LabelError


class Store(Protocol):
    """A folder or an archive."""

    path: Path

    def files(self) -> dict[str, int]:
        """Sizes of all files by their paths in it."""

    def copy(self, name: str, to: Path) -> None:
        """Copy a file of it."""


class Folder:
    """A folder as a store."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def files(self) -> dict[str, int]:
        """Sizes of all files by their paths in it."""
        found = (path for path in self.path.rglob("*") if path.is_file())
        return {path.relative_to(self.path).as_posix(): path.stat().st_size for path in found}

    def copy(self, name: str, to: Path) -> None:
        """Copy a file of it."""
        shutil.copyfile(self.path / name, to)


class Archive:
    """A zip file as a store.

    Raises:
        LabelError: It is no zip file, or a damaged one.
    """

    def __init__(self, path: Path, stack: ExitStack) -> None:
        self.path = path
        with _explained(path):
            self._zip = stack.enter_context(zipfile.ZipFile(path))

    def files(self) -> dict[str, int]:
        """Sizes of all files by their paths in it."""
        return {info.filename: info.file_size for info in self._zip.infolist() if not info.is_dir()}

    def copy(self, name: str, to: Path) -> None:
        """Copy a file of it."""
        where = f"{self.path}: {name}"
        with _explained(where), self._zip.open(name) as packed, to.open("wb") as file:
            shutil.copyfileobj(packed, file)


@contextmanager
def _explained(where: object) -> Iterator[None]:
    """Name the place in errors of a damaged, encrypted or unknown archive."""
    try:
        yield
    except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError) as error:
        raise LabelError(f"{error}; download it again", str(where)) from error
    except (RuntimeError, ValueError) as error:
        raise LabelError(f"{error}; unpack it by hand", str(where)) from error


@dataclass(frozen=True)
class Found:
    """Where a part is: ``files`` maps paths in the store to paths in the layout."""

    part: Part
    store: Store
    files: dict[str, str]


def open_stores(folder: Path, stack: ExitStack) -> Iterator[Store]:
    """A folder, and the archives in it.

    Args:
        folder: To look into.
        stack: Closes the archives.
    """
    yield Folder(folder)
    for path in sorted(folder.glob("*.zip")):
        yield Archive(path, stack)


def find(part: Part, stores: Sequence[Store], listed: Sequence[dict[str, int]]) -> Found | None:
    """Where a part is, by the ends of paths: an archive may have any folder around it.

    Args:
        part: To look for; of its names, the first that any store has, whole if one has it whole.
        stores: To look into.
        listed: Their files.
    """
    for end in part.ends:
        candidates = [
            Found(part, store, files)
            for store, names in zip(stores, listed, strict=True)
            if (files := {name: to for name in names if (to := _destination(name, end, part))})
        ]
        whole = (one for one in candidates if not part.incomplete(one.files.values()))
        if candidates:
            return next(whole, candidates[0])
    return None


def _destination(name: str, end: str, part: Part) -> str | None:
    """Path in the layout of a file that belongs to a part; None for others."""
    inside, wanted = PurePosixPath(name).parts, PurePosixPath(end).parts
    if ".." in inside:
        return None
    for start in range(len(inside) - len(wanted) + 1):
        if inside[start : start + len(wanted)] == wanted:
            rest = inside[start + len(wanted) :]
            return PurePosixPath(part.to, *rest).as_posix() if part.takes(rest) else None
    return None


def prepare(folder: Path, out: Path, wanted: Sequence[Part]) -> dict[str, int]:
    """Copy the parts into the layout; all of them appear, or none.

    Args:
        folder: Holds the archives, or what they contain.
        out: Root of the layout; what it has elsewhere stays.
        wanted: The parts.

    Returns:
        The number of files of each part.

    Raises:
        LabelError: Parts are missing or incomplete, or already there.
    """
    if there := [str(out / part.to) for part in wanted if (out / part.to).exists()]:
        raise LabelError(f"already there, remove it first: {', '.join(there)}")
    with ExitStack() as stack:
        stores = list(open_stores(folder, stack))
        listed = [store.files() for store in stores]
        found = {part.name: find(part, stores, listed) for part in wanted}
        _require_whole(folder, wanted, found)
        whole = [one for one in found.values() if one]
        sizes = {id(store): names for store, names in zip(stores, listed, strict=True)}
        needed = sum(sizes[id(one.store)][name] for one in whole for name in one.files)
        out.mkdir(parents=True, exist_ok=True)
        if needed > (free := shutil.disk_usage(out).free):
            raise LabelError(f"{out}: {needed >> 20} MiB needed, {free >> 20} MiB free")
        with TemporaryDirectory(dir=out, prefix=".unfinished-") as scratch:
            _copy(whole, Path(scratch))
            for one in whole:
                _finish(one, Path(scratch))
            for one in whole:
                (out / one.part.to).parent.mkdir(parents=True, exist_ok=True)
                (Path(scratch) / one.part.to).rename(out / one.part.to)
    return {one.part.name: len(one.files) for one in whole}


def _require_whole(folder: Path, wanted: Sequence[Part], found: dict[str, Found | None]) -> None:
    problems = []
    for part in wanted:
        one = found[part.name]
        problem = "missing" if one is None else part.incomplete(one.files.values())
        if problem:
            place = f" in {one.store.path}" if one else ""
            problems.append(f"{part.name}: {problem}{place}. Get {part.source}")
    if problems:
        raise LabelError(f"in {folder} and its zip files:\n" + "\n".join(problems))


def _copy(whole: Sequence[Found], scratch: Path) -> None:
    jobs = [(one.store, name, scratch / to) for one in whole for name, to in one.files.items()]
    for store, name, to in tqdm(jobs, desc="widerface", unit="file"):
        to.parent.mkdir(parents=True, exist_ok=True)
        store.copy(name, to)


def _finish(one: Found, scratch: Path) -> None:
    """Read what has to be read, so that no training does so in vain."""
    if one.part.check is not None:
        try:
            one.part.check(scratch / one.part.to, scratch)
        except LabelError as error:
            shown = str(error).replace(f"{scratch}/", "")
            raise LabelError(shown, f"{one.store.path}: {one.part.name}") from error
