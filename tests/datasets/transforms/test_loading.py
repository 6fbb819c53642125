import cv2
import numpy as np
import pytest
import torch

from mmeiou.datasets.transforms import LoadAnnotations, LoadImageFromFile
from mmeiou.labels import ImageError

IMAGE = np.random.default_rng(0).integers(0, 256, (30, 40, 3), dtype=np.uint8)


@pytest.fixture
def image_file(tmp_path):
    def write(extension=".png", keep=1.0):
        data = cv2.imencode(extension, IMAGE)[1].tobytes()
        path = tmp_path / f"image{extension}"
        path.write_bytes(data[: int(len(data) * keep)])
        return str(path)

    return write


def test_image_and_shapes(image_file):
    results = LoadImageFromFile()({"img_path": image_file(), "width": 40, "height": 30})
    np.testing.assert_array_equal(results["img"], IMAGE)
    assert results["img_shape"] == results["ori_shape"] == (30, 40)


def test_options_of_mmcv(image_file):
    img = LoadImageFromFile(to_float32=True, color_type="grayscale")({"img_path": image_file()})
    assert img["img"].dtype == np.float32
    assert img["img"].shape[:2] == (30, 40)


@pytest.mark.parametrize("keep", [0.0, 0.1, 0.5, 0.9, 0.99])
@pytest.mark.parametrize("extension", [".jpg", ".png", ".bmp", ".webp"])
@pytest.mark.parametrize("backend", ["cv2", "pillow"])
def test_truncated_files_are_named(image_file, extension, keep, backend):
    path = image_file(extension, keep)
    with pytest.raises(ImageError) as caught:
        LoadImageFromFile(imdecode_backend=backend)({"img_path": path})
    assert str(caught.value).startswith(f"{path}: ")


def test_a_truncated_jpeg_is_found_whatever_the_decoder_makes_of_it(image_file, monkeypatch):
    # OpenCV before 4.11 fills what is missing with grey
    monkeypatch.setattr(cv2, "imdecode", lambda *_: IMAGE)
    path = image_file(".jpg", 0.5)
    with pytest.raises(ImageError, match="truncated JPEG"):
        LoadImageFromFile()({"img_path": path})


def test_missing_file_and_text_file(tmp_path):
    with pytest.raises(ImageError, match=r"none.jpg: cannot be read"):
        LoadImageFromFile()({"img_path": str(tmp_path / "none.jpg")})
    (tmp_path / "text.jpg").write_text("not an image")
    with pytest.raises(ImageError, match=r"text.jpg: "):
        LoadImageFromFile()({"img_path": str(tmp_path / "text.jpg")})


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_pictures_of_floats_are_refused(tmp_path, dtype):
    path = str(tmp_path / "a.tiff")
    cv2.imwrite(path, IMAGE.astype(dtype))
    if np.issubdtype(dtype, np.floating):
        with pytest.raises(ImageError, match=r"a.tiff: pixels are floats, of unknown range"):
            LoadImageFromFile()({"img_path": path})
    else:
        assert LoadImageFromFile()({"img_path": path})["img"].dtype == np.uint8


@pytest.mark.parametrize(("width", "height"), [(30, 40), (41, 30), (40, 29)])
def test_size_of_the_label_must_fit(image_file, width, height):
    with pytest.raises(ImageError, match=rf"40 x 30 pixels, its label says {width} x {height}"):
        LoadImageFromFile()({"img_path": image_file(), "width": width, "height": height})


def instance(x, *, ignore=0, keypoints=2):
    return {
        "bbox": [x, 1, x + 9, 11],
        "bbox_label": 0,
        "ignore_flag": ignore,
        "keypoints": [[x + k, 2, 1] for k in range(keypoints)],
    }


def test_annotations_with_landmarks():
    results = LoadAnnotations(with_bbox=True, with_keypoints=True)(
        {"instances": [instance(1), instance(5, ignore=1)]}
    )
    np.testing.assert_array_equal(
        results["gt_keypoints"], [[[1, 2, 1], [2, 2, 1]], [[5, 2, 1], [6, 2, 1]]]
    )
    assert results["gt_keypoints"].dtype == np.float32
    assert torch.equal(
        results["gt_bboxes"].tensor, torch.tensor([[1.0, 1, 10, 11], [5, 1, 14, 11]])
    )
    assert results["gt_ignore_flags"].tolist() == [False, True]


def test_annotations_without_landmarks():
    results = LoadAnnotations(with_bbox=True)({"instances": [instance(1)]})
    assert "gt_keypoints" not in results
    with pytest.raises(KeyError, match="num_keypoints > 0"):
        LoadAnnotations(with_keypoints=True)(
            {"instances": [{"bbox": [1, 2, 3, 4], "bbox_label": 0, "ignore_flag": 0}]}
        )


def test_image_without_faces():
    results = LoadAnnotations(with_keypoints=True)({"instances": [], "num_keypoints": 7})
    assert results["gt_keypoints"].shape == (0, 7, 3)
    assert results["gt_bboxes"].tensor.shape == (0, 4)
    assert LoadAnnotations(with_keypoints=True)({"instances": []})["gt_keypoints"].shape == (
        0,
        0,
        3,
    )
