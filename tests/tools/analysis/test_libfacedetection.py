"""The authors' library with weights of ours, against ``FaceDetector``."""

from pathlib import Path

import numpy as np
import pytest
import torch

from mmeiou.apis import FaceDetector
from mmeiou.config import load_detector, read_config

CONFIG = "yunet-s_2xb16-640e_widerface.py"


def test_the_library_finds_the_same_faces(import_tool, shared_data: Path, tmp_path: Path) -> None:
    skimage_data = pytest.importorskip("skimage.data")
    tool = import_tool("libfacedetection")
    model = load_detector(read_config(CONFIG), str(shared_data / "weights/yunet_s.pth"))
    with torch.no_grad():  # a stride to the right: not what the library would find by itself
        for unit in model.bbox_head.multi_level_bbox:
            unit.conv2.bias[0] += 1
    torch.save({"state_dict": model.state_dict()}, tmp_path / "moved.pth")
    try:
        library = tool.LibFaceDetection(model, tmp_path)
    except ImportError as error:
        pytest.skip(str(error))
    image = np.ascontiguousarray(skimage_data.astronaut()[:, :, ::-1])
    found = library(image)
    faces = FaceDetector(CONFIG, tmp_path / "moved.pth", score_thr=0.25)(image)
    assert len(found) == len(faces) == 1
    np.testing.assert_allclose(found.boxes, faces.boxes, atol=2)  # of whole corners and sizes
    np.testing.assert_allclose(found.landmarks, faces.landmarks, atol=1)
    # whole percents of the square root
    np.testing.assert_allclose(np.sqrt(found.scores), np.sqrt(faces.scores), atol=0.011)
    assert not len(library(np.zeros((64, 96, 3), np.uint8)))


def test_without_the_library_it_is_said_how_to_get_it(import_tool, tmp_path, monkeypatch) -> None:
    tool = import_tool("libfacedetection")
    monkeypatch.setattr(tool.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(ImportError, match="pip install --no-deps yuface"):
        tool.LibFaceDetection(torch.nn.Identity(), tmp_path)
    assert not list(tmp_path.iterdir())
