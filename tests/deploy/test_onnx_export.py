from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from mmdet.structures import DetDataSample
from mmengine.config import Config
from mmengine.registry import MODELS

from mmeiou.deploy import onnx_export
from mmeiou.deploy.onnx_export import export_onnx
from mmeiou.deploy.onnx_weights import read_weights
from mmeiou.deploy.yunet_graph import contract_outputs

CONTRACT = [f"{name}_{stride}" for name in ("cls", "obj", "bbox", "kps") for stride in (8, 16, 32)]


def tiny_yunet(repo: Path, head: str = "mmeiou.YuNetHead", **options) -> torch.nn.Module:
    """A narrow YuNet with random weights and running statistics."""
    torch.manual_seed(0)
    cfg = Config.fromfile(repo / "configs/_base_/models/yunet-n.py").model
    cfg.backbone.stage_channels = ((3, 8, 8), *[(8, 8)] * 5)
    cfg.neck.in_channels = (8, 8, 8)
    cfg.bbox_head.update(type=head, in_channels=8, feat_channels=8, **options)
    for loss in ("loss_cls", "loss_obj", "loss_kps"):
        cfg.bbox_head[loss].type = f"mmdet.{cfg.bbox_head[loss].type}"
    cfg.data_preprocessor.type = "mmdet.DetDataPreprocessor"
    model = MODELS.build(cfg)
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
    return model.eval()


def run(path: Path, x: torch.Tensor) -> dict[str, np.ndarray]:
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(None, {"input": x.numpy()}), strict=True))


def assert_same(model: torch.nn.Module, path: Path, x: torch.Tensor) -> None:
    """Image by image: the oracle is the detector's own head, neither folded nor merged."""
    outputs = run(path, x)
    for index, image in enumerate(x):
        with torch.no_grad():
            expected = contract_outputs(model, image[None])
        assert len(expected) == len(outputs)
        for output, tensor in zip(outputs.values(), expected, strict=True):
            np.testing.assert_allclose(output[index], tensor[0].numpy(), atol=1e-4)


@pytest.mark.parametrize(
    "pixels",
    [
        {"mean": [104.0, 117.0, 123.0], "std": [57.0, 58.0, 59.0]},
        {"bgr_to_rgb": True},
        {"mean": [104.0, 117.0, 123.0], "std": [57.0, 58.0, 59.0], "bgr_to_rgb": True},
    ],
    ids=["normalised", "RGB", "normalised RGB"],
)
def test_what_the_detector_does_to_pixels_is_in_the_graph(
    repo: Path, tmp_path: Path, pixels: dict[str, Any]
) -> None:
    model = tiny_yunet(repo)
    x = torch.rand(1, 3, 64, 96) * 255
    mean, std = (
        torch.tensor(pixels.get(k, v)).view(-1, 1, 1) for k, v in (("mean", [0.0]), ("std", [1.0]))
    )
    order = [2, 1, 0] if pixels.get("bgr_to_rgb") else [0, 1, 2]
    by_hand = (x[:, order] - mean) / std
    for norm in (one for one in model.modules() if isinstance(one, torch.nn.BatchNorm2d)):
        norm.momentum = None  # the statistics of its input: else outputs hardly depend on it
    with torch.no_grad():
        model.train()(by_hand, mode="tensor")
        expected, as_it_is = (contract_outputs(model.eval(), one) for one in (by_hand, x))
    assert any((a - b).abs().max() > 1e-2 for a, b in zip(expected, as_it_is, strict=True))
    model.data_preprocessor = MODELS.build({"type": "mmdet.DetDataPreprocessor", **pixels})
    path = tmp_path / "yunet.onnx"
    export_onnx(model, path, (96, 64))
    assert_same(model, path, x)
    for output, tensor in zip(run(path, x).values(), expected, strict=True):
        np.testing.assert_allclose(output, tensor.numpy(), atol=1e-4)
    image = np.zeros((64, 96, 3), np.uint8)
    cv2.FaceDetectorYN.create(str(path), "", (96, 64), 0.01).detect(image)  # OpenCV loads it
    with pytest.raises(ValueError, match=r"yunet\.onnx: "):
        read_weights(path)


def test_fixed_size_follows_the_contract(repo: Path, tmp_path: Path) -> None:
    model = tiny_yunet(repo)
    weights = {key: value.clone() for key, value in model.state_dict().items()}
    path = tmp_path / "folder" / "yunet.onnx"
    assert export_onnx(model, path, (96, 64)) < 1e-4
    x = torch.rand(1, 3, 64, 96) * 255
    assert_same(model, path, x)
    outputs = run(path, x)
    assert list(outputs) == CONTRACT
    for name, output in outputs.items():
        stride = int(name.split("_")[1])
        channels = {"cls": 1, "obj": 1, "bbox": 4, "kps": 10}[name.split("_")[0]]
        assert output.shape == (1, 96 * 64 // stride**2, channels)
    # One pointwise and one depthwise convolution per level predict everything; norms are folded.
    operators = [node.op_type for node in onnx.load(path).graph.node]
    units = 1 + 2 * (1 + 10 + 3 + 3 + 3)  # stem; unit of the stem, stages, neck, head's two
    assert operators.count("Conv") == units
    assert "BatchNormalization" not in operators
    assert all(torch.equal(weights[key], value) for key, value in model.state_dict().items())
    assert [file.name for file in path.parent.iterdir()] == ["yunet.onnx"]


def test_dynamic_takes_any_size_and_batch(repo: Path, tmp_path: Path) -> None:
    model = tiny_yunet(repo)
    export_onnx(model, tmp_path / "d.onnx", (64, 64), dynamic=True)
    for batch, height, width in ((1, 64, 64), (1, 32, 160), (3, 96, 64)):
        assert_same(model, tmp_path / "d.onnx", torch.rand(batch, 3, height, width) * 255)
    # No arithmetic on shapes, which older engines of OpenCV cannot do.
    assert not {"Shape", "Gather"} & {
        node.op_type for node in onnx.load(tmp_path / "d.onnx").graph.node
    }


@pytest.mark.parametrize(("classes", "keypoints"), [(3, 5), (1, 0), (2, 4)])
def test_other_numbers_of_classes_and_landmarks(
    repo: Path, tmp_path: Path, classes: int, keypoints: int
) -> None:
    model = tiny_yunet(repo, num_classes=classes, num_keypoints=keypoints)
    with pytest.warns(UserWarning, match=f"{classes} classes and {keypoints} landmarks: OpenCV"):
        export_onnx(model, tmp_path / "c.onnx", (64, 64))
    assert_same(model, tmp_path / "c.onnx", torch.rand(1, 3, 64, 64) * 255)
    assert ("kps_8" in run(tmp_path / "c.onnx", torch.rand(1, 3, 64, 64))) == bool(keypoints)


@pytest.mark.parametrize(
    "loss_iou",
    [{"type": "mmdet.L1Loss"}, {"type": "mmdet.CrossEntropyLoss", "use_sigmoid": True}],
    ids=["linear", "logit"],
)
def test_iou_branch_is_in_the_product(repo: Path, tmp_path: Path, loss_iou: dict) -> None:
    model = tiny_yunet(repo, "mmeiou.YuNetIoUHead", iou_fusion=0.3, loss_iou=loss_iou)
    export_onnx(model, tmp_path / "i.onnx", (64, 64))
    x = torch.rand(1, 3, 64, 64) * 255
    assert_same(model, tmp_path / "i.onnx", x)
    outputs = run(tmp_path / "i.onnx", x)
    assert list(outputs) == CONTRACT
    with torch.no_grad():
        cls, _, obj, _, iou = (maps[0].flatten().numpy() for maps in model(x))
    product = outputs["cls_8"].ravel() * outputs["obj_8"].ravel()
    probability = 1 / (1 + np.exp(-cls)) / (1 + np.exp(-obj))
    iou = 1 / (1 + np.exp(-iou)) if loss_iou.get("use_sigmoid") else iou.clip(0, 1)
    np.testing.assert_allclose(product, probability**0.7 * iou**0.3, atol=1e-5)


@pytest.mark.parametrize("classes", [1, 3])
@pytest.mark.parametrize("dynamic", [False, True])
def test_faces_from_the_graph_are_the_detectors(
    repo: Path, tmp_path: Path, classes: int, dynamic: bool
) -> None:
    model = tiny_yunet(repo, num_classes=classes)
    model.bbox_head.test_cfg.score_thr = 0.2
    for unit in model.bbox_head.multi_level_bbox:
        unit.conv2.bias.data[2:] += 1  # boxes that overlap, so that some go
    size = 96 if dynamic else 64
    export_onnx(model, tmp_path / "n.onnx", (64, 64), with_nms=True, dynamic=dynamic)
    x = torch.rand(1, 3, size, size) * 255
    outputs = run(tmp_path / "n.onnx", x)
    sample = DetDataSample(metainfo={"img_shape": (size, size), "ori_shape": (size, size)})
    with torch.no_grad():
        (predicted,) = model.predict(x, [sample], rescale=False)
    expected = predicted.pred_instances
    assert 3 < len(expected) < size**2 * 21 / 1024 * 0.8  # of all priors
    assert len(outputs["scores"]) == len(expected)
    np.testing.assert_allclose(outputs["scores"], expected.scores, atol=1e-5)
    np.testing.assert_allclose(outputs["boxes"], expected.bboxes, atol=1e-3)
    np.testing.assert_array_equal(outputs["labels"], expected.labels)
    np.testing.assert_allclose(outputs["landmarks"], expected.keypoints[..., :2], atol=1e-3)


def test_nms_in_the_graph_may_find_nothing(repo: Path, tmp_path: Path) -> None:
    model = tiny_yunet(repo)
    model.bbox_head.test_cfg["score_thr"] = 1.0
    export_onnx(model, tmp_path / "n.onnx", (64, 64), with_nms=True)
    outputs = run(tmp_path / "n.onnx", torch.rand(1, 3, 64, 64) * 255)
    shapes = {name: value.shape for name, value in outputs.items()}
    assert shapes == {"boxes": (0, 4), "scores": (0,), "labels": (0,), "landmarks": (0, 5, 2)}


@pytest.mark.parametrize("size", [(60, 64), (64, 0), (-32, 32)])
def test_sizes_that_do_not_fit(repo: Path, tmp_path: Path, size: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match=f"multiples of 32, got {size[0]} x {size[1]}"):
        export_onnx(tiny_yunet(repo), tmp_path / "x.onnx", size)
    assert not list(tmp_path.iterdir())


def test_a_file_that_differs_is_not_written(
    repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "x.onnx").write_text("the one before")
    monkeypatch.setattr(onnx_export, "TOLERANCE", -1)
    with pytest.raises(RuntimeError, match="differs from the detector"):
        export_onnx(tiny_yunet(repo), tmp_path / "x.onnx", (64, 64))
    assert [file.read_text() for file in tmp_path.iterdir()] == ["the one before"]


def test_only_yunet(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match=r"only mmeiou.YuNet.*Linear"):
        export_onnx(torch.nn.Linear(1, 1), tmp_path / "x.onnx")


def test_sizes_beyond_the_range_of_exp_are_finite_in_the_graph_too(
    repo: Path, tmp_path: Path
) -> None:
    model = tiny_yunet(repo)
    model.bbox_head.test_cfg.score_thr = 0.0
    for unit in model.bbox_head.multi_level_bbox:
        unit.conv2.bias.data[2] = 200
    export_onnx(model, tmp_path / "n.onnx", (64, 64), with_nms=True)
    x = torch.rand(1, 3, 64, 64) * 255
    boxes = run(tmp_path / "n.onnx", x)["boxes"]
    with torch.no_grad():
        expected = model.predict(
            x, [DetDataSample(metainfo={"img_shape": (64, 64)})], rescale=False
        )
    widths = {8 * np.exp(10) * 2**level for level in range(3)}
    for found in (boxes, expected[0].pred_instances.bboxes.numpy()):
        assert len(found)
        for width in found[:, 2] - found[:, 0]:
            assert min(abs(width / one - 1) for one in widths) < 1e-5
