"""The page in a headless Chromium, against ``FaceDetector`` on the same picture."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from headless import visit
from mmengine.config import Config
from mmengine.registry import MODELS, init_default_scope

from mmeiou.apis import FaceDetector, Faces
from mmeiou.config import load_detector
from mmeiou.deploy.browser.runtime import cached_package, read_package
from mmeiou.deploy.browser.site import write_site
from mmeiou.deploy.onnx_export import export_onnx

CONFIG = "configs/yunet/yunet-n_2xb16-640e_widerface.py"
SEEN = """
const isError = () => by("status").classList.contains("error");
await until(() => isError() || / ms, /.test(by("status").textContent));
const [status, model] = [by("status").textContent, by("model").textContent];
const first = { status, model, faces: numbers() };
"""
NAME = "own #1? 50%.onnx"  # what an address must not be taken for
# Of what the table prints with one decimal, and the scores with four.
PIXELS, SCORE = 0.06, 1e-4


@pytest.fixture(scope="module")
def runtime() -> dict[str, bytes]:
    if not cached_package().is_file():
        pytest.skip(f"no {cached_package()}: tools/export_browser.py fetches it by npm")
    return read_package(cached_package())


@pytest.fixture(scope="module")
def net(repo: Path) -> torch.nn.Module:
    """A random network whose scores spread and whose boxes overlap, none close to a threshold."""
    torch.manual_seed(0)
    cfg = Config.fromfile(repo / CONFIG)
    init_default_scope(cfg.default_scope)
    model = MODELS.build(cfg.model).eval()
    head = model.bbox_head
    for branch in ("cls", "obj"):
        for unit in getattr(head, f"multi_level_{branch}"):
            unit.conv2.weight.data *= 100
            unit.conv2.bias.data.zero_()
    for unit in head.multi_level_bbox:
        unit.conv2.bias.data[2:] += 1.4  # four strides long: IoU of neighbours 0.6 or 0.4
    return model


def picture(width: int, height: int) -> np.ndarray:
    """Soft spots of all colours."""
    small = np.random.default_rng(0).integers(0, 256, (height // 8, width // 8, 3), np.uint8)
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)


def assert_same(rows: list[list[str]], faces: Faces) -> None:
    assert len(rows) == len(faces)
    for (score, box, landmarks), i in zip(rows, range(len(faces)), strict=True):
        assert float(score) == pytest.approx(faces.scores[i], abs=SCORE)
        given = [float(value) for value in box.split(", ")]
        np.testing.assert_allclose(given, faces.boxes[i], atol=PIXELS)
        points = [[float(value) for value in point.split(", ")] for point in landmarks.split("; ")]
        np.testing.assert_allclose(points, faces.landmarks[i], atol=PIXELS)


@pytest.mark.parametrize(("dynamic", "width", "height"), [(True, 200, 136), (False, 96, 80)])
def test_finds_what_the_package_finds(
    net: torch.nn.Module,
    runtime: dict[str, bytes],
    tmp_path: Path,
    dynamic: bool,
    width: int,
    height: int,
) -> None:
    export_onnx(net, tmp_path / NAME, (128, 96), dynamic=dynamic)
    site = tmp_path / "site"
    write_site(tmp_path / NAME, runtime, site)
    image = picture(width, height)
    cv2.imwrite(str(site / "spots.png"), image)
    told = visit(
        site,
        "index.html?picture=spots.png",
        SEEN
        + """
        change("threshold", 0.4, "input");
        const later = { status: by("status").textContent, faces: numbers() };
        return { first, later, size: [by("canvas").width, by("canvas").height] };
        """,
        tmp_path / "profile",
    )
    detector = FaceDetector(tmp_path / NAME, score_thr=0.3)
    expected = detector(image)
    assert len(expected) > 3
    size = "any size" if dynamic else "128 \u00d7 96"
    assert told["first"]["model"] == f"{NAME}, {size}"
    padded = "224 \u00d7 160" if dynamic else "128 \u00d7 96"
    assert told["first"]["status"].startswith(f"{len(expected)} faces \u00b7 ")
    assert told["first"]["status"].endswith(f" ms at {padded}")
    assert_same(told["first"]["faces"], expected)
    detector.score_thr = 0.4
    fewer = detector(image)
    assert 3 < len(fewer) < len(expected)
    assert_same(told["later"]["faces"], fewer)
    assert told["later"]["status"].startswith(f"{len(fewer)} faces \u00b7 ")
    assert told["size"] == [width, height]


def test_what_goes_wrong_is_said(
    net: torch.nn.Module, runtime: dict[str, bytes], tmp_path: Path
) -> None:
    export_onnx(net, tmp_path / "own.onnx", (64, 64))
    site = tmp_path / "site"
    write_site(tmp_path / "own.onnx", runtime, site)
    told = visit(
        site,
        "index.html?picture=absent.png",
        """
        const said = [];
        const drop = (name, text) => {
            const data = new DataTransfer();
            data.items.add(new File([text], name));
            by("status").textContent = "";
            by("stage").dispatchEvent(new DragEvent("drop", { bubbles: true, dataTransfer: data }));
        };
        const next = async () => {
            await until(() => by("status").matches(".error:not(:empty)"));
            said.push(by("status").textContent);
        };
        await next();
        drop("notes.txt", "no picture");
        await next();
        drop("broken.onnx", "no model");
        await next();
        return { said, model: by("model").textContent };
        """,
        tmp_path / "profile",
    )
    absent, notes, broken = told["said"]
    assert absent.startswith("absent.png: 404")
    assert notes == "notes.txt is no picture that this browser can read"
    assert broken.startswith("broken.onnx is no model for this page: ")
    assert told["model"] == "own.onnx, 64 \u00d7 64"  # still


def test_camera_and_released_model_find_the_astronaut(
    repo: Path, shared_data: Path, runtime: dict[str, bytes], tmp_path: Path
) -> None:
    data = pytest.importorskip("skimage.data")
    net = load_detector(Config.fromfile(repo / CONFIG), str(shared_data / "weights/yunet_n.pth"))
    export_onnx(net, tmp_path / "yunet.onnx", dynamic=True)
    site = tmp_path / "site"
    write_site(tmp_path / "yunet.onnx", runtime, site)
    image = np.ascontiguousarray(data.astronaut()[:, :, ::-1])
    cv2.imwrite(str(site / "photo.png"), image)
    film = tmp_path / "camera.mjpeg"
    encoded = cv2.imencode(".jpg", cv2.copyMakeBorder(image, 0, 0, 64, 64, cv2.BORDER_CONSTANT))[1]
    film.write_bytes(encoded.tobytes() * 3)
    told = visit(
        site,
        "index.html?picture=photo.png",
        SEEN
        + """
        by("camera").click();
        await until(() => by("canvas").width !== 512);
        const live = { faces: numbers(), pressed: by("camera").ariaPressed };
        by("camera").click();
        await until(() => by("camera").ariaPressed === "false");
        return { first, live };
        """,
        tmp_path / "profile",
        "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-video-capture={film}",
    )
    expected = FaceDetector(tmp_path / "yunet.onnx")(image)
    assert_same(told["first"]["faces"], expected)
    live = told["live"]
    assert live["pressed"] == "true"
    (row,) = live["faces"]
    box = [float(value) for value in row[1].split(", ")]
    np.testing.assert_allclose(box, expected.boxes[0] + [64, 0, 64, 0], atol=4)  # JPEG, video
