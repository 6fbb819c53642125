import time

import numpy as np
import pytest
import torch
from helpers.boxes import naive_iou, random_boxes
from hypothesis import given, settings
from hypothesis import strategies as st

from mmeiou.functional.nms import _BLOCK, nms


def naive_nms(boxes, scores, threshold, offset=0):
    boxes, offset, threshold = boxes.numpy(), np.float32(offset), np.float32(threshold)
    kept = []
    for i in sorted(range(len(boxes)), key=lambda i: -scores[i].item()):
        if not any(naive_iou(boxes[k], boxes[i], offset) > threshold for k in kept):
            kept.append(i)
    return kept


def with_ties(n, seed):
    generator = torch.Generator().manual_seed(seed)
    boxes = random_boxes(n, generator, extent=100, sides=(0, 40))
    # few distinct values, so that there are many ties
    scores = torch.randint(0, max(n // 3, 1), (n,), generator=generator) / 7
    return boxes, scores


def layout(kind, n):
    generator = torch.Generator().manual_seed(0)
    scores = torch.rand(n, generator=generator)
    steps = torch.arange(n)
    if kind == "disjoint":
        corner = torch.stack([steps % 100, steps // 100], 1) * 10.0
        return torch.cat([corner, corner + 8], 1), scores
    if kind == "one column":
        corner = torch.stack([torch.zeros(n), steps * 10.0], 1)
        return torch.cat([corner, corner + 8], 1), scores
    if kind == "random":
        return random_boxes(n, generator, extent=1000, sides=(10, 70)), scores
    if kind == "clusters":
        centres = torch.rand(50, 2, generator=generator) * 1000
        corner = centres[steps % 50] + torch.randn(n, 2, generator=generator) * 3
        return torch.cat([corner, corner + 80], 1), scores
    # "chain": each box is suppressed only by its predecessor, if that is kept
    corner = torch.stack([steps * 4.0, torch.zeros(n)], 1)
    return torch.cat([corner, corner + 10], 1), torch.linspace(1, 0, n)


def test_suppresses_above_but_not_at_the_threshold():
    # 3x1 boxes shifted by 1: intersection 2, union 4
    boxes = torch.tensor([[0.0, 0, 3, 1], [1, 0, 4, 1]])
    scores = torch.tensor([0.5, 0.9])
    assert nms(boxes, scores, 0.5).tolist() == [1, 0]
    assert nms(boxes, scores, 0.49).tolist() == [1]


def test_offset_widens_the_boxes_by_a_pixel():
    # 4x2 boxes then, shifted by 1: intersection 3 * 2, union 10
    boxes = torch.tensor([[0.0, 0, 3, 1], [1, 0, 4, 1]])
    scores = torch.tensor([0.9, 0.5])
    assert nms(boxes, scores, 0.55, offset=0).tolist() == [0, 1]
    assert nms(boxes, scores, 0.55, offset=1).tolist() == [0]


def test_suppressed_boxes_do_not_suppress():
    # neighbours overlap by 6/14, so every other box of a chain survives, across all blocks
    boxes, scores = layout("chain", 5 * _BLOCK + 1)
    assert nms(boxes, scores, 0.4).tolist() == list(range(0, 5 * _BLOCK + 1, 2))


def test_among_equal_scores_the_earlier_box_wins():
    boxes = torch.tensor([[0.0, 0, 10, 10], [50, 50, 60, 60], [0, 0, 10, 10], [50, 50, 60, 61]])
    assert nms(boxes, torch.ones(4), 0.5).tolist() == [0, 1]


@pytest.mark.parametrize("offset", [0, 1])
@pytest.mark.parametrize("threshold", [0.0, 0.3, 0.7])
@pytest.mark.parametrize("n", [0, 1, 2, _BLOCK - 1, _BLOCK, _BLOCK + 1, 3 * _BLOCK + 5])
def test_equals_the_naive_loop(n, threshold, offset):
    boxes, scores = with_ties(n, seed=n)
    assert nms(boxes, scores, threshold, offset).tolist() == naive_nms(
        boxes, scores, threshold, offset
    )


@settings(deadline=None, max_examples=60)
@given(
    data=st.lists(st.tuples(*[st.integers(-3, 8)] * 4, st.integers(0, 3)), max_size=40),
    threshold=st.sampled_from([0.0, 0.2, 0.5, 1.0]),
    offset=st.sampled_from([0, 1]),
)
def test_equals_the_naive_loop_on_degenerate_inverted_and_identical_boxes(data, threshold, offset):
    table = torch.tensor(data, dtype=torch.float32).view(-1, 5)
    boxes, scores = table[:, :4], table[:, 4]
    assert nms(boxes, scores, threshold, offset).tolist() == naive_nms(
        boxes, scores, threshold, offset
    )


def test_boxes_that_are_not_finite_leave_the_others_alone():
    box = [0.0, 0, 10, 10]
    nan, inf = float("nan"), float("inf")
    boxes = torch.tensor([[nan, 0, 10, 10], box, [0, 0, inf, 10], box, [nan] * 4, [inf] * 4])
    assert nms(boxes, torch.linspace(1, 0.5, 6), 0.5).tolist() == [0, 1, 2, 4, 5]


def test_half_precision_is_computed_in_float32():
    # areas beyond float16's range; IoU 290 * 300 / (2 * 90000 - 87000) = 0.935
    boxes = torch.tensor([[0.0, 0, 300, 300], [10, 0, 310, 300]]).half()
    assert nms(boxes, torch.tensor([0.9, 0.8]).half(), 0.9).tolist() == [0]


def test_wrong_shapes_are_refused():
    with pytest.raises(ValueError, match=r"\(3, 5\) and \(3,\)"):
        nms(torch.zeros(3, 5), torch.zeros(3), 0.5)
    with pytest.raises(ValueError, match=r"\(3, 4\) and \(2,\)"):
        nms(torch.zeros(3, 4), torch.zeros(2), 0.5)


@pytest.mark.parametrize("kind", ["disjoint", "one column", "random", "clusters", "chain"])
def test_ten_thousand_boxes_take_less_than_a_second_on_one_core(kind):
    boxes, scores = layout(kind, 10_000)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        start = time.process_time()
        nms(boxes, scores, 0.4)
        assert time.process_time() - start < 1
    finally:
        torch.set_num_threads(threads)
