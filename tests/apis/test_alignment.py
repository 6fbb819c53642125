"""Crops for face recognition, against OpenCV's and by hand."""

import cv2
import numpy as np
import pytest

from mmeiou.apis.alignment import TEMPLATE, align, roll, similarity
from mmeiou.apis.faces import Faces


def turned(degrees, scale=1.0, shift=(0.0, 0.0)):
    """The template, turned clockwise as the viewer sees it."""
    angle = np.radians(degrees)
    matrix = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return TEMPLATE @ matrix.T * scale + shift


def picture(height=300, width=400):
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (height // 10, width // 10, 3), dtype=np.uint8)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)


def faces_at(*landmarks, boxes=None):
    number = len(landmarks)
    return Faces(
        boxes=np.zeros((number, 4), np.float32) if boxes is None else np.float32(boxes),
        scores=np.ones(number, np.float32),
        landmarks=np.float32(np.stack(landmarks)),
        labels=np.zeros(number, np.int64),
    )


def test_similarity_undoes_what_was_done():
    source = np.stack([turned(33, 2.5, (70, -20)), turned(-170, 0.3, (5, 9))])
    for points, matrix in zip(source, similarity(source, TEMPLATE), strict=True):
        np.testing.assert_allclose(points @ matrix[:, :2].T + matrix[:, 2], TEMPLATE, atol=1e-9)


def test_similarity_is_the_best_there_is():
    rng = np.random.default_rng(1)
    points = rng.normal(size=(5, 2)) * 30
    (matrix,) = similarity(points[None], TEMPLATE)

    def error(a, b, x, y):
        moved = points @ np.array([[a, -b], [b, a]]).T + (x, y)
        return ((moved - TEMPLATE) ** 2).sum()

    best = (matrix[0, 0], matrix[1, 0], *matrix[:, 2])
    assert matrix[0, 0] == matrix[1, 1]
    assert matrix[0, 1] == -matrix[1, 0]  # no mirroring
    for step in np.eye(4):
        for size in (-1e-3, 1e-3):
            assert error(*(best + size * step)) > error(*best)


def test_crops_are_opencvs(tmp_path):
    image = picture()
    rng = np.random.default_rng(2)
    landmarks = [
        turned(angle, scale, shift) + rng.normal(size=(5, 2)) * scale
        for angle, scale, shift in [(0, 1, (80, 60)), (40, 1.7, (120, 0)), (-100, 0.6, (90, 180))]
    ]
    landmarks.append(turned(10, 1.5, (-60, 200)))  # at the image's edge
    crops = faces_at(*landmarks).align(image)
    recognizer = cv2.FaceRecognizerSF.create(str(_any_network(tmp_path)), "")
    for points, crop in zip(landmarks, crops, strict=True):
        row = np.zeros((1, 15), np.float32)
        row[0, 4:14] = np.float32(points).ravel()
        theirs = recognizer.alignCrop(image, row)
        assert crop.shape == theirs.shape == (112, 112, 3)
        assert np.abs(crop.astype(int) - theirs).max() <= 1
        assert crop.std() > 10


def _any_network(folder):
    """OpenCV's recognizer cannot be made without one."""
    import onnx  # noqa: PLC0415

    value = onnx.helper.make_tensor_value_info
    node = onnx.helper.make_node("Relu", ["data"], ["out"])
    shape = [1, 3, 112, 112]
    graph = onnx.helper.make_graph(
        [node], "any", [value("data", 1, shape)], [value("out", 1, shape)]
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 13)])
    model.ir_version = 8
    onnx.save(model, folder / "any.onnx")
    return folder / "any.onnx"


def test_another_size_is_the_same_crop_enlarged():
    image = picture()
    face = faces_at(turned(25, 1.5, (130, 20)))
    (small,), (large,) = face.align(image), face.align(image, size=224)
    assert large.shape == (224, 224, 3)
    shrunk = cv2.resize(large, (112, 112), interpolation=cv2.INTER_AREA)
    assert np.abs(shrunk.astype(int) - small).mean() < 6


def test_roll_is_clockwise_as_seen():
    landmarks = np.stack([turned(angle) for angle in (0, 30, -75, 179)])
    tilt = np.degrees(np.arctan2(51.5014 - 51.6963, 73.5318 - 38.2946))
    np.testing.assert_allclose(roll(landmarks), np.array([0, 30, -75, 179]) + tilt)
    np.testing.assert_allclose(faces_at(*landmarks).roll, roll(np.float32(landmarks)))


def test_no_faces_give_no_crops():
    none = Faces(
        np.zeros((0, 4), np.float32),
        np.zeros(0, np.float32),
        np.zeros((0, 5, 2), np.float32),
        np.zeros(0, np.int64),
    )
    assert none.align(picture()).shape == (0, 112, 112, 3)
    assert none.roll.shape == (0,)


@pytest.mark.parametrize("broken", [np.ones((5, 2)), np.full((5, 2), np.nan)])
def test_a_face_that_cannot_be_turned_is_named(broken):
    with pytest.raises(ValueError, match="face 1: landmarks"):
        faces_at(turned(0), broken).align(picture())


def test_other_landmarks_are_refused():
    with pytest.raises(ValueError, match=r"five landmarks .* got an array \(1, 17, 2\)"):
        align(picture(), np.ones((1, 17, 2)))
    with pytest.raises(ValueError, match=r"\(h, w, 3\) uint8, got \(300, 400\) uint8"):
        align(picture()[..., 0], TEMPLATE[None])
    with pytest.raises(ValueError, match="must be positive, got 0"):
        align(picture(), TEMPLATE[None], 0)


def test_points_of_other_numbers_are_refused():
    with pytest.raises(ValueError, match=r"source \(1, 4, 2\) and target \(5, 2\): expected"):
        similarity(TEMPLATE[None, :4], TEMPLATE)
    with pytest.raises(ValueError, match=r"source \(5, 2\) and target \(5, 2\): expected \(n, k"):
        similarity(TEMPLATE, TEMPLATE)
    with pytest.raises(ValueError, match=r"source \(1, 5, 3\) and target \(5, 3\): expected"):
        similarity(np.ones((1, 5, 3)), np.ones((5, 3)))


@pytest.mark.parametrize("image", ["h.jpg", None])
def test_an_image_that_is_not_read_is_refused(image):
    with pytest.raises(TypeError, match=f"got {image!r}; files are read by mmeiou.apis.images"):
        faces_at(TEMPLATE).align(image)


@pytest.mark.parametrize("size", [1.5, (112, 112), None])
def test_a_size_that_is_no_whole_number_is_refused(size):
    with pytest.raises(TypeError, match="one whole number of pixels, got "):
        align(picture(), TEMPLATE[None], size)
    assert align(picture(), TEMPLATE[None], np.int64(9)).shape == (1, 9, 9, 3)


@pytest.mark.parametrize("count", [0, 1, 3, 17])
def test_eyes_that_nobody_knows_have_no_roll(count):
    with pytest.raises(
        ValueError, match=rf"or its two eyes, x and y, got an array \(1, {count}, 2"
    ):
        _ = faces_at(np.ones((count, 2))).roll
    eyes = TEMPLATE[None, :2]
    np.testing.assert_array_equal(roll(eyes), roll(TEMPLATE[None]))


def test_boxes_end_at_the_image_on_request():
    faces = faces_at(turned(0), boxes=[[-3.5, -1, 420, 280]])
    assert faces.clipped(300, 400).boxes.tolist() == [[0, 0, 400, 280]]
    assert faces.boxes.tolist() == [[-3.5, -1, 420, 280]]
