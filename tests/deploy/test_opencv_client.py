"""OpenCV's FaceDetectorYN with our export of the released weights and with the authors' own."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from mmengine.config import Config

from mmeiou.deploy.onnx_export import export_onnx
from mmeiou.engine.load_detector import load_detector

NUM_IMAGES = 50


def faces(path: Path, image: np.ndarray) -> np.ndarray:
    """(n, 15): x y w h, five landmarks, score."""
    height, width = image.shape[:2]
    client = cv2.FaceDetectorYN.create(str(path), "", (width, height), 0.3, 0.45, 5000)
    found = client.detect(image)[1]
    return np.zeros((0, 15), np.float32) if found is None else found


@pytest.mark.slow
@pytest.mark.parametrize("dynamic", [False, True], ids=["fixed", "dynamic"])
def test_same_faces_as_the_authors_export(
    repo: Path, shared_data: Path, tmp_path: Path, dynamic: bool
) -> None:
    """On images of many sizes, so the fixed graph has to work at sizes it was not made for."""
    cfg = Config.fromfile(repo / "configs/yunet/yunet-n_2xb16-640e_widerface.py")
    model = load_detector(cfg, str(shared_data / "weights/yunet_n.pth"))
    export_onnx(model, tmp_path / "ours.onnx", (640, 640), dynamic=dynamic)
    images = sorted((shared_data / "widerface/WIDER_val/images").rglob("*.jpg"))
    total = 0
    sizes = set()
    for name in images[:: len(images) // NUM_IMAGES][:NUM_IMAGES]:
        image = cv2.imread(str(name))
        image = cv2.resize(image, None, fx=0.4, fy=0.4)
        sizes.add(image.shape)
        ours = faces(tmp_path / "ours.onnx", image)
        theirs = faces(shared_data / "weights/yunet_n_640_640.onnx", image)
        assert ours.shape == theirs.shape, name
        np.testing.assert_allclose(ours[:, :14], theirs[:, :14], atol=1, err_msg=str(name))
        np.testing.assert_allclose(ours[:, 14], theirs[:, 14], atol=0.01, err_msg=str(name))
        total += len(ours)
    assert total > 100
    assert len(sizes) > 10
