"""MMDetection's own inferencer takes our configs."""

import numpy as np
import pytest
import torch
from mmdet.apis import DetInferencer

from mmeiou.apis import FaceDetector
from mmeiou.compat.archive import CheckpointError


@pytest.mark.filterwarnings("ignore:dataset_meta or class names are not saved")
def test_finds_what_the_face_detector_finds(tiny, noise, monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("MMEIOU_WIDERFACE", str(tmp_path / "absent"))
    inferencer = DetInferencer(
        model=str(tiny.config), weights=str(tiny.checkpoint), device="cpu", show_progress=False
    )
    (found,) = inferencer(noise, return_datasamples=True)["predictions"]
    faces = FaceDetector(tiny.config, tiny.checkpoint, score_thr=0.02)(noise)
    np.testing.assert_allclose(found.pred_instances.bboxes, faces.boxes, rtol=1e-4, atol=1e-3)
    np.testing.assert_allclose(
        found.pred_instances.keypoints, faces.landmarks, rtol=1e-4, atol=1e-3
    )
    written = inferencer(noise, out_dir=str(tmp_path), pred_score_thr=0.4)
    assert len(written["predictions"][0]["scores"]) == len(faces)
    assert len(list((tmp_path / "vis").iterdir())) == 1


def test_a_config_kept_in_the_weights_is_not_run(tiny, tmp_path) -> None:
    program = f"open({str(tmp_path / 'ran')!r}, 'w').close()"
    content = {"state_dict": torch.load(tiny.checkpoint), "meta": {"cfg": program}}
    torch.save(content, tmp_path / "w.pth")
    with pytest.raises(CheckpointError, match=r"w\.pth comes without a config: .*model=CONFIG"):
        DetInferencer(weights=str(tmp_path / "w.pth"), device="cpu")
    assert not (tmp_path / "ran").exists()
