"""Images in one file: what a training reads from it is what it reads from the files."""

import importlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from mmengine.registry import DATASETS, init_default_scope
from tiny_faces import write_tiny_faces
from torch.utils.data import DataLoader

from mmeiou.config import parse_cfg_options, read_config
from mmeiou.datasets import compact_collate
from mmeiou.labels import ImageError

lmdb = pytest.importorskip("lmdb")
ROOT = Path(__file__).parents[2]
TOOL = ROOT / "tools/dataset_converters/images_to_lmdb.py"


@pytest.fixture
def tool(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(str(TOOL.parent))
    return importlib.import_module("images_to_lmdb")


@pytest.fixture
def faces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_tiny_faces(tmp_path / "faces")
    monkeypatch.chdir(tmp_path)
    return Path("faces")


def run(*arguments: object) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, str(TOOL), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def dataset(faces: Path, backend: dict[str, object] | None):
    init_default_scope("mmdet")
    load = {"type": "mmeiou.LoadImageFromFile", "backend_args": backend}
    pack = {"type": "mmeiou.PackDetInputs", "meta_keys": ("img_path",)}
    return DATASETS.build(
        {
            "type": "mmeiou.WIDERFaceDataset",
            "data_root": f"{faces}/",
            "ann_file": "labelv2/train/labelv2.txt",
            "data_prefix": {"img": "WIDER_train/images/"},
            "backend_args": backend,
            "pipeline": [load, {"type": "mmeiou.LoadAnnotations", "with_bbox": True}, pack],
        }
    )


def test_a_training_reads_the_same_images(faces: Path) -> None:
    done = run(faces / "WIDER_train/images", "train.lmdb")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("train.lmdb: ")
    backend = {"backend": "lmdb", "db_path": "train.lmdb", "subdir": False}
    files, stored = dataset(faces, None), dataset(faces, backend)
    assert len(files) == len(stored) > 1
    loader = DataLoader(stored, num_workers=1, collate_fn=compact_collate)
    for one, batch in zip(files, loader, strict=True):
        np.testing.assert_array_equal(one["inputs"], batch["inputs"][0])
        assert one["data_samples"].img_path == batch["data_samples"][0].img_path


def test_the_options_of_the_page_lead_a_config_to_it(faces: Path, repo: Path) -> None:
    """Word by word, but for where the data are."""
    page = (repo / "docs/performance.md").read_text()
    command = page[page.index("backend_args.backend=lmdb") - 200 :].partition("```")[0]
    options = [word for word in command.split() if word.startswith("train_dataloader.")]
    assert len(options) == 6
    cfg = read_config("yunet-n_2xb16-640e_widerface.py")
    cfg.merge_from_dict(parse_cfg_options(options))
    run(faces / "WIDER_train/images", "data/train.lmdb")
    cfg.train_dataloader.dataset.data_root = f"{faces}/"
    init_default_scope("mmdet")
    stored = DATASETS.build(cfg.train_dataloader.dataset)
    assert stored.backend_args["backend"] == "lmdb"
    for path in (faces / "WIDER_train/images").rglob("*.png"):
        path.unlink()  # they are not looked at
    assert stored[0]["inputs"].shape == (3, 640, 640)


def test_an_image_that_is_not_in_it_is_named(faces: Path) -> None:
    run(faces / "WIDER_val/images", "val.lmdb")
    stored = dataset(faces, {"backend": "lmdb", "db_path": "val.lmdb", "subdir": False})
    with pytest.raises(ImageError, match=r"faces/WIDER_train/images/.*: not in the storage of"):
        stored[0]
    load = stored.pipeline.transforms[0]
    with pytest.raises(ImageError, match=r"^é.png: cannot be read \("):  # a key is ASCII
        load({"img_path": "é.png"})


def test_bad_input_is_told_and_nothing_is_left(tool, faces: Path) -> None:
    kept = Path("there.lmdb")
    kept.write_text("mine")
    for arguments, message in (
        ((faces / "labelv2", "a.lmdb"), "faces/labelv2: no images"),
        (("nowhere", "a.lmdb"), "No such file or directory: 'nowhere'"),
        ((faces / "WIDER_train/images", kept), "there.lmdb is there already"),
    ):
        done = run(*arguments)
        assert (done.returncode, done.stdout) == (1, "")
        assert message in done.stderr
        assert "Traceback" not in done.stderr
    assert kept.read_text() == "mine"
    (faces / "WIDER_train/images/é.png").write_bytes(b"")
    with pytest.raises(SystemExit, match=r"é.png: a key has at most 511 characters"):
        tool.keys_of(faces / "WIDER_train/images")
    (faces / "WIDER_train/images/é.png").unlink()
    with pytest.raises(FileNotFoundError):
        tool.write([*tool.keys_of(faces / "WIDER_train/images"), "gone.png"], Path("b.lmdb"))
    assert not Path("b.lmdb").exists()


def test_without_lmdb_the_command_is_said(tool, faces: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "lmdb", None)
    with pytest.raises(SystemExit, match="pip install lmdb"):
        tool.write(tool.keys_of(faces / "WIDER_train/images"), Path("c.lmdb"))
