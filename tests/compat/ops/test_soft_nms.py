import math

import numpy as np
import pytest
import torch
from helpers.boxes import naive_iou
from hypothesis import given, settings
from hypothesis import strategies as st

from mmeiou.compat.ops.soft_nms import soft_nms


def naive_soft_nms(boxes, scores, threshold, sigma, min_score, method, offset):
    """One list entry after the other, moved as the compiled kernel moves them."""
    f = np.float32
    table = torch.cat([boxes, scores[:, None]], 1).numpy()
    rows = [[*row, i] for i, row in enumerate(table)]
    i = 0
    while i < len(rows):
        best = max(range(i, len(rows)), key=lambda k: (rows[k][4], -k))
        rows[i], rows[best] = rows[best], rows[i]
        k = i + 1
        while k < len(rows):
            iou = naive_iou(rows[i], rows[k], f(offset))
            if method == "gaussian":
                # torch's exp, as scores that tie up to rounding must tie here too
                rows[k][4] *= torch.tensor(-(iou * iou) / f(sigma)).exp().numpy()
            elif iou >= f(threshold):
                rows[k][4] *= f(0) if method == "naive" else f(1) - iou
            if rows[k][4] < f(min_score):
                rows[k] = rows[-1]
                rows.pop()
            else:
                k += 1
        i += 1
    return np.array([row[:5] for row in rows], dtype=f).reshape(-1, 5), [row[5] for row in rows]


# Shifted by 1 in x: IoU 9/11; far away: 0.
BOXES = torch.tensor([[0.0, 0, 10, 10], [1, 0, 11, 10], [50, 50, 60, 60]])
SCORES = torch.tensor([0.9, 0.8, 0.7])


@pytest.mark.parametrize(
    ("method", "second"),
    [("linear", 0.8 * 2 / 11), ("gaussian", 0.8 * math.exp(-((9 / 11) ** 2) / 0.5))],
)
def test_lowers_the_score_of_the_overlapping_box(method, second):
    dets, indices = soft_nms(BOXES, SCORES, 0.3, 0.5, 1e-3, method)
    assert indices.tolist() == [0, 2, 1]
    assert torch.equal(dets[:, :4], BOXES[indices])
    assert dets[:, 4].tolist() == pytest.approx([0.9, 0.7, second], rel=1e-6)


def test_naive_drops_the_overlapping_box():
    dets, indices = soft_nms(BOXES, SCORES, 0.3, 0.5, 1e-3, "naive")
    assert indices.tolist() == [0, 2]
    assert dets[:, 4].tolist() == pytest.approx([0.9, 0.7])


def test_threshold_itself_counts_as_overlap():
    boxes = torch.tensor([[0.0, 0, 3, 1], [1, 0, 4, 1]])  # IoU 2/4
    assert len(soft_nms(boxes, torch.tensor([0.9, 0.8]), 0.5, method="naive")[1]) == 1


@pytest.mark.parametrize("offset", [0, 1])
@pytest.mark.parametrize("method", ["naive", "linear", "gaussian"])
@settings(deadline=None, max_examples=40)
@given(
    data=st.lists(st.tuples(*[st.integers(0, 8)] * 4, st.integers(1, 4)), max_size=25),
    threshold=st.sampled_from([0.1, 0.3, 0.5]),
    min_score=st.sampled_from([1e-3, 0.2, 0.6]),
)
def test_equals_the_naive_loop(method, offset, data, threshold, min_score):
    table = torch.tensor(data, dtype=torch.float32).view(-1, 5)
    boxes = torch.cat([table[:, :2], table[:, :2] + table[:, 2:4]], 1)
    scores = table[:, 4] / 4
    options = (threshold, 0.5, min_score, method, offset)
    dets, indices = soft_nms(boxes, scores, *options)
    expected, order = naive_soft_nms(boxes, scores, *options)
    assert indices.tolist() == order
    np.testing.assert_allclose(dets.numpy(), expected, rtol=2e-6)


def test_boxes_without_area_keep_their_scores():
    boxes = torch.tensor([[5.0, 5, 5, 5]] * 3)
    for method in ("naive", "linear", "gaussian"):
        dets, indices = soft_nms(boxes, SCORES, method=method)
        assert indices.tolist() == [0, 1, 2]
        assert torch.equal(dets[:, 4], SCORES)


def test_input_is_left_alone_and_dtype_kept():
    for dtype in (torch.float16, torch.float32, torch.float64):
        boxes, scores = BOXES.to(dtype), SCORES.to(dtype)
        dets, _ = soft_nms(boxes, scores)
        assert dets.dtype == dtype
        assert torch.equal(boxes, BOXES.to(dtype))
        assert torch.equal(scores, SCORES.to(dtype))


def test_unknown_method_is_refused():
    with pytest.raises(ValueError, match="'cubic'"):
        soft_nms(BOXES, SCORES, method="cubic")
