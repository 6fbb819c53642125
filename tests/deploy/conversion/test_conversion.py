"""Every runtime, run: the faces of ONNX Runtime, from the file that its converter made."""

import importlib
import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import onnx
import pytest

from mmeiou.apis import FaceDetector
from mmeiou.apis.face_detector import EXPORTED
from mmeiou.deploy.conversion import convert as module
from mmeiou.deploy.conversion.convert import CONVERTERS, convert
from mmeiou.deploy.int8.quantize import prepare, quantize

EVERYTHING = {"score_thr": 0.0, "nms_thr": 1.0}  # no ties to decide one way or the other
PACKAGES = {
    ".xml": ["openvino"],
    ".tflite": ["ai_edge_litert", "litert_torch"],
    ".param": ["ncnn", "pnnx"],
}
FILES = {
    ".xml": ["yunet.bin", "yunet.xml"],
    ".tflite": ["yunet.tflite"],
    ".param": ["yunet.bin", "yunet.param"],
}
SOURCE = {".xml": "fixed", ".tflite": "fixed", ".param": "dynamic"}  # what the converter takes
RUNTIMES = list(PACKAGES)


@pytest.fixture
def suffix(request: pytest.FixtureRequest) -> str:
    for package in PACKAGES[request.param]:
        pytest.importorskip(package)
    return request.param


@pytest.fixture(scope="session")
def converted(tiny, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The tiny model as a file of a suffix, made once and copied by who changes it."""

    @cache
    def make(suffix: str) -> Path:
        target = tmp_path_factory.mktemp("converted") / "new" / f"yunet{suffix}"
        assert convert(getattr(tiny, SOURCE[suffix]), target) < 1e-4
        return target

    return make


@pytest.fixture
def images() -> list[np.ndarray]:
    noise = np.random.default_rng(0).integers(0, 256, (2, 64, 96, 3), dtype=np.uint8)
    return [*noise, noise[0, :40, :50]]


def largest_difference(one: FaceDetector, other: FaceDetector, images: list[np.ndarray]) -> float:
    """Of scores, and of boxes and landmarks in strides, candidate by candidate."""
    largest = 0.0
    for image in images:
        ours, theirs = (net.backend([image], 0.0)[0] for net in (one, other))
        assert len(ours.scores) == len(theirs.scores) > 0
        for name, unit in {"scores": 1, "boxes": 8, "landmarks": 8}.items():
            difference = (getattr(ours, name) - getattr(theirs, name)).abs().max() / unit
            largest = max(largest, float(difference))
    return largest


def int8(source: Path) -> onnx.ModelProto:
    noise = np.random.default_rng(1).uniform(0, 255, (2, 1, 3, 64, 96)).astype(np.float32)
    return quantize(prepare(onnx.load(source)), list(noise))


def test_every_converter_has_a_runtime_and_a_test() -> None:
    assert set(CONVERTERS) == set(PACKAGES) == set(EXPORTED) - {".onnx"}


@pytest.mark.parametrize("suffix", RUNTIMES, indirect=True)
def test_same_faces_as_in_onnx_runtime(tiny, converted, images, suffix: str) -> None:
    target, source = converted(suffix), getattr(tiny, SOURCE[suffix])
    assert sorted(file.name for file in target.parent.iterdir()) == FILES[suffix]
    ours, theirs = FaceDetector(target, **EVERYTHING), FaceDetector(source, **EVERYTHING)
    assert ours.backend.fixed_size == theirs.backend.fixed_size
    assert largest_difference(ours, theirs, images) < 1e-3
    for one, other in zip(ours(images), theirs(images), strict=True):
        assert len(one) == len(other)
        np.testing.assert_allclose(one.scores, other.scores, atol=1e-5)


@pytest.mark.parametrize("suffix", [".xml", ".param"], indirect=True)
def test_a_free_size_stays_free(tiny, images, tmp_path: Path, suffix: str) -> None:
    target = tmp_path / f"yunet{suffix}"
    convert(tiny.dynamic, target)
    ours, theirs = FaceDetector(target, **EVERYTHING), FaceDetector(tiny.dynamic, **EVERYTHING)
    assert ours.backend.fixed_size is None
    images.append(np.tile(images[0], (2, 2, 1)))
    assert largest_difference(ours, theirs, images) < 1e-3
    # Two of a batch, and one of another size.
    counts = [len(faces) for faces in ours(images)]
    assert counts == [len(faces) for faces in theirs(images)]


@pytest.mark.parametrize("suffix", RUNTIMES, indirect=True)
def test_half_is_smaller_and_near(tiny, converted, images, tmp_path: Path, suffix: str) -> None:
    convert(getattr(tiny, SOURCE[suffix]), tmp_path / f"yunet{suffix}", half=True)
    if "yunet.bin" in FILES[suffix]:  # of a tiny .tflite most is no weights
        folders = (tmp_path, converted(suffix).parent)
        sizes = [(folder / "yunet.bin").stat().st_size for folder in folders]
        assert sizes[0] < 0.6 * sizes[1]
    one = FaceDetector(tmp_path / f"yunet{suffix}")
    assert 0 < largest_difference(one, FaceDetector(getattr(tiny, SOURCE[suffix])), images) < 0.5


@pytest.mark.parametrize("suffix", [".xml"], indirect=True)
def test_integers_stay_integers(tiny, images, tmp_path: Path, suffix: str) -> None:
    onnx.save(int8(tiny.fixed), tmp_path / "int8.onnx")
    for name, source in {"int8": tmp_path / "int8.onnx", "float": tiny.fixed}.items():
        convert(source, tmp_path / f"{name}{suffix}")
    sizes = [(tmp_path / f"{name}.bin").stat().st_size for name in ("int8", "float")]
    assert sizes[0] < 0.6 * sizes[1]
    detector = FaceDetector(tmp_path / f"int8{suffix}")
    near = largest_difference(detector, FaceDetector(tmp_path / "int8.onnx"), images)
    assert near < largest_difference(detector, FaceDetector(tiny.fixed), images)


@pytest.mark.parametrize("suffix", [".xml"], indirect=True)
def test_names_of_classes_come_along(tiny, tmp_path: Path, suffix: str) -> None:
    model = onnx.load(tiny.fixed)
    model.metadata_props.add(key="classes", value='["face", "mask"]')
    onnx.save(model, tmp_path / "named.onnx")
    convert(tmp_path / "named.onnx", tmp_path / f"yunet{suffix}")
    assert FaceDetector(tmp_path / f"yunet{suffix}").classes == ("face", "mask")


@pytest.mark.parametrize("suffix", RUNTIMES, indirect=True)
def test_a_difference_writes_nothing(
    tiny, tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / f"new/yunet{suffix}"
    monkeypatch.setitem(module.TOLERANCES, "float", -1.0)
    with pytest.raises(RuntimeError, match=r"onnx by .*, more than -1.0; nothing was written"):
        convert(getattr(tiny, SOURCE[suffix]), target)
    assert not target.parent.exists()


@pytest.mark.parametrize("suffix", RUNTIMES, indirect=True)
def test_files_and_devices_that_do_not_fit(tiny, converted, tmp_path: Path, suffix: str) -> None:
    target = tmp_path / f"yunet{suffix}"
    with pytest.raises(FileNotFoundError, match=f"yunet{suffix} not found"):
        FaceDetector(target)
    with pytest.raises(ValueError, match=r"device='tpu': this .*cpu.* only"):
        FaceDetector(converted(suffix), device="tpu")
    with pytest.raises(ValueError, match="leave out checkpoint"):
        FaceDetector(converted(suffix), tiny.checkpoint)
    shutil.copytree(converted(suffix).parent, tmp_path, dirs_exist_ok=True)
    target.write_bytes(b"no model")
    with pytest.raises(ValueError, match=rf"yunet\{suffix} cannot be opened by "):
        FaceDetector(target)


@pytest.mark.parametrize("suffix", [".xml", ".param"], indirect=True)
def test_weights_that_are_missing(converted, tmp_path: Path, suffix: str) -> None:
    shutil.copyfile(converted(suffix), tmp_path / f"yunet{suffix}")
    with pytest.raises(FileNotFoundError, match=r"yunet\.bin not found"):
        FaceDetector(tmp_path / f"yunet{suffix}")


@pytest.mark.parametrize("suffix", RUNTIMES, indirect=True)
def test_threads_are_taken(converted, images, suffix: str) -> None:
    alone, together = (EXPORTED[suffix](converted(suffix), threads=count) for count in (1, None))
    (one,), (other,) = (backend(images[:1], 0.0) for backend in (alone, together))
    np.testing.assert_allclose(one.boxes, other.boxes, atol=1e-4)


def test_sources_that_do_not_fit(tiny, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"a\.engine: expected a file of \.xml, "):
        convert(tiny.fixed, tmp_path / "a.engine")
    with pytest.raises(FileNotFoundError, match=r"no\.onnx not found"):
        convert(tmp_path / "no.onnx", tmp_path / "a.xml")


@pytest.mark.parametrize(("there", "suffix"), [(".xml", ".param"), (".param", ".xml")])
def test_weights_of_another_runtime_stay(tiny, tmp_path: Path, there: str, suffix: str) -> None:
    for name in (f"yunet{there}", "yunet.bin"):
        (tmp_path / name).write_bytes(b"there")
    with pytest.raises(ValueError, match=rf"yunet\.bin holds the weights of .*yunet\{there}; name"):
        convert(tiny.dynamic, tmp_path / f"yunet{suffix}")
    assert (tmp_path / "yunet.bin").read_bytes() == b"there"


def test_sizes_that_do_not_fit(tiny, tmp_path: Path) -> None:
    for source, suffix, size, message in (
        (tiny.dynamic, ".xml", (64, 64), r"a file of \.xml is of the size of its source"),
        (tiny.fixed, ".tflite", (64, 64), "the source is of 96 x 64 only"),
        (tiny.dynamic, ".tflite", (100, 64), "expected positive multiples of 32"),
        (tiny.dynamic, ".tflite", (0, 64), "expected positive multiples of 32"),
    ):
        with pytest.raises(ValueError, match=rf"^size \({size[0]}, 64\): {message}"):
            convert(source, tmp_path / f"a{suffix}", size=size)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("suffix", [".tflite"], indirect=True)
def test_a_free_size_is_fixed(tiny, images, tmp_path: Path, suffix: str) -> None:
    convert(tiny.dynamic, tmp_path / f"yunet{suffix}", size=(64, 32))
    ours = FaceDetector(tmp_path / f"yunet{suffix}")
    assert ours.backend.fixed_size == (64, 32)
    small = [image[:32, :64] for image in images]
    assert largest_difference(ours, FaceDetector(tiny.dynamic), small[:2]) < 1e-3


def test_what_pnnx_cannot_convert(tiny, tmp_path: Path) -> None:
    pytest.importorskip("pnnx")
    with pytest.raises(ValueError, match=r"f\.onnx is of one size, .*: export --dynamic"):
        convert(tiny.fixed, tmp_path / "a.param")
    onnx.save(int8(tiny.dynamic), tmp_path / "int8.onnx")
    with pytest.raises(ValueError, match=r"int8\.onnx is quantized"):
        convert(tmp_path / "int8.onnx", tmp_path / "a.param")
    assert [file.name for file in tmp_path.iterdir()] == ["int8.onnx"]


@pytest.mark.parametrize("suffix", RUNTIMES)
def test_a_missing_package_is_named_with_its_extra(
    tiny, tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = importlib.import_module("builtins").__import__

    def without(name: str, *args: object, **kwargs: object) -> object:
        if name.partition(".")[0] in PACKAGES[suffix]:
            raise ImportError(name)
        return real(name, *args, **kwargs)

    for file in FILES[suffix]:
        (tmp_path / file).write_bytes(b"")
    monkeypatch.setattr("builtins.__import__", without)
    with pytest.raises(ImportError, match=r"pip install 'mmeiou\[\w+\]'"):
        convert(tiny.fixed, tmp_path / f"other{suffix}")
    with pytest.raises(ImportError, match=rf"runs \{suffix} files .*: pip install 'mmeiou\["):
        FaceDetector(tmp_path / f"yunet{suffix}")
