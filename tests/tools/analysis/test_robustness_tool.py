"""tools/analysis/robustness.py on made-up pictures, and its page against its table."""

import csv

import cv2
import numpy as np
import pytest
import torch
from mmengine.registry import init_default_scope
from wider_files import write_ground_truth

from mmeiou.config import read_config
from mmeiou.evaluation.robustness import Condition, all_conditions
from mmeiou.registry import MODELS
from mmeiou.visualization.sheet import contact_sheet

CONFIG = "configs/yunet/yunet-n_2xb16-640e_widerface.py"


@pytest.fixture(scope="module")
def sets(tmp_path_factory):
    """A picture in WIDER FACE's layout, one with landmarks, and weights that find nothing."""
    root = tmp_path_factory.mktemp("sets")
    pixels = np.random.default_rng(0).integers(0, 256, (64, 96, 3), dtype=np.uint8)
    for file in ("wider/WIDER_val/images/0--Parade/a.jpg", "faces/images/a.png"):
        (root / file).parent.mkdir(parents=True)
        cv2.imwrite(str(root / file), pixels)
    truth = {"0--Parade/a": ([[10, 10, 30, 30]], [[1], [1], [1]])}
    write_ground_truth(root / "wider/labelv2/val/gt", truth)
    header = "image,x1,y1,x2,y2,right_eye_x,right_eye_y,left_eye_x,left_eye_y"
    header += ",nose_x,nose_y,right_mouth_corner_x,right_mouth_corner_y"
    header += ",left_mouth_corner_x,left_mouth_corner_y"
    row = "a.png,10,10,40,40,18,20,32,20,25,27,20,34,30,34"
    (root / "faces/landmarks.csv").write_text(f"{header}\n{row}\n")
    cfg = read_config(CONFIG)
    init_default_scope(cfg.default_scope)
    torch.manual_seed(0)
    torch.save(MODELS.build(cfg.model).state_dict(), root / "random.pth")
    return root


def test_a_table_a_figure_and_a_sheet(run_tool, sets, tmp_path):
    options = ("--wider", sets / "wider", "--landmarks", sets / "faces")
    options += ("--torch", CONFIG, sets / "random.pth", "--side", 64)
    options += ("--corruptions", "grey", "rotation", "--csv", tmp_path / "a.csv")
    options += ("--figure", tmp_path / "a.png", "--sheet", tmp_path / "sheet.png")
    printed = run_tool("robustness", *options)
    with (tmp_path / "a.csv").open() as file:
        rows = list(csv.DictReader(file))
    conditions = [(row["corruption"], row["strength"]) for row in rows]
    turns = [("rotation", angle) for angle in ("15", "30", "45", "90")]
    assert conditions == [("none", "0"), ("grey", "1"), *turns]
    assert {row["model"] for row in rows} == {"random.pth"}
    for row in rows:
        assert (row["side"], row["wider_images"], row["landmark_images"]) == ("64", "1", "1")
        assert 0 <= float(row["hard"]) <= 1
        assert 0 <= float(row["found"]) <= 1
    assert printed.count("\n| rotation |") == 4
    assert cv2.imread(str(tmp_path / "a.png")) is not None
    assert "\ngrey: share of colour taken away\nrotation: degrees, to the left or to" in printed
    # 6 pictures of 64 x 43 pixels, four in a row
    sheet = cv2.imread(str(tmp_path / "sheet.png"))
    assert sheet.shape[1] >= 4 * 64


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"--landmarks": "nowhere"}, "nowhere"),
        ({"--sheet": "sheet.nothing"}, "OpenCV writes no such format"),
        ({"--torch": (CONFIG, "no.pth")}, r"no\.pth"),
    ],
)
def test_what_is_missing_is_named(run_tool, sets, change, message):
    options = {"--landmarks": sets / "faces", "--torch": (CONFIG, sets / "random.pth")} | change
    flat = []
    for name, value in options.items():
        flat += [name, *(value if isinstance(value, tuple) else (value,))]
    with pytest.raises(SystemExit, match=message):
        run_tool("robustness", *flat)


@pytest.mark.parametrize("options", [(), ("--landmarks", "faces"), ("a.onnx",)])
def test_nothing_to_do_is_refused(run_tool, options, capsys):
    with pytest.raises(SystemExit):
        run_tool("robustness", *options)
    assert "give" in capsys.readouterr().err


def test_captions_fit_above_a_picture_of_160_pixels(import_tool):
    caption = import_tool("robustness").caption
    assert caption(Condition("low_contrast", 0.25)) == "low contrast 0.25"
    for text in map(caption, all_conditions()):
        small, large = (
            contact_sheet([(np.zeros((9, side, 3), np.uint8), text)], 1, side)[:22]
            for side in (160, 640)
        )
        np.testing.assert_array_equal(small[:, :160], large[:, :160])  # nothing is cut off


def test_other_landmarks_than_the_models_are_refused(run_tool, sets, tmp_path):
    (tmp_path / "images").symlink_to(sets / "faces/images")
    rows = "image,x1,y1,x2,y2,a_x,a_y,b_x,b_y\na.png,10,10,40,40,18,20,32,20\n"
    (tmp_path / "landmarks.csv").write_text(rows)
    options = ("--landmarks", tmp_path, "--torch", CONFIG, sets / "random.pth")
    with pytest.raises(
        SystemExit, match=r"error: random\.pth gives 5 landmarks, but the .* have 2"
    ):
        run_tool("robustness", *options)


def test_table_by_hand(import_tool):
    tool = import_tool("robustness_table")
    common = {"side": "640", "wider_images": "7", "landmark_images": "5"}
    common |= {"easy": "0.9", "medium": "0.8", "hard": "0.7", "found": "1.0"}
    rows = [
        {"model": model, "corruption": kind, "strength": strength, "nme": nme, **common}
        for kind, strength, nme in (("none", "0", "0.05"), ("low_contrast", "0.5", "nan"))
        for model in ("a", "b")
    ]
    lines = tool.table(rows).splitlines()
    assert lines[0].startswith("| corruption | strength | a easy | a medium | a hard | b easy |")
    points = "100.0 | 5.0 | 100.0 | 5.0 |"
    assert lines[2] == f"| none |  | 90.0 | 80.0 | 70.0 | 90.0 | 80.0 | 70.0 | {points}"
    assert lines[3].startswith("| low contrast | 0.5 | 90.0 |")
    assert lines[3].endswith("| 100.0 |  | 100.0 |  |")
    assert "AP of 7 pictures" in lines[5]


def test_the_page_shows_the_table_of_the_results(import_tool):
    tool = import_tool("robustness_table")
    page = tool.PAGE.read_text()
    new = tool.section(tool.read(tool.RESULTS))
    assert tool.replace_section(page, "robustness", new, tool.PAGE) == page
