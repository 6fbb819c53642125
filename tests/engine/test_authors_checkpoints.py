"""Checkpoints of both generations of the authors' code load; names and shapes are written out here.

Facts of the formats: MMDetection 2 saves ``meta``, ``state_dict`` and ``optimizer``; the plain
PyTorch code of 2026 ``epoch``, ``state_dict``, ``optimizer``, ``config``, ``metrics`` and
``lr_scheduler``. The names of the weights did not change between the two.
"""

from pathlib import Path

import pytest
import torch

from mmeiou.config import load_detector, read_config

CONFIG = "configs/yunet/yunet-{}_2xb16-640e_widerface.py"
STAGES = {"n": [(16, 64), *[(64, 64)] * 4], "s": [(16, 32), (32, 64), *[(64, 64)] * 3]}
PREDICTORS = {"cls": 1, "bbox": 4, "obj": 1, "kps": 10}


def norm(name: str, channels: int) -> dict[str, tuple[int, ...]]:
    kept = ("weight", "bias", "running_mean", "running_var")
    return {f"{name}.{key}": (channels,) for key in kept} | {f"{name}.num_batches_tracked": ()}


def conv(name: str, *shape: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": shape, f"{name}.bias": (shape[0],)}


def unit(name: str, before: int, after: int, *, plain: bool = False) -> dict[str, tuple[int, ...]]:
    layers = conv(f"{name}.conv1", after, before, 1, 1) | conv(f"{name}.conv2", after, 1, 3, 3)
    return layers if plain else layers | norm(f"{name}.bn", after)


def shapes(size: str) -> dict[str, tuple[int, ...]]:
    """Every name of a released checkpoint, with its shape."""
    names = conv("backbone.model0.conv1", 16, 3, 3, 3) | norm("backbone.model0.bn1", 16)
    names |= unit("backbone.model0.conv2", 16, 16)
    for index, (before, after) in enumerate(STAGES[size], 1):
        names |= unit(f"backbone.model{index}.conv1", before, before)
        names |= unit(f"backbone.model{index}.conv2", before, after)
    for level in range(3):
        names |= unit(f"neck.lateral_convs.{level}", 64, 64)
        if size == "n":
            names |= unit(f"bbox_head.multi_level_share_convs.{level}.0", 64, 64)
        for branch, channels in PREDICTORS.items():
            names |= unit(f"bbox_head.multi_level_{branch}.{level}", 64, channels, plain=True)
    return names


def weights(size: str) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return {
        name: torch.rand(shape, generator=generator) if shape else torch.tensor(7)
        for name, shape in shapes(size).items()
    }


def checkpoint(generation: str, size: str) -> dict:
    state = {"momentum_buffer": torch.zeros(16, 3, 3, 3)}
    optimizer = {"state": {0: state}, "param_groups": [{"lr": 0.01, "params": [0]}]}
    if generation == "mmdet 2":
        meta = {
            "mmdet_version": "2.24.1", "CLASSES": ("FG",), "config": "lr = 0.01", "epoch": 640,
            "iter": 1, "env_info": "sys.platform: linux", "seed": None, "hook_msgs": {},
        }  # fmt: skip
        return {"meta": meta, "state_dict": weights(size), "optimizer": optimizer}
    schedule = {"last_iter": 3, "base_lrs": [0.01], "milestones": [400, 544]}
    parts = {"config": {"variant": f"yunet_{size}"}, "metrics": {"loss": 1.0}, "epoch": 3}
    parts |= {"optimizer": optimizer, "lr_scheduler": schedule}
    if generation == "2026, two GPUs":
        return {"state_dict": {f"module.{k}": v for k, v in weights(size).items()}, **parts}
    return {"state_dict": weights(size), **parts}


@pytest.mark.parametrize("size", ["n", "s"])
@pytest.mark.parametrize("generation", ["mmdet 2", "2026", "2026, two GPUs"])
def test_weights_of_both_generations_load(
    repo: Path, tmp_path: Path, generation: str, size: str
) -> None:
    torch.save(checkpoint(generation, size), tmp_path / "best.pth")
    model = load_detector(read_config(repo / CONFIG.format(size)), tmp_path / "best.pth")
    torch.testing.assert_close(dict(model.state_dict()), weights(size), rtol=0, atol=0)


def test_the_names_are_those_of_the_released_files(shared_data: Path) -> None:
    for size in "ns":
        path = shared_data / f"weights/yunet_{size}.pth"
        released = torch.load(path, map_location="cpu", weights_only=True)["state_dict"]
        assert {name: tuple(one.shape) for name, one in released.items()} == shapes(size)


def test_a_renamed_key_is_named(repo: Path, tmp_path: Path) -> None:
    content = checkpoint("2026", "n")
    state = content["state_dict"]
    state["bbox_head.multi_level_kps_sigma.0.conv1.weight"] = torch.zeros(1)
    del state["bbox_head.multi_level_cls.0.conv1.bias"]
    torch.save(content, tmp_path / "rle.pth")
    with pytest.raises(
        ValueError, match=r"1 missing: .*cls\.0\.conv1\.bias; 1 unexpected: .*sigma"
    ):
        load_detector(read_config(repo / CONFIG.format("n")), tmp_path / "rle.pth")


@pytest.mark.parametrize(
    ("key", "network"),
    [
        ("loc.0.weight", "YuFaceDetectNet, .* before 2022"),
        ("BboxHead.0.conv1x1.weight", "RetinaFace"),
        ("bbox_head.cls_stride_convs.(8, 8).0.conv.weight", "SCRFD"),
        ("module.backbone.p1.0.conv.weight", "YUNet of jahongir7174"),
    ],
)
def test_other_face_detectors_are_called_by_name(
    repo: Path, tmp_path: Path, key: str, network: str
) -> None:
    torch.save({key: torch.zeros(42, 64, 3, 3), "other": torch.zeros(1)}, tmp_path / "final.pth")
    with pytest.raises(ValueError, match=f"weights are those of {network}.*cannot be converted"):
        load_detector(read_config(repo / CONFIG.format("n")), tmp_path / "final.pth")
