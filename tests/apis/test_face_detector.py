"""The detector around a network that finds bright rectangles, and its options."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from mmeiou.apis import FaceDetector, ImageError, face_detector
from mmeiou.apis.candidates import Candidates

LIGHT = """
import sys
import mmeiou.apis
from mmeiou.apis import FaceDetector
detector = FaceDetector(sys.argv[1])
import numpy as np
detector(np.zeros((40, 50, 3), np.uint8))
print(sorted({name.partition(".")[0] for name in sys.modules} & {"mmdet", "mmcv", "mmengine"}))
"""


class BrightRectangle:
    """Proposes the bounding box of what is bright, surer the larger it is, and counts batches."""

    divisor = 32
    fixed_size: tuple[int, int] | None = None
    classes = ("face",)

    def __init__(self) -> None:
        self.batches: list[list[tuple[int, int]]] = []

    def __call__(self, images: Sequence[np.ndarray], score_thr: float) -> list[Candidates]:
        self.batches.append([image.shape[:2] for image in images])
        return [self.find(image, score_thr) for image in images]

    def find(self, image: np.ndarray, score_thr: float) -> Candidates:
        y, x = np.nonzero(image[..., 0] > 127)
        boxes = torch.zeros(0, 4)
        if len(x):
            boxes = torch.tensor([[x.min(), y.min(), x.max() + 1, y.max() + 1]]).float()
        scores = (boxes[:, 2] - boxes[:, 0]) / 1000
        keep = scores >= score_thr
        return Candidates(
            boxes[keep], scores[keep], boxes[keep, None, :2], torch.zeros(int(keep.sum())).long()
        )


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> BrightRectangle:
    backend = BrightRectangle()
    monkeypatch.setattr(face_detector, "_load", lambda *_: backend)
    return backend


def picture(height: int, width: int, *box: int) -> np.ndarray:
    image = np.zeros((height, width, 3), np.uint8)
    x1, y1, x2, y2 = box
    image[y1:y2, x1:x2] = 255
    return image


@pytest.mark.usefixtures("network")
def test_one_image_or_several(tmp_path: Path) -> None:
    image = picture(60, 90, 20, 10, 40, 44)
    cv2.imwrite(str(tmp_path / "a.png"), image)
    detector = FaceDetector("unused", score_thr=0.01)
    for faces in (detector(image), *detector([image, tmp_path / "a.png"]), *detector((image,))):
        assert faces.boxes.tolist() == [[20, 10, 40, 44]]
        assert faces.landmarks.tolist() == [[[20, 10]]]
        assert faces.scores.tolist() == [np.float32(0.02)]
    assert detector([]) == []
    with pytest.raises(ImageError, match="no pixels"):
        detector([image, image[:0]])
    assert FaceDetector("unused", score_thr=0.021)(image).boxes.shape == (0, 4)


def test_only_images_of_one_padded_size_share_a_batch(network: BrightRectangle) -> None:
    shapes = [(60, 90), (33, 65), (65, 33), (64, 96), (64, 66)]
    images = [picture(*shape, i, i, 30, 30) for i, shape in enumerate(shapes)]
    found = FaceDetector("unused", score_thr=0, batch_size=2)(images)
    assert network.batches == [[(60, 90), (33, 65)], [(65, 33)], [(64, 96)], [(64, 66)]]
    assert [faces.boxes[0, 0] for faces in found] == [0, 1, 2, 3, 4]  # each its own
    network.batches.clear()
    FaceDetector("unused", score_thr=0, batch_size=3)(images)
    assert network.batches == [[(60, 90), (33, 65)], [(65, 33)], [(64, 96), (64, 66)]]


def test_views_of_one_padded_size_share_batches_up_to_the_limit(network: BrightRectangle) -> None:
    image = picture(50, 60, 10, 10, 30, 30)
    FaceDetector("unused", score_thr=0, scales=(0.9, 1, 1.05), batch_size=2)([image])
    assert network.batches == [[(45, 54), (50, 60)], [(52, 63)]]


def test_boxes_come_back_in_pixels_of_the_image(network: BrightRectangle) -> None:
    image = picture(600, 801, 200, 100, 400, 300)
    faces = FaceDetector("unused", score_thr=0, max_side=200)(image)
    assert network.batches == [[(150, 200)]]
    np.testing.assert_allclose(faces.boxes, [[200, 100, 400, 300]], atol=4)
    # 200 / 801 across, 150 / 600 = 0.25 down: the scales differ, if little.
    assert faces.boxes[0, 2] % 4 != 0
    assert faces.boxes[0, 3] % 4 == 0


@pytest.mark.usefixtures("network")
def test_scales_are_merged_and_long_faces_left_to_smaller_views() -> None:
    detector = FaceDetector("unused", score_thr=0, scales=(0.5, 1))
    # 200 px and, halved, 100: one face; the surer sight, here the larger, is kept.
    faces = detector(picture(600, 800, 200, 100, 400, 300))
    assert faces.scores.tolist() == [np.float32(0.2)]
    # 600 px is too long for the larger view, though it is surer of it.
    faces = detector(picture(700, 800, 100, 50, 700, 650))
    assert faces.scores.tolist() == [np.float32(0.3)]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"score_thr": 1.5}, "score_thr must be in"),
        ({"nms_thr": -0.1}, "nms_thr must be in"),
        ({"max_faces": 0}, "max_faces must be at least 1"),
        ({"max_side": -1}, "max_side must be at least 1"),
        ({"batch_size": 0}, "batch_size must be at least 1"),
        ({"scales": ()}, "scales must be"),
        ({"scales": (1, 0)}, "scales must be"),
    ],
)
def test_options_out_of_range(options, message) -> None:
    with pytest.raises(ValueError, match=message):
        FaceDetector("unused", **options)


def test_exports_run_without_mmdetection(tiny) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LIGHT, str(tiny.dynamic)], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
