"""Pictures of faces and of training runs."""

import json
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
import pytest

from mmeiou.visualization import Curves, draw_faces, plot_curves, plot_runs, read_curves, tile
from mmeiou.visualization.faces import BOX_COLOUR, LANDMARK_COLOURS
from mmeiou.visualization.figures import figure

BOX = np.array([[20.2, 30.4, 60.4, 79.6]], np.float32)
POINTS = [[30, 45], [50, 45], [40, 55], [32, 65], [48, 65]]


def test_boxes_and_landmarks_are_where_they_should_be() -> None:
    image = np.zeros((100, 100, 3), np.uint8)
    keypoints = np.array([[[x, y, 1] for x, y in POINTS]], np.float32)
    keypoints[0, 2, 2] = 0  # not labelled
    drawn = draw_faces(image, BOX, keypoints=keypoints)
    assert not image.any()
    y, x = np.nonzero((drawn == BOX_COLOUR).all(2))
    assert (x.min(), y.min(), x.max(), y.max()) == (20, 30, 60, 80)
    for k, (px, py) in enumerate(POINTS):
        expected = (0, 0, 0) if k == 2 else LANDMARK_COLOURS[k]
        assert tuple(drawn[py, px]) == expected


def test_points_without_weights_are_all_drawn_and_scores_written() -> None:
    image = np.zeros((100, 100, 3), np.uint8)
    points = np.array([POINTS], np.float32)
    with_points = draw_faces(image, BOX, keypoints=points)
    assert all(with_points[y, x].any() for x, y in POINTS)
    with_score = draw_faces(image, BOX, scores=np.array([0.87], np.float32))
    assert with_score[15:29, 20:50].min(2).max() > 180  # white strokes above the box
    assert not draw_faces(image, BOX[:0], np.zeros(0, np.float32)).any()


def test_tiles_are_shrunk_but_never_enlarged() -> None:
    small = np.full((10, 20, 3), 50, np.uint8)
    large = np.full((200, 100, 3), 90, np.uint8)
    grid = tile([small, large, small, small], columns=3, side=50)
    assert grid.shape == (100, 150, 3)
    assert (grid[:10, :20] == 50).all()
    assert not grid[10:50, :50].any()
    assert (grid[:50, 50:75] == 90).all()
    assert not grid[:50, 75:100].any()
    assert (grid[50:60, :20] == 50).all()


def _log(work_dir: Path, run: str, *lines: dict[str, float]) -> None:
    folder = work_dir / run / "vis_data"
    folder.mkdir(parents=True)
    (folder / "scalars.json").write_text("".join(json.dumps(line) + "\n" for line in lines))


def test_a_run_that_began_anew_is_shown_alone(tmp_path: Path) -> None:
    _log(tmp_path, "20250101_000000", {"loss": 9.0, "iter": 1}, {"WIDERFace/AP": 0.1, "step": 1})
    _log(
        tmp_path,
        "20250102_000000",
        {"loss": 5.0, "iter": 10, "epoch": 1},
        {"loss": 4.0, "iter": 20, "epoch": 1},
        {"WIDERFace/AP": 0.3, "step": 1},
        {"loss": 3.0, "iter": 30, "epoch": 2},
        {"WIDERFace/AP": 0.6, "step": 2},
    )
    curves = read_curves(tmp_path)
    assert curves.loss == [(10, 5.0), (20, 4.0), (30, 3.0)]
    assert curves.metrics == {"WIDERFace/AP": [(20, 0.3), (30, 0.6)]}


def test_a_resumed_run_replaces_what_it_repeats_and_tests_are_left_out(tmp_path: Path) -> None:
    _log(  # a checkpoint after iteration 20, interrupted after 30
        tmp_path,
        "20250101_000000",
        {"loss": 9.0, "loss_a": 4.0, "lr": 0.1, "iter": 10},
        {"loss": 8.0, "loss_a": 3.0, "lr": 0.2, "iter": 20},
        {"WIDERFace/AP": 0.1, "step": 1},
        {"loss": 7.0, "loss_a": 2.0, "lr": 0.3, "iter": 30},
        {"WIDERFace/AP": 0.9, "WIDERFace/old": 0.9, "step": 2},
    )
    _log(
        tmp_path,
        "20250102_000000",
        {"loss": 6.0, "lr": 0.4, "iter": 30},
        {"loss": 5.0, "lr": 0.5, "iter": 40},
        {"WIDERFace/AP": 0.2, "step": 2},
    )
    _log(tmp_path, "20250103_000000", {"WIDERFace/AP": 0.7, "step": 0})
    curves = read_curves(tmp_path)
    assert curves.loss == [(10, 9.0), (20, 8.0), (30, 6.0), (40, 5.0)]
    assert curves.parts == {"loss_a": [(10, 4.0), (20, 3.0)]}
    assert curves.lr == [(10, 0.1), (20, 0.2), (30, 0.4), (40, 0.5)]
    assert curves.metrics == {"WIDERFace/AP": [(20, 0.1), (40, 0.2)]}


def test_a_run_without_result_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no log"):
        read_curves(tmp_path)
    _log(tmp_path, "20250101_000000", {"loss": 9.0, "iter": 1})
    with pytest.raises(ValueError, match="WIDERFace/"):
        read_curves(tmp_path)


def test_terms_of_the_loss_the_learning_rate_and_any_metric(tmp_path: Path) -> None:
    _log(
        tmp_path,
        "20250101_000000",
        {"lr": 0.1, "loss": 5.0, "loss_cls": 2.0, "loss_bbox": 3.0, "iter": 10, "time": 1.0},
        {"lr": 0.2, "loss": 4.0, "loss_cls": 1.0, "loss_bbox": 3.0, "iter": 20, "time": 1.0},
        {
            "coco/bbox_mAP": 0.5,
            "coco/bbox_mAP_s": -1.0,
            "data_time": 0.1,
            "time": 0.2,
            "step": 1,
            "note": "text",
        },
    )
    curves = read_curves(tmp_path / "20250101_000000", prefix="")  # a log's own folder
    assert curves.parts == {"loss_cls": [(10, 2.0), (20, 1.0)], "loss_bbox": [(10, 3.0), (20, 3.0)]}
    assert curves.lr == [(10, 0.1), (20, 0.2)]
    assert curves.metrics == {"coco/bbox_mAP": [(20, 0.5)]}
    log = tmp_path / "20250101_000000/vis_data/scalars.json"
    assert read_curves(log, prefix="") == curves
    log.write_text(log.read_text() + "[1]\n")
    with pytest.raises(ValueError, match=r"scalars\.json:4: not a line of MMEngine's"):
        read_curves(tmp_path, prefix="")


def test_a_run_that_was_not_validated_yet(tmp_path: Path) -> None:
    _log(tmp_path, "20250101_000000", {"loss": 9.0, "iter": 1})
    assert read_curves(tmp_path, prefix="").metrics == {}


@pytest.fixture
def figures(monkeypatch: pytest.MonkeyPatch) -> list:
    """The figures that are drawn, to look into."""
    seen = []

    @contextmanager
    def keep(*args):
        with figure(*args) as drawn:
            seen.append(drawn)
            yield drawn

    monkeypatch.setattr("mmeiou.visualization.curves.figure", keep)
    return seen


def test_a_single_run_shows_all_terms(figures: list, tmp_path: Path) -> None:
    run = Curves(
        [(10, 8.0), (20, 4.0)],
        {"AP": [(20, 0.9)]},
        {"loss_cls": [(10, 5.0), (20, 1.0)]},
        [(10, 0.1), (20, 0.2)],
    )
    plot_runs(tmp_path / "one.png", {"first": run}, floor=0.5)
    loss, lr, metrics = figures[0].axes
    drawn = {line.get_label(): line.get_xydata().tolist() for line in loss.lines}
    assert drawn == {"loss": [[10, 8], [20, 4]], "loss_cls": [[10, 5], [20, 1]]}
    assert lr.lines[0].get_xydata().tolist() == [[10, 0.1], [20, 0.2]]
    assert [line.get_label() for line in metrics.lines] == ["at least 0.5", "AP"]
    assert metrics.lines[1].get_xydata().tolist() == [[20, 0.9]]
    assert len({line.get_color() for line in loss.lines}) == 2
    image = cv2.imread(str(tmp_path / "one.png"))
    orange = np.array([0x00, 0x5E, 0xD5])  # BGR of the second colour: loss_cls
    assert (np.abs(image.astype(int) - orange).max(2) < 40).sum() > 100


def test_several_runs_differ_by_colour_and_metrics_by_line(figures: list, tmp_path: Path) -> None:
    points = [(10, 0.5), (20, 0.6)]
    run = Curves([(10, 8.0), (20, 4.0)], {"AP": points, "AR": points}, {"loss_cls": points})
    plot_runs(tmp_path / "two.png", {"a": run, "b": run})
    loss, metrics = figures[0].axes
    assert [line.get_label() for line in loss.lines] == ["loss, a", "loss, b"]
    style = {line.get_label(): (line.get_color(), line.get_ls()) for line in metrics.lines}
    assert style["AP, a"][0] == style["AR, a"][0] != style["AP, b"][0]
    assert style["AP, a"][1] == style["AP, b"][1] != style["AR, a"][1]


def test_curves_are_drawn_with_and_without_floor(tmp_path: Path) -> None:
    curves = Curves([(10, 8.0), (20, 4.0), (30, 2.0)], {"AP": [(15, 0.4), (30, 0.9)]})
    plot_curves(tmp_path / "floor.png", curves, "run", floor=0.9)
    plot_curves(tmp_path / "plain.png", curves, "run")
    floor, plain = (cv2.imread(str(tmp_path / f"{name}.png")) for name in ("floor", "plain"))
    assert floor.shape == plain.shape
    assert (floor != plain).any()
