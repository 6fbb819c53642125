"""PyTorch, and exports of free and of fixed shape, on a model with random weights."""

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from mmdet.apis import inference_detector, init_detector
from mmengine.config import Config

from mmeiou.apis import FaceDetector, Faces

EVERYTHING = {"score_thr": 0.0, "nms_thr": 1.0}  # no ties to decide one way or the other


def assert_same(one: Faces, other: Faces) -> None:
    assert len(one) == len(other) > 0
    np.testing.assert_allclose(one.scores, other.scores, atol=1e-5)
    order, other_order = (np.lexsort(faces.boxes.round(2).T) for faces in (one, other))
    for name in ("boxes", "landmarks", "labels"):
        ours, theirs = getattr(one, name)[order], getattr(other, name)[other_order]
        np.testing.assert_allclose(ours, theirs, atol=1e-3)


def test_pytorch_and_export_propose_the_same(tiny, noise) -> None:
    images = [noise, noise[:64, :60], noise[:65], noise[:1, :1]]
    runs = [
        FaceDetector(*model, **EVERYTHING, scales=(1, 0.5))(images)
        for model in ((tiny.config, tiny.checkpoint), (tiny.dynamic,))
    ]
    # (96 / 8)^2 + (96 / 16)^2 + (96 / 32)^2 of the whole, 64 x 64 of the halved image
    assert len(runs[0][0]) == 144 + 36 + 9 + 64 + 16 + 4
    for one, other in zip(*runs, strict=True):
        assert_same(one, other)


def test_fixed_shapes_shrink_what_is_larger_and_fill_up_what_is_smaller(tiny, noise) -> None:
    fixed = FaceDetector(tiny.fixed, **EVERYTHING)  # 96 x 64
    found = fixed([noise[:64], noise[:10, :20], noise])
    assert {len(faces) for faces in found} == {96 + 24 + 6}
    dynamic = FaceDetector(tiny.dynamic, **EVERYTHING)
    assert_same(found[0], dynamic(noise[:64]))
    padded = np.zeros((64, 96, 3), np.uint8)
    padded[:10, :20] = noise[:10, :20]
    assert_same(found[1], dynamic(padded))
    # 70 x 90 becomes 64 x 82
    assert_same(found[2], FaceDetector(tiny.dynamic, **EVERYTHING, max_side=82)(noise))


def test_a_fixed_batch_is_filled_up(tiny, noise, tmp_path: Path) -> None:
    model = onnx.load(tiny.dynamic)
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 2
    onnx.save(model, tmp_path / "two.onnx")
    images = [noise, noise[::-1], noise[:, ::-1]]
    found = FaceDetector(tmp_path / "two.onnx", **EVERYTHING)(images)
    for one, other in zip(found, FaceDetector(tiny.dynamic, **EVERYTHING)(images), strict=True):
        assert_same(one, other)


def test_a_config_that_does_not_pad_enough(tiny, noise) -> None:
    cfg = Config.fromfile(tiny.config)
    cfg.model.data_preprocessor.pad_size_divisor = 1
    found = FaceDetector(cfg, tiny.checkpoint, **EVERYTHING)(noise)
    assert_same(found, FaceDetector(tiny.dynamic, **EVERYTHING)(noise))


@pytest.mark.parametrize("onnx_runtime", [False, True])
def test_a_checkpoint_finds_what_mmdetection_predicts(
    tiny, noise, onnx_runtime, monkeypatch
) -> None:
    if not onnx_runtime:
        monkeypatch.setattr("mmeiou.models.onnx_network.available", lambda: False)
    detector = init_detector(str(tiny.config), str(tiny.checkpoint), device="cpu")
    expected = inference_detector(detector, noise).pred_instances.numpy()
    faces = FaceDetector(tiny.config, tiny.checkpoint, score_thr=0.02)(noise)
    assert len(faces) > 10
    for name, field in {"boxes": "bboxes", "scores": "scores", "landmarks": "keypoints"}.items():
        bounds = {"rtol": 1e-4, "atol": 1e-3} if onnx_runtime else {"rtol": 1e-6}
        np.testing.assert_allclose(getattr(faces, name), expected[field], **bounds)


def test_other_numbers_of_classes_and_landmarks(make_tiny, noise) -> None:
    model = make_tiny("num_classes=3, num_keypoints=0")
    one = FaceDetector(model.config, model.checkpoint, **EVERYTHING)(noise)
    other = FaceDetector(model.dynamic, **EVERYTHING)(noise)
    assert_same(one, other)
    assert one.landmarks.shape == other.landmarks.shape == (189, 0, 2)
    assert set(one.labels) == {0, 1, 2}


def test_files_and_devices_that_do_not_fit(tiny, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="needs a checkpoint"):
        FaceDetector(tiny.config)
    with pytest.raises(ValueError, match="leave out checkpoint"):
        FaceDetector(tiny.dynamic, tiny.checkpoint)
    with pytest.raises(FileNotFoundError, match=r"no\.py"):
        FaceDetector("no.py", tiny.checkpoint)
    with pytest.raises(FileNotFoundError, match=r"no\.pth"):
        FaceDetector(tiny.config, "no.pth")
    with pytest.raises(FileNotFoundError, match=r"no\.onnx"):
        FaceDetector("no.onnx")
    with pytest.raises(ValueError, match=r"has .*CPUExecutionProvider.* only"):
        FaceDetector(tiny.dynamic, device="tpu")
    (tmp_path / "bad.onnx").write_bytes(b"no model")
    with pytest.raises(ValueError, match=r"bad\.onnx cannot be opened"):
        FaceDetector(tmp_path / "bad.onnx")
    weights = torch.load(tiny.checkpoint)
    torch.save(dict(list(weights.items())[1:]), tmp_path / "cut.pth")
    with pytest.raises(ValueError, match="does not fit YuNet: 1 missing"):
        FaceDetector(tiny.config, tmp_path / "cut.pth")


def test_exports_of_other_outputs_are_refused(tiny, tmp_path: Path) -> None:
    model = onnx.load(tiny.dynamic)
    model.graph.output.pop()  # kps_32
    onnx.save(model, tmp_path / "cut.onnx")
    with pytest.raises(ValueError, match=r"'obj_8'\], but FaceDetector decodes"):
        FaceDetector(tmp_path / "cut.onnx")


@pytest.mark.parametrize("stride", ["0", "00", "99999999999999", "9" * 5000, "2048"])
def test_crafted_strides_are_refused(tiny, tmp_path: Path, stride: str) -> None:
    """They divide the sides, and the input is padded to multiples of the largest."""
    for old in ("8", "32"):
        model = onnx.load(tiny.dynamic)
        for part in (model.graph.output, *(node.output for node in model.graph.node)):
            for index, one in enumerate(part):
                name = one if isinstance(one, str) else one.name
                if name.endswith(f"_{old}"):
                    new = f"{name.removesuffix(old)}{stride}"
                    if isinstance(one, str):
                        part[index] = new
                    else:
                        one.name = new
        onnx.save(model, tmp_path / "crafted.onnx")
        with pytest.raises(ValueError, match=r"crafted\.onnx: strides .*, expected 1 to 1024"):
            FaceDetector(tmp_path / "crafted.onnx")


@pytest.mark.parametrize(
    ("axis", "size"), [(0, 2**40), (0, 2**28), (2, 2**40), (3, 2**27), (3, None)]
)
def test_crafted_shapes_are_refused(tiny, tmp_path: Path, axis: int, size: int | None) -> None:
    model = onnx.load(tiny.fixed)
    side = model.graph.input[0].type.tensor_type.shape.dim[axis]
    if size is None:
        side.dim_param = "width"
    else:
        side.dim_value = size
    onnx.save(model, tmp_path / "crafted.onnx")
    with pytest.raises(ValueError, match=r"crafted\.onnx"):
        FaceDetector(tmp_path / "crafted.onnx")


def test_other_detectors_are_refused(tiny) -> None:
    config = tiny.config.with_name("other.py")
    config.write_text(f'_base_ = "{tiny.config}"\nmodel = dict(type="mmdet.SingleStageDetector")\n')
    with pytest.raises(ValueError, match="not SingleStageDetector; use MMDetection's DetInf"):
        FaceDetector(config, tiny.checkpoint)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_scores_that_are_not_finite_are_an_error_not_no_faces(
    tiny, noise, tmp_path: Path, value: float
) -> None:
    model = onnx.load(tiny.dynamic)
    for weight in model.graph.initializer:
        numbers = onnx.numpy_helper.to_array(weight)
        if numbers.dtype == np.float32 and numbers.size:
            broken = onnx.numpy_helper.from_array(np.full_like(numbers, value), weight.name)
            weight.CopyFrom(broken)
    onnx.save(model, tmp_path / "broken.onnx")
    with pytest.raises(ValueError, match="not finite"):
        FaceDetector(tmp_path / "broken.onnx")(noise)


def test_a_checkpoint_that_is_not_finite_is_refused(tiny, tmp_path: Path) -> None:
    saved = torch.load(tiny.checkpoint, weights_only=False)
    weights = saved.get("state_dict", saved)
    next(iter(weights.values())).fill_(torch.nan)
    torch.save(saved, tmp_path / "broken.pth")
    with pytest.raises(ValueError, match="not finite"):
        FaceDetector(tiny.config, tmp_path / "broken.pth")
