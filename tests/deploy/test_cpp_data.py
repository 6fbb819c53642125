"""The C++ data of a YuNet_s, compiled and run by a program of ours.

By the library itself: tests/tools/analysis/test_libfacedetection.py.
"""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import MODELS, init_default_scope

from mmeiou.deploy.cpp_data import convolutions_of, export_cpp
from mmeiou.deploy.yunet_graph import contract_outputs

sys.path.append(str(Path(__file__).parents[2] / "tools" / "analysis"))
from libfacedetection import HEADER

CONFIGS = "configs/yunet/yunet-{}_2xb16-640e_widerface.py"


def compile_cpp(*arguments: str | Path) -> None:
    compiler = shutil.which("g++")
    if compiler is None:
        pytest.skip("no g++ to compile the C++ data with")
    done = subprocess.run(
        [compiler, "-std=c++17", "-O2", "-Wall", "-Wextra", "-Werror", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def yunet(repo: Path, size: str = "s", **head) -> torch.nn.Module:
    """With random weights and running statistics, so that a wrongly folded norm is seen."""
    torch.manual_seed(0)
    cfg = Config.fromfile(repo / CONFIGS.format(size))
    init_default_scope(cfg.default_scope)
    cfg.model.bbox_head.update(head)
    model = MODELS.build(cfg.model)
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
            module.weight.data.uniform_(0.5, 2)
            module.bias.data.normal_()
    return model.eval()


def test_compiled_data_runs_as_the_detector_does(repo: Path, tmp_path: Path) -> None:
    model = yunet(repo)
    weights = {key: value.clone() for key, value in model.state_dict().items()}
    export_cpp(model, tmp_path / "facedetectcnn-data.cpp")
    assert all(torch.equal(weights[key], value) for key, value in model.state_dict().items())
    (tmp_path / "facedetectcnn.h").write_text(HEADER)
    walk, data = Path(__file__).parent / "walk_cpp_data.cpp", tmp_path / "facedetectcnn-data.cpp"
    compile_cpp("-I", tmp_path, walk, data, "-o", tmp_path / "walk")

    rows, cols = 96, 64
    image = np.random.default_rng(0).integers(0, 256, (rows, cols, 3), np.uint8)
    done = subprocess.run(
        [tmp_path / "walk", str(rows), str(cols)],
        input=image.tobytes(),
        capture_output=True,
        check=True,
    )
    maps = torch.from_numpy(np.frombuffer(done.stdout, np.float32).copy())
    with torch.no_grad():
        expected = contract_outputs(model, torch.from_numpy(image).permute(2, 0, 1)[None].float())
    cls, obj, bbox, kps = (expected[i : i + 3] for i in range(0, 12, 3))
    for branch, tensors in (("cls", cls), ("bbox", bbox), ("obj", obj), ("kps", kps)):
        for tensor in tensors:
            values, maps = maps[: tensor.numel()].reshape(tensor.shape), maps[tensor.numel() :]
            values = values.sigmoid() if branch in {"cls", "obj"} else values
            # Sums in another order; the random network's offsets reach hundreds.
            torch.testing.assert_close(values, tensor, rtol=1e-4, atol=1e-4)
    assert not len(maps)


def test_numbers_are_read_back_exactly(repo: Path, tmp_path: Path) -> None:
    written = export_cpp(yunet(repo), tmp_path / "d.cpp")
    lines = (tmp_path / "d.cpp").read_text().splitlines()
    arrays = [line for line in lines if line.startswith("float ")]
    values = [values for each in written for values in (each.weight, each.bias)]
    assert len(arrays) == len(values) == 2 * 53
    for line, expected in zip(arrays, values, strict=True):
        literals = line.partition("{")[2].removesuffix("};").split(",")
        assert all(("." in each or "e" in each) and each.endswith("f") for each in literals)
        read = np.array([np.float32(each.removesuffix("f")) for each in literals])
        np.testing.assert_array_equal(read, expected.ravel())


@pytest.mark.parametrize(
    ("size", "head", "reason"),
    [
        ("n", {}, "that is YuNet_s, configs/yunet/yunet-s_2xb16"),
        ("s", {"stacked_convs": 1}, "without shared_stacked_convs and stacked_convs"),
        ("s", {"num_keypoints": 4}, "has num_keypoints=5, the model has 4"),
        ("s", {"type": "mmeiou.YuNetIoUHead"}, "has no IoU branch"),
    ],
)
def test_another_network_is_refused(
    repo: Path, tmp_path: Path, size: str, head: dict, reason: str
) -> None:
    with pytest.raises(ValueError, match=reason):
        export_cpp(yunet(repo, size, **head), tmp_path / "d.cpp")
    assert not list(tmp_path.iterdir())


def test_normalised_images_and_other_detectors_are_refused(repo: Path) -> None:
    model = yunet(repo)
    model.data_preprocessor = MODELS.build(
        {"type": "mmeiou.DetDataPreprocessor", "mean": [1, 1, 1], "std": [1, 1, 1]}
    )
    with pytest.raises(ValueError, match="no mean, no std and no bgr_to_rgb"):
        convolutions_of(model)
    with pytest.raises(TypeError, match=r"only mmeiou.YuNet is exported here, got Linear"):
        convolutions_of(torch.nn.Linear(1, 1))
