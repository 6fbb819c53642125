"""The embedded sample set: layout, labels, geometry, splits, and folders that are there already."""

import subprocess
import sys
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
import pytest

from mmeiou.labels import read_labels

pytest.importorskip("skimage", reason="the sample faces come from scikit-image")

TOOLS = Path(__file__).resolve().parents[2] / "tools" / "dataset_converters"
SIZES = {"train": 24, "val": 8}


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(TOOLS))
        import make_sample_faces  # noqa: PLC0415

        return make_sample_faces


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small set, made by the command line."""
    out = tmp_path_factory.mktemp("sample") / "set"
    run = _command(out, "--train", SIZES["train"], "--val", SIZES["val"])
    assert run.returncode == 0, run.stderr
    assert "24 training and 8 validation" in run.stdout
    return out


def _command(*args: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(TOOLS / "make_sample_faces.py"), *map(str, args)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def _label_file(root: Path, split: str) -> Path:
    return root / "labelv2" / split / "labelv2.txt"


@pytest.mark.parametrize("split", ["train", "val"])
def test_layout_is_widers_and_labels_fit_the_pictures(made: Path, split: str) -> None:
    labels = read_labels(_label_file(made, split), num_keypoints=5).images
    images = made / f"WIDER_{split}" / "images"
    assert len(labels) == SIZES[split]
    assert {label.file for label in labels} == {
        file.relative_to(images).as_posix() for file in images.rglob("*.jpg")
    }
    for label in labels:
        height, width = cv2.imread(str(images / label.file)).shape[:2]
        assert label.size == (width, height)
        boxes, points = label.bboxes, label.keypoints
        assert (boxes[:, :2] >= 0).all()
        assert (boxes[:, 2:] <= (width, height)).all()
        assert (boxes[:, 3] - boxes[:, 1]).min(initial=20) > 18
        assert (points[..., 2] == 1).all()
        xy = points[..., :2]
        assert (xy > boxes[:, None, :2]).all()
        assert (xy < boxes[:, None, 2:]).all()


@pytest.mark.parametrize("split", ["train", "val"])
def test_left_and_right_are_the_pictures(made: Path, split: str) -> None:
    labels = read_labels(_label_file(made, split), num_keypoints=5).images
    points = np.concatenate([label.keypoints for label in labels])
    left_eye, right_eye, nose, left_mouth, right_mouth = points[..., :2].transpose(1, 0, 2)
    assert len(points) > 20
    assert (left_eye[:, 0] < right_eye[:, 0]).all()
    assert (left_mouth[:, 0] < right_mouth[:, 0]).all()
    assert (np.maximum(left_eye[:, 1], right_eye[:, 1]) < nose[:, 1]).all()
    assert (nose[:, 1] < np.minimum(left_mouth[:, 1], right_mouth[:, 1])).all()


def test_some_pictures_show_no_face_and_some_several(made: Path) -> None:
    labels = read_labels(_label_file(made, "train"), num_keypoints=5).images
    counts = [len(label.bboxes) for label in labels]
    assert min(counts) == 0
    assert max(counts) > 2


def test_same_seed_same_pixels_and_labels(made: Path, tool: ModuleType, tmp_path: Path) -> None:
    options = tool.Options(train=3, val=2, seed=0)
    assert tool.make_sample_faces(tmp_path / "again", options)
    # A picture depends on seed, split and index, not on how many are made.
    long, short = (_label_file(root, "train").read_text() for root in (made, tmp_path / "again"))
    assert long.startswith(short)
    sources = tool.load_sources("val")
    first, again, other = (tool.sample_scene(sources, "val", 1, seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first.image, again.image)
    np.testing.assert_array_equal(first.landmarks, again.landmarks)
    assert first.image.shape != other.image.shape or (first.image != other.image).any()


def test_splits_share_no_face_decoy_or_photograph(tool: ModuleType) -> None:
    train, val = tool.load_sources("train"), tool.load_sources("val")
    assert len(train.faces) == 80
    assert len(val.faces) == 20
    for kind in ("faces", "decoys", "photos"):
        known = {item.tobytes() for item in getattr(train, kind)}
        assert len(known) > 5
        assert not known & {item.tobytes() for item in getattr(val, kind)}


def test_photographs_with_people_are_kept_out(tool: ModuleType) -> None:
    from skimage import data  # noqa: PLC0415

    used = [photo for split in tool.SPLITS for photo in tool.load_sources(split).photos]
    assert len(used) == 13
    # `astronaut` is the quick start's final test; faces of the other two carry no label.
    for name in ("astronaut", "camera", "coins"):
        photo = getattr(data, name)()
        as_bgr = photo[..., ::-1] if photo.ndim == 3 else np.stack([photo] * 3, -1)
        assert not any(np.array_equal(as_bgr, other) for other in used)


@pytest.mark.parametrize("mirror", [1, -1])
@pytest.mark.parametrize("scale", [1.3, 5.0])
def test_pasted_pixels_land_where_labels_say(tool: ModuleType, mirror: int, scale: float) -> None:
    from sample_faces.scenes import _paste  # noqa: PLC0415

    dark_with_a_dot = np.zeros((25, 25), np.float32)
    dark_with_a_dot[13, 10] = 1  # centre at (10.5, 13.5) in crop coordinates
    photos = tool.load_sources("val").photos
    angle = 0.2
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    linear = turn @ np.diag([mirror * scale, scale])
    matrix = np.column_stack([linear, (150, 120)]).astype(np.float32)
    image = np.zeros((300, 300, 3), np.float32)
    from sample_faces.heads import draw_head  # noqa: PLC0415

    _paste(image, draw_head(np.random.default_rng(3), dark_with_a_dot, photos, 3), matrix)
    expected = linear @ (10.5, 13.5) + (150, 120)
    x, y = np.meshgrid(np.arange(300) + 0.5, np.arange(300) + 0.5)
    weight = image.sum(2) * (np.hypot(x - expected[0], y - expected[1]) < 2.5 * scale)
    weight = np.clip(weight - 0.6 * weight.max(), 0, None)
    found = (weight * x).sum() / weight.sum(), (weight * y).sum() / weight.sum()
    np.testing.assert_allclose(found, expected, atol=0.2 * scale)


@pytest.mark.usefixtures("tool")
def test_box_is_the_turned_ellipses() -> None:
    from sample_faces.placement import FACE_BOX, find_spot  # noqa: PLC0415

    around = np.linspace(0, 2 * np.pi, 20000)
    half, centre = (FACE_BOX[2:] - FACE_BOX[:2]) / 2, (FACE_BOX[2:] + FACE_BOX[:2]) / 2
    ellipse = centre + half * np.column_stack([np.cos(around), np.sin(around)])
    rng = np.random.default_rng(0)
    for _ in range(20):
        spot = find_spot(rng, 600, 500, [], is_face=True)
        outline = ellipse @ spot.matrix[:, :2].T + spot.matrix[:, 2]
        naive = np.concatenate([outline.min(0), outline.max(0)])
        np.testing.assert_allclose(spot.bbox, naive, atol=0.01)
        assert 18 < (spot.bbox[3] - spot.bbox[1]) < 0.61 * 500


def test_complete_set_is_left_alone(made: Path) -> None:
    before = {file: file.stat().st_mtime_ns for file in made.rglob("*")}
    run = _command(made, "--train", SIZES["train"], "--val", SIZES["val"])
    assert run.returncode == 0
    assert "already complete" in run.stdout
    assert before == {file: file.stat().st_mtime_ns for file in made.rglob("*")}


def test_another_set_is_replaced_only_by_force(tool: ModuleType, tmp_path: Path) -> None:
    out = tmp_path / "set"
    tool.make_sample_faces(out, tool.Options(train=2, val=1, seed=0))
    other = tool.Options(train=1, val=1, seed=5)
    with pytest.raises(tool.OverwriteError, match="--force"):
        tool.make_sample_faces(out, other)
    assert len(list(out.rglob("*.jpg"))) == 3
    assert tool.make_sample_faces(out, other, force=True)
    assert len(list(out.rglob("*.jpg"))) == 2
    assert [entry.name for entry in tmp_path.iterdir()] == ["set"]


def test_incomplete_set_is_not_taken_for_complete(tool: ModuleType, tmp_path: Path) -> None:
    options = tool.Options(train=2, val=1)
    tool.make_sample_faces(tmp_path / "set", options)
    next((tmp_path / "set").rglob("*.jpg")).unlink()
    with pytest.raises(tool.OverwriteError, match="incomplete"):
        tool.make_sample_faces(tmp_path / "set", options)
    assert tool.make_sample_faces(tmp_path / "set", options, force=True)


def test_other_folders_are_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    run = _command(tmp_path, "--force", "--train", 1, "--val", 1)
    assert run.returncode != 0
    assert "no sample set" in run.stderr
    assert "Traceback" not in run.stderr
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


def test_interrupted_run_leaves_things_as_they_were(
    tool: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "set"
    old = tool.Options(train=1, val=1)
    tool.make_sample_faces(out, old)

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(tool, "sample_scene", interrupt)
    for folder in (out, tmp_path / "new"):
        with pytest.raises(KeyboardInterrupt):
            tool.make_sample_faces(folder, tool.Options(train=3, val=1), force=True)
    assert [entry.name for entry in tmp_path.iterdir()] == ["set"]
    assert not tool.make_sample_faces(out, old)


def test_without_scikit_image_it_says_what_to_install(
    tool: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "skimage", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'mmeiou\[sample\]'"):
        tool.load_sources("train")


@pytest.mark.parametrize("option", ["--train", "--val"])
def test_numbers_of_images_must_be_positive(tmp_path: Path, option: str) -> None:
    run = _command(tmp_path / "set", option, 0)
    assert run.returncode != 0
    assert "at least 1" in run.stderr
    assert not (tmp_path / "set").exists()


def test_a_negative_seed_is_refused(tmp_path: Path) -> None:
    run = _command(tmp_path / "set", "--seed", -1)
    assert "error: --seed -1: expected 0 or more" in run.stderr
    assert "Traceback" not in run.stderr
    assert not (tmp_path / "set").exists()
