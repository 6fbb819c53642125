"""tools/analysis/deployed_ap.py, on a few real images and without any."""

import re
import sys
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config

from mmeiou.apis.images import load_image
from mmeiou.config import load_detector
from mmeiou.deploy.onnx_export import export_onnx
from mmeiou.functional.nms import nms
from mmeiou.labels import Detections

CONFIG = "configs/yunet/yunet-n_2xb16-640e_widerface.py"


@pytest.fixture(scope="module")
def tool(repo: Path) -> ModuleType:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(repo / "tools/analysis"))
        import deployed_ap  # noqa: PLC0415

        return deployed_ap


@pytest.fixture(scope="module")
def files(repo: Path, shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("exported")
    checkpoint = str(shared_data / "weights/yunet_n.pth")
    model = load_detector(Config.fromfile(repo / CONFIG), checkpoint)
    export_onnx(model, folder / "fixed.onnx", (64, 64))
    export_onnx(model, folder / "dynamic.onnx", (64, 64), dynamic=True)
    export_onnx(model, folder / "nms.onnx", (64, 64), dynamic=True, with_nms=True)
    return folder


def run(tool: ModuleType, monkeypatch: pytest.MonkeyPatch, *arguments: object) -> None:
    monkeypatch.setattr(sys, "argv", ["deployed_ap.py", *map(str, arguments)])
    tool.main()


def test_float_forms_agree(
    tool: ModuleType,
    repo: Path,
    shared_data: Path,
    files: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    root = shared_data / "widerface"
    torch_form = ("--torch", repo / CONFIG, shared_data / "weights/yunet_n.pth")
    exported = [
        argument
        for option, name in (("onnx", "dynamic"), ("nms", "nms"), ("opencv", "fixed"))
        for argument in (f"--{option}", files / f"{name}.onnx")
    ]
    run(tool, monkeypatch, root, *torch_form, *exported, "--most", "4")
    out = capsys.readouterr().out
    rows = [re.split(r" *\| *", line)[1:-1] for line in out.splitlines() if line.startswith("| ")]
    header, trained, onnx, in_graph, opencv = rows
    assert header[2:5] == ["easy", "medium", "hard"]
    assert 0.5 < float(trained[4]) < 1
    for row in (onnx, in_graph):
        assert row[2:6] == trained[2:6]
        assert row[6] == "0"
        assert float(row[7]) < 0.01
        assert float(row[8]) < 1e-4
    np.testing.assert_allclose(*(list(map(float, r[2:5])) for r in (opencv, trained)), atol=0.02)
    assert "4 images of original size padded to a multiple of 32, cls * obj >= 0.02, NMS" in out


def test_opencv_differs_by_whole_pixels_in_nms_alone(
    tool: ModuleType, shared_data: Path, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = str(files / "fixed.onnx")
    image = load_image(next((shared_data / "widerface/WIDER_val/images").rglob("*Parade*.jpg")))
    suppressed = tool.opencv(path).detect(image)
    monkeypatch.setattr("opencv_client.NMS_THR", 1.0)
    found = tool.opencv(path).detect(image)
    boxes, scores = found.bboxes, found.scores
    assert len(scores) > 2 * len(suppressed.scores) > 2
    corner, size = np.trunc(boxes[:, :2]), np.trunc(boxes[:, 2:] - boxes[:, :2])
    whole = torch.from_numpy(np.concatenate([corner, corner + size], axis=1))
    kept = nms(whole, torch.from_numpy(scores), 0.45).numpy()
    expected = Detections(boxes[kept], scores[kept])
    assert tool.difference(suppressed, expected) == (0, 0, 0)
    best = tool.onnx_runtime(str(files / "dynamic.onnx")).detect(image).scores.max()
    assert scores.max() == pytest.approx(best, abs=1e-5)  # cls * obj, not its square root


def test_difference(tool: ModuleType) -> None:
    def detections(*rows: list[float]) -> Detections:
        values = np.array(rows).reshape(-1, 5)
        return Detections(values[:, :4], values[:, 4])

    first = detections([0, 0, 10, 10, 0.9], [50, 50, 60, 60, 0.5])
    # Half a pixel away; a second beside it, farther; one more than a pixel from the other.
    found = detections([0, 0, 10.5, 10, 0.8], [0, 0.8, 10, 10, 0.1], [50, 52, 60, 60, 0.5])
    assert tool.difference(found, first) == (3, 0.5, pytest.approx(0.1))
    assert tool.difference(detections(), first) == (2, 0, 0)
    assert tool.difference(found, detections()) == (3, 0, 0)


def test_evenly_spread(tool: ModuleType) -> None:
    truth = dict.fromkeys("abcdefg")
    assert "".join(tool.evenly_spread(truth, 3)) == "ace"
    assert "".join(tool.evenly_spread(truth, None)) == "abcdefg"
    assert "".join(tool.evenly_spread(truth, 9)) == "abcdefg"


@pytest.mark.parametrize(
    ("option", "name", "message"),
    [
        ("--onnx", "nowhere.onnx", "model .*nowhere.onnx not found"),
        ("--opencv", "nowhere.onnx", "model .*nowhere.onnx not found"),
        ("--onnx", "fixed.onnx", "takes images of 64 x 64 only.*export --dynamic"),
        ("--onnx", "nms.onnx", "export with tools/export_onnx.py, without --with-nms"),
        ("--nms", "dynamic.onnx", r"\['boxes', 'scores'\] are needed: export --with-nms"),
        ("--opencv", "nms.onnx", f"OpenCV {re.escape(cv2.__version__)} cannot run it"),
    ],
)
def test_a_file_of_another_kind(
    tool: ModuleType,
    shared_data: Path,
    files: Path,
    monkeypatch: pytest.MonkeyPatch,
    option: str,
    name: str,
    message: str,
) -> None:
    with pytest.raises(SystemExit, match=f"(?s)error: .*{message}"):
        run(tool, monkeypatch, shared_data / "widerface", option, files / name)


def test_bad_arguments(
    tool: ModuleType,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for arguments in (["root"], ["root", "--onnx", "x.onnx", "--most", "0"]):
        with pytest.raises(SystemExit, match="2"):
            run(tool, monkeypatch, *arguments)
    said = capsys.readouterr().err
    assert "give at least one of --torch, --onnx, --nms, --opencv" in said
    assert "--most must be at least 1, got 0" in said
    with pytest.raises(SystemExit, match=r"error: labels .*labelv2/val/gt not found"):
        run(tool, monkeypatch, tmp_path, "--onnx", "x.onnx")


def test_an_unreadable_image_is_named(tool: ModuleType, tmp_path: Path) -> None:
    form = tool.Form("nothing", Path("x"), lambda _: pytest.fail("was shown the image"))
    (tmp_path / "0--Parade").mkdir()
    (tmp_path / "0--Parade/one.jpg").write_bytes(b"no picture")
    with pytest.raises(ValueError, match=r"0--Parade/one\.jpg: not an image"):
        tool.detect_all([form], tmp_path, {"0--Parade/one": None})
