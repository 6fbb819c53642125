"""Decoded images on disk, shared by all workers.

The lock and the map are made by hand: filelock needs a file besides that of the count, and its
early releases empty what a planted link names; ``numpy.load(mmap_mode="c")`` takes 79 microseconds
an image where this takes 32, and ``.npy`` has no place for the stamp of the source.
"""

import hashlib
import mmap
import os
import stat
import struct
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmeiou.whole_files import replacing

Pixels = NDArray[np.uint8]
Stamp = tuple[int, int]

# Magic word; nanoseconds of change and bytes of the source; height, width, channels (0: none).
_HEADER = struct.Struct("<8sqqIII")
_MAGIC = b"mmeiou01"
_SUFFIX = ".pixels"


class ImageCache:
    """A folder of decoded uint8 images that grows up to a limit.

    An entry is mapped into memory rather than read: the page cache holds one copy for all
    processes, and of a crop only the rows in it are touched. It is refused when the source changed
    (time of change or size) or when its own length is wrong. Entries appear whole or not at all,
    and the limit holds for all processes together: they write in turn, under a lock.

    A disk that is full gives a warning, once in each process; training goes on without. The pixels
    of an entry have no checksum: reading all of them would cost what the cache saves.

    A full cache takes no more images and drops none. Training goes through its images in random
    order, each once an epoch: a cache that drops the least recently used one would drop most of
    them just before their turn.

    Args:
        folder: Where to keep the images; made at need. On a RAM disk it is a cache in memory.
        max_bytes: Limit of the sizes of all entries together.
        variant: How the images are decoded; other variants have other entries.

    Raises:
        ValueError: The limit is not positive.
        OSError: The folder cannot be made, or the system has no POSIX file locks.
    """

    def __init__(self, folder: str | Path, max_bytes: int, variant: str = "") -> None:
        if max_bytes <= 0:
            raise ValueError(f"max_bytes={max_bytes}: expected a positive number of bytes")
        if os.name != "posix":
            raise OSError("ImageCache needs the file locks of POSIX; decode every time instead")
        self.folder = Path(folder).absolute()
        self.folder.mkdir(parents=True, exist_ok=True)
        self.max_bytes = max_bytes
        self.variant = variant

    def fetch(self, source: str | Path, decode: Callable[[], NDArray[Any]]) -> NDArray[Any]:
        """The image of a file: mapped, or decoded and, if there is room and it is uint8, kept.

        The array can be written to: what is written stays with the process.

        Raises:
            OSError: The source does not exist.
        """
        # Before it is decoded: a source that changes meanwhile is a stale entry, not a wrong one.
        stamp = _stamp(source)
        entry = self._entry(source)
        image: NDArray[Any] | None = _mapped(entry, stamp)
        if image is None:
            image = decode()
            if image.dtype == np.uint8:
                try:
                    self._keep(entry, stamp, image)
                except OSError as error:
                    warnings.warn(f"{self.folder} keeps no more images: {error}", stacklevel=2)
                    self.max_bytes = 0
        return image

    def _keep(self, entry: Path, stamp: Stamp, image: Pixels) -> None:
        height, width, channels = (*image.shape, 0)[:3]
        header = _HEADER.pack(_MAGIC, *stamp, height, width, channels)
        with self._lock() as total:
            if _mapped(entry, stamp) is not None:
                return
            earlier = entry.stat().st_size if entry.exists() else 0
            used = self._used(total) - earlier + len(header) + image.nbytes
            if used > self.max_bytes:
                return
            # Counted before it is written: a process that dies in between leaves too high a count.
            _write_count(total, used)
            with replacing(entry) as unfinished, unfinished.open("wb") as file:
                file.write(header)
                file.write(np.ascontiguousarray(image).data)

    def _entry(self, source: str | Path) -> Path:
        name = f"{self.variant}\0{os.path.abspath(source)}"  # noqa: PTH100 - five times faster
        return self.folder / (hashlib.sha256(name.encode()).hexdigest()[:32] + _SUFFIX)

    @contextmanager
    def _lock(self) -> Iterator[int]:
        import fcntl  # noqa: PLC0415 - not on Windows, where the package shall still be imported

        self.folder.mkdir(parents=True, exist_ok=True)
        # Whoever can write to the folder may have put a link there, to a file of this user's.
        total = os.open(self.folder / "total", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o644)
        try:
            status = os.fstat(total)
            if not stat.S_ISREG(status.st_mode) or status.st_nlink > 1:
                raise OSError(
                    f"{self.folder / 'total'} is a link or no file, and none of this cache"
                )
            fcntl.flock(total, fcntl.LOCK_EX)
            yield total
        finally:
            os.close(total)

    def _used(self, total: int) -> int:
        count = os.pread(total, 32, 0)
        if count.strip().isdigit():
            return int(count)
        return sum(entry.stat().st_size for entry in self.folder.glob(f"*{_SUFFIX}"))


def _mapped(entry: Path, stamp: Stamp) -> Pixels | None:
    """The pixels of a whole entry of that stamp."""
    try:
        with entry.open("rb") as file:
            memory = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
    except (OSError, ValueError):  # ValueError: an empty file cannot be mapped
        return None
    if len(memory) < _HEADER.size:
        return None
    magic, *stored, height, width, channels = _HEADER.unpack_from(memory)
    shape = (height, width, channels) if channels else (height, width)
    expected = _HEADER.size + height * width * max(channels, 1)
    if magic != _MAGIC or tuple(stored) != stamp or len(memory) != expected:
        return None
    return np.ndarray(shape, np.uint8, memory, _HEADER.size)


def _stamp(source: str | Path) -> Stamp:
    status = os.stat(source)  # noqa: PTH116 - as fast as it gets
    return status.st_mtime_ns, status.st_size


def _write_count(total: int, count: int) -> None:
    # Of one length, so that a shorter count leaves no digits of a longer one.
    os.pwrite(total, f"{count:32d}".encode(), 0)
