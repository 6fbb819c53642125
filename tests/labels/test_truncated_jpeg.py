"""Whether a JPEG is whole."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmeiou.labels.image_files import is_truncated_jpeg

NOISE = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)


def jpeg(*parameters):
    return cv2.imencode(".jpg", NOISE, parameters)[1].tobytes()


VARIANTS = {
    "baseline": jpeg(),
    "progressive": jpeg(cv2.IMWRITE_JPEG_PROGRESSIVE, 1),
    "restart markers": jpeg(cv2.IMWRITE_JPEG_RST_INTERVAL, 1),
}
# A thumbnail in an application segment brings an end marker of its own before the image data.
SEGMENT = jpeg(cv2.IMWRITE_JPEG_QUALITY, 10)
VARIANTS["thumbnail"] = (
    b"\xff\xd8\xff\xe1" + (len(SEGMENT) + 2).to_bytes(2, "big") + SEGMENT + VARIANTS["baseline"][2:]
)


@pytest.mark.parametrize("name", VARIANTS)
def test_whole_files(name):
    assert not is_truncated_jpeg(VARIANTS[name])
    assert not is_truncated_jpeg(VARIANTS[name] + b"appended by a camera \xff\xda")


@settings(deadline=None)
@given(name=st.sampled_from(sorted(VARIANTS)), part=st.floats(0, 1, exclude_max=True))
def test_every_cut_is_found(name, part):
    data = VARIANTS[name]
    assert is_truncated_jpeg(data[: max(2, int(part * len(data)))])


@pytest.mark.parametrize("extension", [".png", ".bmp", ".webp"])
def test_other_formats_are_left_to_the_decoder(extension):
    data = cv2.imencode(extension, NOISE)[1].tobytes()
    assert not is_truncated_jpeg(data)
    assert not is_truncated_jpeg(data[: len(data) // 2])


def test_real_images_are_whole(shared_data):
    files = sorted((shared_data / "widerface/WIDER_val/images").glob("*/*.jpg"))[:40]
    assert len(files) == 40
    assert not any(is_truncated_jpeg(file.read_bytes()) for file in files)
