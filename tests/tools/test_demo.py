"""The demo on pictures with a bright rectangle and a detector that finds it."""

import importlib.util
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest.mock import Mock

import cv2
import numpy as np
import pytest

from mmeiou.apis import Faces
from mmeiou.apis.media import Video, video_writer
from mmeiou.labels import read_detections
from mmeiou.labels.formats.wider_txt import read_file
from mmeiou.visualization.faces import BOX_COLOUR

BOX = (20, 10, 40, 44)
Run = Callable[..., str]


class BrightRectangle:
    """In place of a detector; remembers its options."""

    options: dict[str, Any]
    classes: tuple[str, ...] = ("face",)

    def __init__(self, *model: Any, **options: Any) -> None:
        type(self).options = {"model": model, **options}

    def __call__(self, image: np.ndarray) -> Faces:
        y, x = np.nonzero(image.min(axis=2) > 200)
        boxes = np.zeros((0, 4), np.float32)
        if len(x):
            boxes = np.array([[x.min(), y.min(), x.max() + 1, y.max() + 1]], np.float32)
        number = len(boxes)
        return Faces(
            boxes,
            np.full(number, 0.875, np.float32),
            boxes.reshape(number, 2, 2),
            np.zeros(number, np.int64),
        )


def picture(shift: int = 0) -> np.ndarray:
    image = np.full((64, 96, 3), 40, np.uint8)
    x1, y1, x2, y2 = BOX
    image[y1:y2, x1 + shift : x2 + shift] = 255
    return image


@pytest.fixture
def demo(repo: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("demo", repo / "tools" / "demo.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.FaceDetector = BrightRectangle
    return module


@pytest.fixture
def run(demo: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> Run:
    def run_demo(*arguments: object, fails: str = "") -> str:
        monkeypatch.setattr(sys, "argv", ["demo.py", *map(str, arguments), "--model", "m.onnx"])
        if fails:
            with pytest.raises(SystemExit, match=fails) as ended:
                demo.main()
            assert isinstance(ended.value.code, str)  # Python prints it and exits with 1
        else:
            demo.main()
        printed = capsys.readouterr()
        return printed.out + printed.err

    return run_demo


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = tmp_path / "in"
    (folder / "0--Parade").mkdir(parents=True)
    cv2.imwrite(str(folder / "0--Parade" / "one.png"), picture())
    cv2.imwrite(str(folder / "two.png"), picture(shift=30))
    return folder


def test_a_folder_with_results(run: Run, pictures: Path) -> None:
    out = pictures / "out"  # may be inside the input: its pictures are not taken for input
    for _ in range(2):
        said = run(pictures, "--out", out, "--json", "--wider-txt", "--scales", "0.5", "1")
        assert f"faces: 2, pictures: 2, written to {out}" in said
    files = {str(path.relative_to(out)) for path in out.rglob("*") if path.is_file()}
    texts = {"wider_txt/0--Parade/one.txt", "wider_txt/in/two.txt"}
    assert files == {"0--Parade/one.png", "two.png", "faces.json"} | texts
    drawn = cv2.imread(str(out / "two.png"))
    assert (drawn[20:35, 50] == BOX_COLOUR).all()
    records = json.loads((out / "faces.json").read_text())
    face = {
        "box": list(BOX),
        "score": 0.875,
        "landmarks": [[20, 10], [40, 44]],
        "label": 0,
        "class": "face",
    }
    assert records[0] == {"image": "0--Parade/one.png", "faces": [face]}
    assert read_file(out / "wider_txt/in/two.txt").bboxes.tolist() == [[50, 10, 70, 44]]
    read_back = read_detections(out / "faces.json")
    assert read_back["0--Parade/one"].bboxes.tolist() == [list(BOX)]
    assert list(read_back) == ["0--Parade/one", "two"]
    assert BrightRectangle.options == {
        "model": ("m.onnx", None, "cpu"),
        "score_thr": 0.3,
        "max_side": None,
        "scales": [0.5, 1.0],
    }


def test_unreadable_images_of_a_folder_are_said_and_counted(
    run: Run, pictures: Path, tmp_path: Path
) -> None:
    (pictures / "bad.jpg").write_bytes(b"no image")
    said = run(pictures, "--out", tmp_path / "out", fails="1 unreadable images were skipped")
    assert "bad.jpg: not an image" in said
    assert "faces: 2, pictures: 2" in said
    assert not (tmp_path / "out" / "bad.jpg").exists()


def test_no_written_box_leaves_its_picture(
    run: Run, pictures: Path, tmp_path: Path, monkeypatch
) -> None:
    found = BrightRectangle.__call__

    def larger(self: BrightRectangle, image: np.ndarray) -> Faces:
        faces = found(self, image)
        return replace(faces, boxes=faces.boxes + np.array([-30, -30, 90, 30], np.float32))

    monkeypatch.setattr(BrightRectangle, "__call__", larger)
    run(pictures / "two.png", "--out", tmp_path / "out", "--json", "--wider-txt")
    (record,) = json.loads((tmp_path / "out/faces.json").read_text())
    assert record["faces"][0]["box"] == [20, 0, 96, 64]
    assert read_file(tmp_path / "out/wider_txt/in/two.txt").bboxes.tolist() == [[20, 0, 96, 64]]


def test_a_link_has_its_own_name(run: Run, pictures: Path, tmp_path: Path) -> None:
    for name in ("linked", "again"):
        (pictures / f"{name}.png").symlink_to(pictures / "two.png")
    run(pictures, "--out", tmp_path / "out", "--wider-txt")
    found = {path.name for path in (tmp_path / "out/wider_txt/in").iterdir()}
    assert found == {"two.txt", "linked.txt", "again.txt"}


def test_what_was_found_before_an_end_is_kept(
    demo: ModuleType, run: Run, pictures: Path, tmp_path: Path, monkeypatch
) -> None:
    """Of Ctrl-C, and of a picture that cannot be worked on."""
    for number, error in enumerate((KeyboardInterrupt, ValueError("no such face"))):
        out = tmp_path / str(number)

        monkeypatch.setattr(demo.Demo, "_shown", Mock(side_effect=error))
        said = r"stopped: not all images were looked at|no such face"
        run(pictures, "--out", out, "--json", "--wider-txt", fails=said)
        (record,) = json.loads((out / "faces.json").read_text())
        assert record["image"] == "0--Parade/one.png"
        assert (out / "wider_txt/0--Parade/one.txt").exists()
        assert not (out / "two.png").exists()


def test_one_image_blurred(run: Run, pictures: Path, tmp_path: Path) -> None:
    run(pictures / "two.png", "--out", tmp_path / "out", "--blur")
    drawn = cv2.imread(str(tmp_path / "out" / "two.png")).astype(int)
    face = drawn[12:42, 55:65]
    assert np.abs(face - picture(30)[12:42, 55:65]).mean() > 15
    assert not (drawn == BOX_COLOUR).all(2).any()
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"two.png"}


@pytest.fixture
def video(tmp_path: Path) -> Path:
    with video_writer(tmp_path / "v.mp4", 10, (96, 64)) as writer:
        for index in range(6):
            writer.write(picture(shift=5 * index))
    return tmp_path / "v.mp4"


def test_a_video(run: Run, video: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run(video, "--out", out, "--json", "--wider-txt", "--max-frames", "4")
    drawn = Video(out / "v.mp4")
    assert (drawn.num_frames, drawn.size, drawn.fps) == (4, (96, 64), 10)
    records = json.loads((out / "faces.json").read_text())
    assert [record["frame"] for record in records] == [0, 1, 2, 3]
    lefts = [record["faces"][0]["box"][0] for record in records]
    np.testing.assert_allclose(lefts, [20, 25, 30, 35], atol=1)
    assert len(list((out / "wider_txt" / "v").iterdir())) == 4


@pytest.mark.parametrize("live", [True, False])
def test_interrupting_ends_a_camera_but_undoes_a_video(
    live: bool, demo: ModuleType, run: Run, video: Path, tmp_path: Path
) -> None:
    class Interrupted(Video):
        def __iter__(self) -> Any:
            yield from list(super().__iter__())[:2]
            raise KeyboardInterrupt

    def opened(source: Path | int) -> Video:
        assert source == (0 if live else video)
        capture = Interrupted(video)
        capture.live = live
        return capture

    demo.Video = opened
    out = tmp_path / "out"
    if live:
        run("0", "--out", out, "--json")
        assert Video(out / "camera0.mp4").num_frames == 2
        assert len(json.loads((out / "faces.json").read_text())) == 2
    else:
        with pytest.raises(KeyboardInterrupt):
            run(video, "--out", out, "--json")
        assert list(out.iterdir()) == []


def test_what_cannot_be_done_is_said(run: Run, pictures: Path, video: Path, monkeypatch) -> None:
    bad = pictures / "bad.png"
    bad.write_bytes(b"no image")
    out = ("--out", pictures.parent / "out")
    run(bad, *out, fails=r"demo: .*bad\.png: not an image")
    run(bad.rename(pictures / "bad.avi"), *out, fails=r"bad\.avi: no video or camera")
    run(pictures / "absent.png", *out, fails=r"absent\.png not found")
    run(pictures / "two.png", "--out", pictures, fails=r"two\.png would be overwritten")
    run(pictures, "--out", pictures, fails=r"one\.png would be overwritten")
    run(video, "--out", video.parent, fails=r"v\.mp4 would be overwritten")
    (pictures.parent / "out" / "wider_txt").mkdir(parents=True)
    (pictures.parent / "out" / "wider_txt" / "precious.doc").touch()
    run(pictures, *out, "--wider-txt", fails=r"holds precious\.doc")
    monkeypatch.setattr(sys, "platform", "linux")
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    run(pictures, *out, "--show", fails="there is no display")
    assert not list(pictures.parent.glob("out/*.png"))


def test_two_images_of_one_name(run: Run, pictures: Path, tmp_path: Path) -> None:
    (pictures / "a" / "0--Parade").mkdir(parents=True)
    cv2.imwrite(str(pictures / "a" / "0--Parade" / "one.jpg"), picture())
    run(
        pictures,
        "--out",
        tmp_path / "out",
        "--wider-txt",
        fails=r"a/0--Parade/one\.jpg and|have the same folder and name",
    )
    assert not (tmp_path / "out").exists()  # before a picture is looked at


def test_released_model_on_a_photograph(repo: Path, shared_data: Path, tmp_path: Path) -> None:
    skimage_data = pytest.importorskip("skimage.data")
    cv2.imwrite(str(tmp_path / "a.png"), skimage_data.astronaut()[..., ::-1])
    model = ["--model", shared_data / "weights/yunet_n_dynamic.onnx"]
    command = [sys.executable, repo / "tools/demo.py", tmp_path / "a.png", "--out", tmp_path / "o"]
    subprocess.run([*command, *model, "--json"], check=True, capture_output=True)
    (record,) = json.loads((tmp_path / "o" / "faces.json").read_text())
    (face,) = record["faces"]
    np.testing.assert_allclose(face["box"], [178, 65, 269, 176], atol=2)


class FacesAtTheEdge:
    """A face in the picture and one that reaches out of it, with five landmarks each."""

    classes = ("face",)

    def __init__(self, *model: Any, **options: Any) -> None:
        pass

    def __call__(self, _: np.ndarray) -> Faces:
        boxes = np.array([[10, 5, 40, 45], [-6, -2, 30, 70]], np.float32)
        points = np.float32([[20, 15], [32, 15], [26, 23], [21, 31], [31, 31]])
        return Faces(
            boxes,
            np.full(2, 0.5, np.float32),
            np.stack([points, points - 12]),
            np.zeros(2, np.int64),
        )


def test_crops_and_boxes_within_the_picture(
    run: Run, demo: ModuleType, pictures: Path, tmp_path: Path
) -> None:
    demo.FaceDetector = FacesAtTheEdge
    (source, *_) = sorted(pictures.rglob("*.png")) or sorted(pictures.rglob("*.jpg"))
    run(source, "--out", tmp_path / "found", "--crops", "--json")
    crops = sorted((tmp_path / "found/crops" / source.name).iterdir())
    assert [crop.name for crop in crops] == ["0.png", "1.png"]
    assert cv2.imread(str(crops[0])).shape == (112, 112, 3)
    (record,) = json.loads((tmp_path / "found/faces.json").read_text())
    boxes = [face["box"] for face in record["faces"]]
    assert boxes == [[10, 5, 40, 45], [0, 0, 30, 64]]


def test_crops_of_other_landmarks_are_refused(run: Run, pictures: Path, tmp_path: Path) -> None:
    (source, *_) = sorted(pictures.rglob("*.png")) or sorted(pictures.rglob("*.jpg"))
    run(source, "--out", tmp_path / "found", "--crops", fails="takes five landmarks")
