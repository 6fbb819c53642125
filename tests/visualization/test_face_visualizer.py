"""The registered visualizer."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmdet.structures import DetDataSample
from mmdet.structures.bbox import HorizontalBoxes
from mmengine.registry import VISUALIZERS
from mmengine.structures import InstanceData

from mmeiou.visualization.faces import BOX_COLOUR, draw_faces

IMAGE = np.random.default_rng(0).integers(0, 90, (80, 60, 3), dtype=np.uint8)
BOXES = torch.tensor([[10.0, 20, 30, 50], [35, 40, 55, 70]])
POINTS = torch.tensor([[[15.0, 30], [25, 30]], [[40, 50], [50, 50]]])


@pytest.fixture
def visualizer():
    return VISUALIZERS.build({"type": "mmeiou.FaceVisualizer", "name": "faces"})


def test_draws_what_draw_faces_draws(visualizer, tmp_path: Path) -> None:
    predicted = InstanceData(
        bboxes=BOXES,
        scores=torch.tensor([0.9, 0.2]),
        labels=torch.zeros(2, dtype=torch.long),
        keypoints=POINTS,
    )
    file = tmp_path / "drawn.png"
    visualizer.add_datasample(
        "a",
        IMAGE[..., ::-1],  # MMDetection's pictures are RGB
        DetDataSample(pred_instances=predicted),
        draw_gt=False,
        pred_score_thr=0.3,
        out_file=str(file),
    )
    expected = draw_faces(IMAGE, BOXES[:1].numpy(), np.array([0.9]), POINTS[:1].numpy())
    np.testing.assert_array_equal(cv2.imread(str(file)), expected)
    assert (expected == BOX_COLOUR).all(2).any()


def test_draws_ground_truth_without_scores_or_landmarks(visualizer) -> None:
    truth = InstanceData(bboxes=HorizontalBoxes(BOXES), labels=torch.zeros(2, dtype=torch.long))
    drawn = visualizer._draw_instances(IMAGE[..., ::-1], truth, ("face",), None)
    np.testing.assert_array_equal(drawn[..., ::-1], draw_faces(IMAGE, BOXES.numpy()))


def test_styles_that_would_have_no_effect_are_refused() -> None:
    with pytest.raises(TypeError, match="line_width"):
        VISUALIZERS.build({"type": "mmeiou.FaceVisualizer", "name": "thick", "line_width": 5})
