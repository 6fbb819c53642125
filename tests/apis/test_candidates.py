"""From proposals to faces."""

import numpy as np
import torch

from mmeiou.apis.candidates import Candidates, select_faces


def proposals(*rows: tuple[float, ...]) -> Candidates:
    """Squares: x, y, side, score, label; the landmark is the corner."""
    table = torch.tensor(rows).reshape(-1, 5)
    corner, side = table[:, :2], table[:, 2:3]
    return Candidates(
        torch.cat([corner, corner + side], 1), table[:, 3], corner[:, None], table[:, 4].long()
    )


def test_duplicates_are_suppressed_over_views_and_within_classes() -> None:
    one = proposals((0, 0, 10, 0.5, 0), (50, 50, 10, 0.7, 0), (0, 0, 10, 0.6, 1))
    # 10 x 9 of 10 x 10 + 10 x 1 is IoU 90 / 110; the last overlaps by 4 / (10 + 6) only.
    other = proposals((0, 1, 10, 0.9, 0), (50, 56, 10, 0.1, 0))
    faces = select_faces([one, other], nms_thr=0.45, max_faces=None)
    np.testing.assert_allclose(faces.scores, [0.9, 0.7, 0.6, 0.1])
    assert faces.labels.tolist() == [0, 0, 1, 0]
    assert faces.boxes[0].tolist() == [0, 1, 10, 11]
    assert faces.landmarks[:, 0].tolist() == [[0, 1], [50, 50], [0, 0], [50, 56]]
    assert len(select_faces([one, other], nms_thr=0.9, max_faces=None)) == 5
    assert select_faces([one, other], nms_thr=0.45, max_faces=2).scores.tolist() == [
        *faces.scores[:2]
    ]


def test_nothing_found_keeps_its_shapes() -> None:
    faces = select_faces([proposals(), proposals()], nms_thr=0.5, max_faces=3)
    assert (faces.boxes.shape, faces.landmarks.shape) == ((0, 4), (0, 1, 2))
    assert len(faces) == 0
    assert faces.labels.dtype == np.int64


def test_rescaling_and_the_largest_side() -> None:
    found = proposals((8, 6, 4, 0.5, 0), (0, 0, 40, 0.5, 0))
    assert found.up_to(40).boxes.tolist() == found.boxes.tolist()
    assert found.up_to(39).boxes.tolist() == found.boxes[:1].tolist()
    half = found.rescaled((2, 0.5))
    assert half.boxes[0].tolist() == [4, 12, 6, 20]
    assert half.landmarks[0].tolist() == [[4, 12]]
