"""tools/analysis/zoo_protocol.py: its protocols by hand, and the page's table."""

import csv
import sys
from pathlib import Path

import numpy as np
import pytest
from wider_files import write_ground_truth, write_text

from mmeiou.labels import Detections


@pytest.fixture
def tool(import_tool):
    return import_tool("zoo_protocol")


def rows_in(tool, path: Path) -> list:
    with path.open(newline="") as file:
        return [tool.Row(**row) for row in csv.DictReader(file)]


def detections(*rows: list[float]) -> Detections:
    values = np.array(rows, float).reshape(-1, 5)
    return Detections(values[:, :4], values[:, 4])


PROPOSED = detections(
    [10.06, 10, 20.04, 20, 0.81], [12.9, 10, 22.5, 20, 0.36], [50, 50, 60, 60, 0.05]
)


def scores(tool, **changes) -> list[float]:
    protocol = tool.Protocol(**changes)
    return tool.apply(PROPOSED, protocol).scores.round(6).tolist()


def test_each_difference_by_hand(tool) -> None:
    """The first two boxes overlap by 0.57, the third stands alone."""
    assert scores(tool) == [0.81, 0.05]
    assert scores(tool, score_thr=0.09) == [0.81]
    assert scores(tool, square_root=True) == [0.9, 0.223607]
    assert scores(tool, square_root=True, rounded=True) == [0.9, 0.224]
    assert scores(tool, top_k=1) == [0.81]
    rounded = tool.apply(PROPOSED, tool.Protocol(rounded=True)).bboxes[0]
    np.testing.assert_allclose(rounded, [10.1, 10, 20.1, 20])
    nothing = tool.apply(detections(), tool.Protocol(filled=True))
    assert (nothing.bboxes.tolist(), nothing.scores.tolist()) == ([[10, 10, 30, 30]], [0.002])
    assert not len(tool.apply(detections(), tool.Protocol()).scores)


def test_nms_on_whole_pixels_keeps_others(tool) -> None:
    """4 of 9.8 pixels overlap, an IoU of 0.41; cut to a width of 6 it is 4 of 8."""
    pair = detections([0, 0, 6.9, 4, 0.9], [2.9, 0, 9.8, 4, 0.8])
    assert len(tool.apply(pair, tool.Protocol()).scores) == 2
    assert len(tool.apply(pair, tool.Protocol(whole_pixels=True)).scores) == 1


def test_predictions_leave_out_what_is_before_nms(tool, tmp_path: Path, capsys) -> None:
    key = "0--Squares/0_Squares_0"
    gt = tmp_path / "gt"
    write_ground_truth(gt, {key: ([[10, 10, 29, 29]], [[1], [1], [1]])})
    write_text(tmp_path / "found", key, "10 10 29 29 0.9", "50 50 20 20 0.05")
    command = ["x", "nowhere", "--predictions", "model", str(tmp_path / "found"), str(gt)]
    out = tmp_path / "rows.csv"
    page = tmp_path / "page.md"
    page.write_text("<!-- zoo-protocol -->\n<!-- /zoo-protocol -->\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", [*command, "--csv", str(out), "--page", str(page)])
        tool.main()
    rows = {row.protocol: row for row in rows_in(tool, out)}
    assert "NMS on whole pixels" not in rows
    assert rows["the authors'"].detections == "2"
    assert rows["score above 0.3 of the square root"].detections == "1"
    assert rows["all of these, but for NMS"].easy == "1.0000"
    assert tool.table(list(rows.values())) in page.read_text()
    assert tool.table(list(rows.values())) in capsys.readouterr().out


def test_all_together_is_what_opencvs_client_finds(tool, repo: Path, shared_data: Path) -> None:
    config = str(repo / "configs/yunet/yunet-s_2xb16-640e_widerface.py")
    backend = tool.TorchBackend(config, shared_data / "weights/yunet_s.pth", "cpu")
    client = tool.Client(str(shared_data / "weights/yunet_s_640_640.onnx"))
    images = shared_data / "widerface/WIDER_val/images"
    keys = [path.relative_to(images).with_suffix("").as_posix() for path in images.rglob("*.jpg")]
    (proposed,), (found,) = tool.detect([backend], [client], images, sorted(keys)[:3])
    assert sum(len(one.scores) for one in found.values()) > 10
    for key, expected in found.items():
        own = tool.apply(proposed[key], tool.PROTOCOLS["all of these"])
        np.testing.assert_allclose(own.scores, expected.scores, atol=2e-3)
        np.testing.assert_allclose(own.bboxes, expected.bboxes, atol=0.21)


def test_the_page_has_the_rows_of_the_file(tool, repo: Path) -> None:
    rows = rows_in(tool, repo / "docs/results/zoo_protocol.csv")
    assert len(rows) > 20
    assert tool.table(rows) in (repo / "docs/reproduction.md").read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--opencv", "nowhere.onnx"], "model nowhere.onnx not found"),
        (["--predictions", "a", "nowhere", "nowhere"], "nowhere not found"),
    ],
)
def test_what_is_not_there(tool, monkeypatch, arguments: list[str], message: str) -> None:
    monkeypatch.setattr(sys, "argv", ["x", "root", *arguments])
    with pytest.raises(SystemExit, match=message):
        tool.main()
