"""tools/analysis/runtimes.py: its table by hand, its forms against each other, and the page."""

import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from unittest.mock import Mock

import cv2
import numpy as np
import onnx
import pytest
from helpers.tiny_model import TinyModel, write_tiny_model
from wider_files import write_ground_truth

from mmeiou.deploy.browser.runtime import cached_package
from mmeiou.deploy.int8.quantize import prepare, quantize

ROW = {
    "model": "yunet_n", "runtime": "ncnn", "numbers": "float32", "easy": "0.9000",
    "medium": "0.8000", "hard": "0.7000", "nme": "5.69", "kb": "303", "ratio_320": "1.22",
    "ratio_640": "1.30", "version": "1.0",
}  # fmt: skip


@pytest.fixture(scope="module")
def tiny(repo: Path, tmp_path_factory: pytest.TempPathFactory) -> TinyModel:
    return write_tiny_model(repo, tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def resources() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def test_the_page_has_what_the_csv_file_has(repo: Path, import_tool):
    tool = import_tool("runtimes")
    rows = tool.read_rows(repo / "docs/results/runtimes.csv")
    assert {row["model"] for row in rows} == {"yunet_n", "yunet_s"}
    section = re.search(
        r"<!-- runtimes.*?-->\n(.*?)<!-- /runtimes -->",
        (repo / "docs/deploy.md").read_text(),
        re.DOTALL,
    )
    assert section
    assert section[1] == f"\n{tool.table(rows)}\n"


def test_table_by_hand(import_tool):
    tool = import_tool("runtimes")
    header, line, row, blank, footnote, *_ = tool.table([ROW]).splitlines()
    assert header.count("|") == line.count("|") == row.count("|") == 11
    assert row == (
        "| yunet_n | ncnn | float32 | 0.9000 | 0.8000 | 0.7000 | 5.69 | 303 | 1.22 | 1.30 |"
    )
    assert not blank
    assert footnote.endswith("ncnn 1.0.")


def test_rows_go_through_the_file(import_tool, tmp_path: Path):
    tool = import_tool("runtimes")
    assert tool.read_rows(tmp_path / "none.csv") == []
    tool.write_rows(tmp_path / "new/a.csv", [ROW, {**ROW, "model": "yunet_s"}])
    assert tool.read_rows(tmp_path / "new/a.csv") == [ROW, {**ROW, "model": "yunet_s"}]
    (tmp_path / "b.csv").write_text("model,ap\n")
    with pytest.raises(ValueError, match=r"b\.csv: columns \['model', 'ap'\], expected model, run"):
        tool.read_rows(tmp_path / "b.csv")


def test_rows_measured_again_take_their_places(import_tool):
    tool = import_tool("runtimes")
    first, second, other = ROW, {**ROW, "numbers": "INT8"}, {**ROW, "model": "yunet_s"}
    again, new = {**ROW, "nme": "5.70"}, {**ROW, "runtime": "OpenCV 5, new engine"}
    assert tool.merged([first, second, other], [new, again]) == [again, second, new, other]
    assert tool.merged([], [first, other, second]) == [first, second, other]


def test_engines_have_names(import_tool, monkeypatch):
    tool = import_tool("runtime_forms")
    monkeypatch.delattr(tool.cv2.dnn, "ENGINE_NEW", raising=False)
    assert tool._opencv_name(["Convolution"]) == "OpenCV"
    monkeypatch.setattr(tool.cv2.dnn, "ENGINE_NEW", 2, raising=False)
    assert tool._opencv_name(["Convolution", "ReLU"]) == "OpenCV 5, classic engine"
    assert tool._opencv_name(["Conv2", "Sigmoid"]) == "OpenCV 5, new engine"


def test_medians_do_not_count_the_first_rounds(import_tool):
    tool = import_tool("runtimes")
    # The first two are slow; then 1, 5, 1 seconds, or ten times that.
    runs = [iter([100 * k, 100 * k, 1 * k, 5 * k, 1 * k]).__next__ for k in (1, 10)]
    assert tool.medians(runs, 3) == [1, 10]
    with pytest.raises(StopIteration):
        runs[0]()


def test_every_form_finds_the_same(
    import_tool, tiny: TinyModel, resources: ExitStack, tmp_path: Path, monkeypatch
):
    tool = import_tool("runtime_forms")
    if not cached_package().is_file():  # tests fetch nothing
        monkeypatch.setattr(tool, "chromium", Mock(side_effect=ImportError))
    batches = np.random.default_rng(1).uniform(0, 255, (2, 1, 3, 64, 96)).astype(np.float32)
    int8 = tmp_path / "int8.onnx"
    onnx.save(quantize(prepare(onnx.load(tiny.dynamic)), list(batches)), int8)
    trained = (str(tiny.config), str(tiny.checkpoint))
    found = list(tool.forms(tiny.dynamic, int8, trained, tmp_path, resources))
    kinds = [(form.runtime, form.numbers) for form in found]
    assert kinds[:2] == [("PyTorch", "float32"), ("ONNX Runtime", "float32")]
    assert kinds[2][0].startswith("OpenCV")
    assert ("ONNX Runtime", "INT8") in kinds
    assert len(set(kinds)) == len(kinds)
    image = np.random.default_rng(0).integers(0, 256, (60, 90, 3), dtype=np.uint8)
    expected = found[1].faces(image)
    assert len(expected) > 10
    for form in found:
        faces = form.faces(image)
        # OpenCV cuts boxes to whole pixels before it suppresses; its best face is the same.
        exact = form.numbers == "float32" and not form.runtime.startswith("OpenCV")
        few = slice(None) if exact else slice(1)
        atol = 1e-3 if form.numbers == "float32" else 0.2
        np.testing.assert_allclose(faces.scores[few], expected.scores[few], atol=atol)
        if form.numbers == "float32":
            np.testing.assert_allclose(faces.boxes[few], expected.boxes[few], atol=0.01)
            np.testing.assert_allclose(faces.landmarks[few], expected.landmarks[few], atol=0.01)
        assert form.seconds(tool.noise((64, 32))) >= 0
    assert all(form.bytes > 0 and form.release for form in found)


def test_a_missing_package_is_left_out_aloud(
    import_tool, tiny, resources: ExitStack, tmp_path: Path, monkeypatch, capsys
):
    tool = import_tool("runtime_forms")

    def without(*_: object, **__: object) -> None:
        raise ImportError("pip install 'mmeiou[something]'")

    for name in ("convert", "chromium", "LibFaceDetection"):
        monkeypatch.setattr(tool, name, without)
    trained = (str(tiny.config), str(tiny.checkpoint))
    found = list(tool.forms(tiny.dynamic, None, trained, tmp_path, resources))
    assert {form.runtime.split()[0] for form in found} == {"PyTorch", "ONNX", "OpenCV"}
    assert capsys.readouterr().out.count("left out: pip install 'mmeiou[something]'") == 6


def test_bad_arguments(run_tool, tmp_path: Path, capsys):
    with pytest.raises(SystemExit, match="2"):
        run_tool("runtimes", "a.onnx", "--csv", tmp_path / "a.csv")
    assert "a model needs --widerface and --faces" in capsys.readouterr().err
    folders = ("--widerface", tmp_path, "--faces", tmp_path)
    with pytest.raises(SystemExit, match=r"error: model nowhere\.onnx not found"):
        run_tool("runtimes", "nowhere.onnx", *folders, "--csv", tmp_path / "a.csv")
    assert not (tmp_path / "a.csv").exists()


def test_what_is_to_be_read_is_read_before_the_work(
    run_tool, import_tool, tiny, tmp_path: Path, monkeypatch
):
    monkeypatch.setattr(import_tool("runtime_forms"), "forms", lambda *_: pytest.fail("it began"))
    page = tmp_path / "page.md"
    page.write_text("<!-- runtimes -->\n<!-- /runtimes -->\n")
    given = {"--widerface": tmp_path, "--faces": tmp_path, "--csv": tmp_path / "a.csv"}
    given["--page"] = page

    def run() -> None:
        run_tool("runtimes", tiny.dynamic, *(word for pair in given.items() for word in pair))

    with pytest.raises(SystemExit, match=r"error: labels .*landmarks\.csv not found"):
        run()
    (tmp_path / "images").mkdir()
    cv2.imwrite(str(tmp_path / "images/a.png"), np.zeros((50, 50, 3), np.uint8))
    table = "image,x1,y1,x2,y2,a_x,a_y,b_x,b_y\na.png,0,0,20,20,5,5,15,5\n"
    (tmp_path / "landmarks.csv").write_text(table)
    with pytest.raises(SystemExit, match=r"error: labels .*gt not found"):
        run()
    write_ground_truth(tmp_path / "labelv2/val/gt")
    with pytest.raises(SystemExit, match=r"error: d\.onnx gives 5 landmarks, but the .* have 2"):
        run()
    page.write_text("")
    with pytest.raises(SystemExit, match=r"page\.md: lines '<!-- runtimes -->'"):
        run()
