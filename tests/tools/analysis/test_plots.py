"""tools/analysis: plot_curves.py, plot_precision_recall.py and plot_sizes.py."""

import json
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
import pytest
from wider_files import write_ground_truth, write_text

from mmeiou.functional.wider_ap import FaceImage, WIDERProtocol
from mmeiou.visualization.figures import figure


@pytest.fixture
def figures(monkeypatch):
    """Keep the figures that a module draws, to look into."""
    seen: list = []

    def watch(module) -> list:
        @contextmanager
        def keep(*args):
            with figure(*args) as drawn:
                seen.append(drawn)
                yield drawn

        monkeypatch.setattr(module, "figure", keep)
        return seen

    return watch


@pytest.fixture
def runs(tmp_path):
    for name, loss in (("a", 4.0), ("b", 2.0)):
        folder = tmp_path / name / "work" / "20250101_000000" / "vis_data"
        folder.mkdir(parents=True)
        lines = ({"loss": loss, "lr": 0.1, "iter": 10}, {"loss": loss / 2, "lr": 0.1, "iter": 20})
        (folder / "scalars.json").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return [tmp_path / "a" / "work", tmp_path / "b" / "work"]


def test_curves_of_one_and_of_two_runs(run_tool, runs, tmp_path) -> None:
    run_tool("plot_curves", runs[0], tmp_path / "one.png")
    run_tool("plot_curves", *runs, tmp_path / "new" / "two.png")
    one, two = (cv2.imread(str(tmp_path / name)) for name in ("one.png", "new/two.png"))
    assert one.shape == two.shape
    orange = np.array([0x00, 0x5E, 0xD5])  # BGR, of the second run
    one_has, two_has = ((np.abs(i.astype(int) - orange).max(2) < 20).sum() for i in (one, two))
    assert one_has == 0
    assert two_has > 100
    with pytest.raises(SystemExit, match=r"plot_curves: no log of a training run in .*gone"):
        run_tool("plot_curves", tmp_path / "gone", tmp_path / "c.png")


def test_precision_recall_by_hand(import_tool, figures, tmp_path) -> None:
    """Two faces; one is found at a score of 1, a false one follows at 0."""
    tool = import_tool("plot_precision_recall")
    labels = tool.labels_from(
        write_ground_truth(
            tmp_path / "gt", {"0--A/one": ([[0, 0, 9, 9], [30, 30, 9, 9]], [[1], [1, 2], [1, 2]])}
        )
    )
    write_text(tmp_path / "pred", "0--A/one", "0 0 9 9 1", "60 60 9 9 0")
    found = {"mine": tool.read_predictions(tmp_path / "pred")}
    seen = figures(tool)
    tool.plot(tmp_path / "pr.png", labels, found, WIDERProtocol())
    easy, medium, hard = seen[0].axes
    assert [axes.get_title() for axes in seen[0].axes] == ["easy", "medium", "hard"]
    recall, precision = easy.lines[0].get_data()
    assert set(recall) == {1}
    assert sorted(set(precision)) == [0.5, 1]
    recall, precision = medium.lines[0].get_data()
    assert set(recall) == {0.5}
    assert sorted(set(precision)) == [0.5, 1]
    assert easy.lines[0].get_label() == "1.0000 mine"
    assert hard.lines[0].get_label() == "0.5000 mine"


def test_precision_recall_of_the_tool(run_tool, tmp_path, capsys) -> None:
    write_ground_truth(tmp_path / "gt")
    for folder in ("first", "second"):
        write_text(tmp_path / folder, "9--Press/one", "0 0 19 19 0.9")
    paths = [tmp_path / name for name in ("gt", "first", "second")]
    run_tool("plot_precision_recall", *paths, "--out", tmp_path / "pr.png")
    assert cv2.imread(str(tmp_path / "pr.png")).shape[:2] == (506, 1386)
    with pytest.raises(SystemExit):
        run_tool("plot_precision_recall", *paths, "--out", tmp_path / "x.png", "--names", "one")
    assert "2 different ones are needed, got ['one']" in capsys.readouterr().err
    with pytest.raises(SystemExit, match=r"precision_recall: .*gone\.pkl not found"):
        run_tool("plot_precision_recall", paths[0], "gone.pkl", "--out", tmp_path / "x.png")


def test_sizes_are_square_roots_of_areas(import_tool) -> None:
    tool = import_tool("plot_sizes")
    np.testing.assert_allclose(tool.sizes([[0, 0, 4, 9], [5, 5, 5, 9]]), [6, 0])
    assert tool.sizes([]).shape == (0,)


def test_recall_counts_faces_of_the_last_subset(import_tool) -> None:
    tool = import_tool("plot_sizes")
    faces = np.array([[0.0, 0, 10, 10], [50, 50, 60, 60], [100, 100, 200, 200], [0, 50, 9, 59]])
    kept = np.array([[True, True, True, True], [True, True, True, False]])
    image = FaceImage(faces[[0, 3]], np.array([0.9, 0.9]), faces, kept)
    recall = tool.recall_by_size([image], 0.3)
    small, large = (int(np.searchsorted(tool.EDGES, size, "right")) - 1 for size in (10, 100))
    assert (recall.faces[small], recall.found[small]) == (2, 1)
    assert (recall.faces[large], recall.found[large]) == (1, 0)
    assert recall.faces.sum() == 3


@pytest.mark.parametrize(
    ("model", "strides"),
    [
        ({"bbox_head": {"strides": (8, 16, 32)}}, [8, 16, 32]),
        ({"bbox_head": {"anchor_generator": {"strides": [8, 128]}}}, [8, 128]),
        ({"rpn_head": {"anchor_generator": {"strides": [4, 8]}}, "roi_head": {}}, [4, 8]),
        ({"bbox_head": {"prior_generator": {"strides": [(8, 8), (16, 16)]}}}, [8, 16]),
        ({"bbox_head": [{}, {}]}, []),
        ({}, []),
    ],
)
def test_strides_of_configs(model, strides, import_tool) -> None:
    assert import_tool("plot_sizes").strides_of(model) == strides


def test_histograms_and_strides(import_tool, figures, tmp_path) -> None:
    tool = import_tool("plot_sizes")
    seen = figures(tool)
    recall = tool.Recall(np.full(22, 20), np.full(22, 5))
    recall.faces[0] = recall.found[0] = 0
    values = {"as labelled": np.array([10.0, 10, 100]), "augmented": np.array([30.0])}
    tool.plot(tmp_path / "sizes.png", values, [8, 16], recall)
    top, bottom = seen[0].axes
    assert [text.get_text() for text in top.texts] == ["stride 8", "stride 16"]
    assert [line.get_xdata()[0] for line in top.lines] == [8, 16]
    labels = [text.get_text() for text in top.get_legend().texts]
    assert labels == ["as labelled: 3 boxes, median 10 px", "augmented: 1 boxes, median 30 px"]
    heights = top.patches[0].get_xy()[:, 1]
    assert heights.max() == pytest.approx(200 / 3)  # two of three, in per cent
    (steps,) = bottom.patches[:1]
    drawn = steps.get_data().values
    assert np.isnan(drawn[0])  # there are none
    assert [text.get_text() for text in bottom.texts] == ["20"] * 21
    assert set(drawn[1:]) == {0.25}


def test_sizes_of_the_tool(run_tool, config, tiny, tmp_path) -> None:
    label = (tiny / "labelv2/val/labelv2.txt").read_text().splitlines()
    x1, y1, x2, y2 = map(float, label[1].split()[:4])
    write_text(tmp_path / "pred", "0--Squares/0_Squares_0", f"{x1} {y1} {x2 - x1} {y2 - y1} 0.9")
    run_tool(
        *("plot_sizes", config, "--out", tmp_path / "a.png", "--number", 8),
        *("--predictions", tmp_path / "pred"),
    )
    run_tool("plot_sizes", config, "--out", tmp_path / "b.png", "--split", "val")
    tall, low = (cv2.imread(str(tmp_path / name)).shape[0] for name in ("a.png", "b.png"))
    assert tall > low > 300
    with pytest.raises(SystemExit, match=r"plot_sizes: config not found: gone\.py"):
        run_tool("plot_sizes", Path("gone.py"), "--out", tmp_path / "c.png")
