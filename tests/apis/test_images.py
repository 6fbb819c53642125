"""Whatever comes in becomes uint8 BGR, or is refused by name."""

import warnings
from pathlib import Path

import cv2
import numpy as np
import pytest

from mmeiou.apis import images
from mmeiou.apis.images import ImageError, load_image

BGR = np.array([[[0, 10, 255], [1, 2, 3]]], np.uint8)


@pytest.fixture(autouse=True)
def _nothing_said() -> None:
    images._say_once.cache_clear()


def test_bgr_bytes_are_taken_as_they_are_and_in_silence(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    cv2.imwrite(str(path), BGR)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for source in (BGR, path, str(path), BGR[:, ::-1][:, ::-1]):
            loaded = load_image(source)
            assert loaded.dtype == np.uint8
            assert loaded.flags.c_contiguous
            np.testing.assert_array_equal(loaded, BGR)


@pytest.mark.parametrize(
    ("pixels", "expected", "said"),
    [
        (BGR[..., 1], [[[10] * 3, [2] * 3]], "grey"),
        (BGR[..., 1:2], [[[10] * 3, [2] * 3]], "grey"),
        (np.dstack([BGR, BGR[..., :1]]), BGR, "alpha"),
        (np.minimum(BGR.astype(int) * 257 + 100, 65535).astype(np.uint16), BGR, "16-bit"),
        (BGR.astype(np.float32), BGR, "float32 .* rounded"),
        (BGR / 255, BGR, "float64 .* multiplied"),
        (np.full((1, 1, 3), 1.5), [[[2] * 3]], "float64 .* rounded"),
        (BGR.astype(np.int64), BGR, "int64"),
        (BGR > 5, [[[0, 255, 255], [0, 0, 0]]], "bool .* multiplied"),
    ],
)
def test_other_arrays_are_converted_with_one_warning(pixels, expected, said) -> None:
    with pytest.warns(UserWarning, match=said):
        np.testing.assert_array_equal(load_image(pixels), expected)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load_image(pixels)


@pytest.mark.parametrize(
    ("written", "said"),
    [(BGR[..., 1], "grey"), (BGR.astype(np.uint16) * 257, "16-bit")],
)
def test_files_of_other_kinds_are_converted(written, said, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    cv2.imwrite(str(path), written)
    with pytest.warns(UserWarning, match=said):
        loaded = load_image(path)
    np.testing.assert_array_equal(loaded, BGR if written.ndim == 3 else BGR[..., 1:2].repeat(3, 2))


@pytest.mark.parametrize(
    ("pixels", "message"),
    [
        (np.zeros((0, 5, 3), np.uint8), "no pixels"),
        (np.zeros((3, 20, 30), np.uint8), r"\(3, 20, 30\).*channels-first"),
        (np.zeros((2, 8, 8, 3), np.uint8), "as a list"),
        (np.full((2, 2, 3), np.nan), "float64 values from nan"),
        (np.full((2, 2, 3), -1.0), "from -1"),
        (np.full((2, 2, 3), 256), "to 256"),
        (np.full((2, 2, 3), "a"), "expected numbers"),
    ],
)
def test_arrays_that_are_no_images(pixels, message) -> None:
    with pytest.raises(ImageError, match=message):
        load_image(pixels)


@pytest.mark.parametrize("content", [b"", b"no image"])
def test_files_that_are_no_images_are_named(content, tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(content)
    with pytest.raises(ImageError, match=r"a\.jpg: not an image"):
        load_image(tmp_path / "a.jpg")
    with pytest.raises(FileNotFoundError, match=r"b\.jpg"):
        load_image(tmp_path / "b.jpg")
