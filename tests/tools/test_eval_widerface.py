"""tools/analysis/eval_widerface.py and tools/benchmark/wider_ap.py."""

import json
import re
import runpy
import subprocess
import sys
import tarfile

import pytest
from wider_files import write_ground_truth, write_text


@pytest.fixture
def dirs(tmp_path):
    """Predictions for two of the three images of tests/wider_files.py, and the ground truth."""
    write_text(tmp_path / "pred", "0--Parade/jpg.of.gpj", "10 10 9 9 0.9", "70 70 9 9 0.1")
    write_text(tmp_path / "pred", "9--Press/one")
    return tmp_path / "pred", write_ground_truth(tmp_path / "gt")


@pytest.fixture
def evaluate(repo, monkeypatch, capsys):
    """Run the tool in this process; returns stdout, stderr."""

    def run(*args):
        script = repo / "tools" / "analysis" / "eval_widerface.py"
        monkeypatch.setattr(sys, "argv", [str(script), *map(str, args)])
        runpy.run_path(str(script), run_name="__main__")
        return capsys.readouterr()

    return run


def test_table_protocol_and_json(dirs, evaluate, tmp_path):
    out, err = evaluate(*dirs, "--json", tmp_path / "new" / "out.json")
    lines = out.splitlines()
    assert [line.split() for line in lines[:4]] == [
        ["subset", "faces", "AP"],
        ["easy", "1", "1.0000"],
        ["medium", "2", "0.5000"],
        ["hard", "3", "0.3333"],
    ]
    assert re.match("WIDER FACE protocol: IoU >= 0.5 .*; 3 images, 2 detections, faces:", lines[4])
    assert "1 of 3 images were not predicted" in err
    assert "2/2" in err  # progress
    result = json.loads((tmp_path / "new" / "out.json").read_text())
    assert result["AP"] == {"easy": 1.0, "medium": 0.5, "hard": pytest.approx(1 / 3)}
    assert result["faces"] == {"easy": 1, "medium": 2, "hard": 3}
    assert result["not_predicted"] == ["0--Parade/no_face"]
    assert result["not_in_ground_truth"] == []


def test_iou_threshold(dirs, evaluate):
    # The detection is 10 x 10 pixels on 10 x 10; make it 10 x 8.
    write_text(dirs[0], "0--Parade/jpg.of.gpj", "10 10 9 7 0.9")
    assert "easy           1   1.0000" in evaluate(*dirs, "--iou-thr", "0.8")[0]
    assert "easy           1   0.0000" in evaluate(*dirs, "--iou-thr", "0.81")[0]


def test_subset_without_faces_is_null(dirs, evaluate, tmp_path):
    write_ground_truth(dirs[1], {"9--Press/one": ([[0, 0, 9, 9]], [[], [1], [1]])})
    out, err = evaluate(*dirs, "--json", tmp_path / "out.json")
    assert "easy           0      nan" in out
    assert "1 predicted images are not in the ground truth" in err
    assert json.loads((tmp_path / "out.json").read_text())["AP"]["easy"] is None


@pytest.mark.parametrize(
    ("break_input", "message"),
    [
        (lambda p, _: write_text(p, "9--Press/one", "1 2 3"), r"one\.txt:3: expected 'x y w h"),
        (lambda p, _: write_text(p, "9--Press/one", count=2), r"one\.txt:2: declares 2 detections"),
        (lambda _, g: (g / "wider_easy_val.mat").unlink(), r"no wider_easy_val\.mat in .*gt"),
        (lambda p, _: p.rename(p.with_name("moved")), r"no prediction files .*pred/<event>"),
    ],
)
def test_bad_input(dirs, evaluate, break_input, message):
    break_input(*dirs)
    with pytest.raises(SystemExit, match=f"error: .*{message}"):
        evaluate(*dirs)


@pytest.fixture(scope="module")
def full_set(shared_data, tmp_path_factory):
    """Predictions of the released YuNet_s on the whole validation set, and the ground truth."""
    source = shared_data / "widerface_predictions"
    pred_dir = tmp_path_factory.mktemp("predictions")
    with tarfile.open(source / "yunet_s_full_val.tar.gz") as archive:
        archive.extractall(pred_dir, filter="data")
    return pred_dir, source / "full_val_gt"


def test_full_validation_set(repo, full_set):
    tool = repo / "tools" / "analysis" / "eval_widerface.py"
    done = subprocess.run([sys.executable, tool, *full_set], capture_output=True, check=True)
    aps = re.findall(r"^(?:easy|medium|hard) .* ([\d.]+)$", done.stdout.decode(), re.MULTILINE)
    assert aps == ["0.8871", "0.8710", "0.7681"]
    assert b"3226 images, 121922 detections" in done.stdout
    assert not re.search(rb"^warning: ", done.stderr, re.MULTILINE)


def test_full_validation_set_within_three_seconds(repo, full_set):
    tool = repo / "tools" / "benchmark" / "wider_ap.py"
    command = [sys.executable, tool, *full_set, "--repeats", "3"]
    done = subprocess.run(command, capture_output=True, check=True, text=True)
    assert float(re.search(r"median ([\d.]+) s", done.stdout)[1]) < 3
