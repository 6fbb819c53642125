"""The folder of the page, and where ONNX Runtime Web comes from."""

import io
import json
import re
import tarfile
from base64 import b64encode
from hashlib import sha512
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import MODELS, init_default_scope

from mmeiou.deploy.browser import runtime
from mmeiou.deploy.browser.site import PAGE, write_site
from mmeiou.deploy.onnx_export import export_onnx

RUNTIME = {name: name.encode() for name in runtime.FILES}


@pytest.fixture(scope="module")
def net(repo: Path) -> torch.nn.Module:
    cfg = Config.fromfile(repo / "configs/yunet/yunet-s_2xb16-640e_widerface.py")
    init_default_scope(cfg.default_scope)
    return MODELS.build(cfg.model).eval()


def test_folder_has_all_that_the_page_asks_for(net: torch.nn.Module, tmp_path: Path) -> None:
    net.dataset_meta = {"classes": ("face",)}
    export_onnx(net, tmp_path / "own.onnx", (64, 64))
    site = tmp_path / "site"
    write_site(tmp_path / "own.onnx", RUNTIME, site)
    assert json.loads((site / "model.json").read_text()) == {
        "file": "own.onnx",
        "classes": ["face"],
    }
    assert (site / "own.onnx").read_bytes() == (tmp_path / "own.onnx").read_bytes()
    asked = re.findall(
        r"""(?:from|src=|href=|new URL\() ?"(?:\./)?([^":]+)"[ ;,>/]""",
        "\n".join(file.read_text() for file in sorted(PAGE.iterdir())),
    )
    assert {"style.css", "page.js", "yunet.js", *(f"onnxruntime/{name}" for name in RUNTIME)} <= {
        *asked
    }
    for name in asked:
        assert (site / name).is_file(), name


def test_another_page_is_not_overwritten(net: torch.nn.Module, tmp_path: Path) -> None:
    export_onnx(net, tmp_path / "own.onnx", (64, 64))
    site = tmp_path / "site"
    site.mkdir()
    (site / "index.html").write_text("mine")
    with pytest.raises(FileExistsError, match=r"has an index\.html that is not of this page"):
        write_site(tmp_path / "own.onnx", RUNTIME, site)
    assert [file.read_text() for file in site.iterdir()] == ["mine"]
    (site / "index.html").unlink()
    for _ in range(2):  # its own is replaced
        write_site(tmp_path / "own.onnx", RUNTIME, site)


def test_page_names_no_other_host() -> None:
    for file in PAGE.iterdir():
        assert not re.search(r"https?://|[\"']//", file.read_text()), file


def test_nothing_is_written_for_a_model_that_the_page_cannot_decode(
    net: torch.nn.Module, tmp_path: Path
) -> None:
    export_onnx(net, tmp_path / "nms.onnx", (64, 64), with_nms=True)
    with pytest.raises(ValueError, match="without --with-nms"):
        write_site(tmp_path / "nms.onnx", RUNTIME, tmp_path / "site")
    with pytest.raises(FileNotFoundError, match=r"absent.onnx not found"):
        write_site(tmp_path / "absent.onnx", RUNTIME, tmp_path / "site")
    assert not (tmp_path / "site").exists()


def archive_of(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(f"package/dist/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def fake_npm(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.mkdir()
    (folder / "npm").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "npm").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache/mmeiou" / f"onnxruntime-web-{runtime.VERSION}.tgz"


def test_npm_is_asked_once(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packed = archive_of(RUNTIME)
    (tmp_path / "packed.tgz").write_bytes(packed)
    monkeypatch.setattr(runtime, "_SHA512", b64encode(sha512(packed).digest()).decode())
    # Arguments: pack NAME --pack-destination FOLDER.
    fake_npm(
        tmp_path / "bin",
        f'[ "$1 $2" = "pack onnxruntime-web@{runtime.VERSION}" ] && '
        f'cp {tmp_path}/packed.tgz "$4/{cache.name}"',
        monkeypatch,
    )
    assert runtime.fetch_package() == cache
    (tmp_path / "bin/npm").unlink()
    assert runtime.read_package(runtime.fetch_package()) == RUNTIME


def test_another_archive_is_refused(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_npm(tmp_path / "bin", f'echo changed >"$4/{cache.name}"', monkeypatch)
    with pytest.raises(ValueError, match=r"is not onnxruntime-web@.* as it was published"):
        runtime.fetch_package()
    assert not cache.exists()
    cache.parent.mkdir(parents=True)
    cache.write_text("cut off")
    with pytest.raises(ValueError, match=r"tgz is not onnxruntime-web@.*: remove it"):
        runtime.fetch_package()


def test_npm_missing_or_failing_is_said_in_one_line(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(FileNotFoundError, match=r"npm is not installed.*--onnxruntime-web DIR"):
        runtime.fetch_package()
    fake_npm(tmp_path / "bin", "echo first; echo no network >&2; exit 1", monkeypatch)
    with pytest.raises(ValueError, match=r"npm pack onnxruntime-web@\S+ failed: no network$"):
        runtime.fetch_package()
    assert not cache.exists()


def test_archive_without_the_files_is_said(tmp_path: Path) -> None:
    (tmp_path / "p.tgz").write_bytes(archive_of({runtime.FILES[0]: b""}))
    with pytest.raises(ValueError, match=runtime.FILES[1]):
        runtime.read_package(tmp_path / "p.tgz")


def test_unpacked_package_or_its_dist(tmp_path: Path) -> None:
    dist = tmp_path / "node_modules/onnxruntime-web/dist"
    dist.mkdir(parents=True)
    with pytest.raises(FileNotFoundError, match="expected the npm package onnxruntime-web@"):
        runtime.read_folder(dist)
    for name, content in RUNTIME.items():
        (dist / name).write_bytes(content)
    assert runtime.read_folder(dist) == runtime.read_folder(dist.parent) == RUNTIME
