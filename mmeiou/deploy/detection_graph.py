"""Decoding and NMS inside the graph, for ONNX Runtime."""

from typing import Any

import torch
from torch import Tensor, nn

from mmeiou.deploy.yunet_graph import YuNetGraph
from mmeiou.functional.priors import decode_boxes, decode_keypoints

DETECTION_NAMES = ("boxes", "scores", "labels", "landmarks")


class _NonMaxSuppression(torch.autograd.Function):
    """ONNX's operator of that name; in PyTorch a placeholder of the right type."""

    @staticmethod
    def forward(_ctx: Any, boxes: Tensor, *_: Any) -> Tensor:
        return boxes.new_zeros((1, 3), dtype=torch.long)

    @staticmethod
    def symbolic(g: Any, boxes: Any, scores: Any, most: Any, iou_thr: Any, score_thr: Any) -> Any:
        return g.op("NonMaxSuppression", boxes, scores, most, iou_thr, score_thr)


class DetectionGraph(nn.Module):
    """A :class:`YuNetGraph` that ends in faces; one image at a time.

    Outputs, best first: ``boxes`` ``(n, 4)`` x1 y1 x2 y2 and ``landmarks`` ``(n, K, 2)`` in pixels
    of the input, ``scores`` ``(n,)`` = cls * obj, ``labels`` ``(n,)``; landmarks only if the model
    has them.

    Args:
        graph: The network.
        score_thr: Smallest score.
        iou_thr: IoU above which the worse of two boxes of a class goes.
        max_per_img: Most faces of a class.
    """

    def __init__(
        self, graph: YuNetGraph, score_thr: float, iou_thr: float, max_per_img: int
    ) -> None:
        super().__init__()
        self.graph = graph
        self.register_buffer("score_thr", torch.tensor([score_thr]))
        self.register_buffer("iou_thr", torch.tensor([iou_thr]))
        self.register_buffer("most", torch.tensor([max_per_img]))

    @property
    def output_names(self) -> list[str]:
        """Names in the order of the outputs."""
        return list(DETECTION_NAMES[: None if self.graph.num_keypoints else -1])

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Outputs in the order of :attr:`output_names`."""
        outputs = self.graph(x)
        levels = len(self.graph.levels)
        cls, obj, bbox, *kps = (
            torch.cat(outputs[i : i + levels], dim=1)[0] for i in range(0, len(outputs), levels)
        )
        priors = torch.cat([self._priors(x, stride) for stride in self.graph.levels])
        boxes = decode_boxes(priors, bbox)
        scores, labels = (cls * obj).max(dim=1)
        # Boxes of different classes do not suppress each other: each stands in one row only.
        is_label = labels.unsqueeze(0) == torch.arange(self.graph.num_classes).unsqueeze(1)
        by_class = scores.unsqueeze(0) * is_label
        suppress: Any = _NonMaxSuppression.apply
        kept = suppress(
            boxes.unsqueeze(0), by_class.unsqueeze(0), self.most, self.iou_thr, self.score_thr
        )[:, 2]
        kept = kept[scores[kept].argsort(descending=True)]
        found = [boxes[kept], scores[kept], labels[kept]]
        if kps:
            # Selected last: ONNX cannot infer a dimension of no faces' landmarks.
            found.append(decode_keypoints(priors, kps[0])[kept])
        return tuple(found)

    @staticmethod
    def _priors(x: Tensor, stride: int) -> Tensor:
        rows, columns = x.shape[2] // stride, x.shape[3] // stride
        index = torch.arange(rows * columns)
        corner = torch.stack([index % columns, index // columns], dim=1).to(x.dtype) * stride
        return torch.cat([corner, torch.full_like(corner, stride)], dim=1)
