"""The released weights on real photographs."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from mmeiou.apis import FaceDetector, Faces

skimage_data = pytest.importorskip("skimage.data")
FACE = np.array([178, 65, 269, 176])  # of the astronaut


@pytest.fixture(scope="module")
def astronaut() -> np.ndarray:
    return np.ascontiguousarray(skimage_data.astronaut()[..., ::-1])


@pytest.fixture(scope="module")
def weights(shared_data: Path) -> Path:
    return shared_data / "weights"


@pytest.fixture(scope="module")
def photographs(shared_data: Path) -> list[Path]:
    return sorted((shared_data / "widerface/WIDER_val/images").glob("1*/*.jpg"))[::30][:3]


def assert_same(one: Faces, other: Faces) -> None:
    assert len(one) == len(other) > 0
    np.testing.assert_allclose(one.scores, other.scores, atol=1e-4)
    np.testing.assert_allclose(one.boxes, other.boxes, atol=0.05)
    np.testing.assert_allclose(one.landmarks, other.landmarks, atol=0.05)


def test_all_backends_find_the_same(weights, photographs, astronaut, repo: Path) -> None:
    images = [astronaut, *photographs]
    config = repo / "configs/yunet/yunet-n_2xb16-640e_widerface.py"
    ours = FaceDetector(config, weights / "yunet_n.pth")(images)
    theirs = FaceDetector(weights / "yunet_n_dynamic.onnx")(images)
    for one, other in zip(ours, theirs, strict=True):
        assert_same(one, other)
    (fixed,) = FaceDetector(weights / "yunet_n_640_640.onnx")([astronaut])
    assert_same(fixed, ours[0])
    assert len(fixed) == 1
    np.testing.assert_allclose(fixed.boxes[0], FACE, atol=2)
    left_eye, right_eye, nose, left_mouth, right_mouth = fixed.landmarks[0]
    assert left_eye[0] < nose[0] < right_eye[0]
    assert left_mouth[0] < nose[0] < right_mouth[0]
    assert left_eye[1] < nose[1] < left_mouth[1]


def test_a_face_does_not_depend_on_its_batch(weights, photographs, astronaut) -> None:
    images = [astronaut, astronaut[:500, :490], *photographs, astronaut[:, ::-1]]
    detector = FaceDetector(weights / "yunet_n_dynamic.onnx", batch_size=6)
    for together, image in zip(detector(images), images, strict=True):
        assert_same(together, detector(image))


@pytest.mark.parametrize("margin", [0, 40])
def test_several_scales_find_a_face_that_fills_a_large_image(weights, astronaut, margin) -> None:
    x1, y1, x2, y2 = FACE + margin * np.array([-1, -1, 1, 1])
    factor = 2000 / (y2 - y1)
    large = cv2.resize(astronaut[y1:y2, x1:x2], None, fx=factor, fy=factor)
    expected = np.array([margin, margin, FACE[2] - x1, FACE[3] - y1]) * factor
    model = weights / "yunet_n_dynamic.onnx"
    faces = FaceDetector(model, scales=(0.125, 0.25, 0.5, 1))(large)
    assert len(faces) == 1
    np.testing.assert_allclose(faces.boxes[0], expected, atol=0.08 * 2000)
    once = FaceDetector(model)(large)  # skin taken for faces
    assert len(once) != 1 or np.abs(once.boxes[0] - expected).max() > 0.08 * 2000


def test_enlarging_finds_a_face_of_a_few_pixels(weights, astronaut) -> None:
    small = cv2.resize(astronaut, None, fx=0.06, fy=0.06, interpolation=cv2.INTER_AREA)  # 5 x 7 px
    model = weights / "yunet_n_dynamic.onnx"
    assert len(FaceDetector(model)(small)) == 0
    (box,) = FaceDetector(model, scales=(1, 4))(small).boxes
    np.testing.assert_allclose(box, FACE * 0.06, atol=1)
