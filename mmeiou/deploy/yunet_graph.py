"""YuNet as its clients want it: twelve named outputs, made for speed."""

from collections.abc import Sequence
from copy import deepcopy

import torch
from mmcv.cnn import fuse_conv_bn
from torch import Tensor, nn

from mmeiou.deploy.preprocessing import Preprocessing
from mmeiou.models.dense_heads import YuNetHead, YuNetIoUHead
from mmeiou.models.detectors import YuNet
from mmeiou.models.layers import DPUnit


class MergedUnits(nn.Module):
    """Several units on the same input as one: a pointwise, then a depthwise convolution.

    Exact, since a channel of either convolution sees nothing of the other units'.

    Args:
        units: Units without norm and activation, of equal input.
    """

    def __init__(self, units: Sequence[DPUnit]) -> None:
        super().__init__()
        self.sizes = [unit.conv2.out_channels for unit in units]
        channels = sum(self.sizes)
        self.conv1 = nn.Conv2d(units[0].conv1.in_channels, channels, 1)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, groups=channels)
        with torch.no_grad():
            for name in ("conv1", "conv2"):
                merged, parts = getattr(self, name), [getattr(unit, name) for unit in units]
                merged.weight.copy_(torch.cat([part.weight for part in parts]))
                merged.bias.copy_(torch.cat([part.bias for part in parts]))

    def forward(self, x: Tensor) -> Tensor:
        """``(N, in, H, W)`` to ``(N, sum of the units' outputs, H, W)``."""
        return self.conv2(self.conv1(x))


class YuNetGraph(nn.Module):
    """The outputs of OpenCV's ``FaceDetectorYN`` contract, from a copy of a trained detector.

    Input ``(N, 3, H, W)``, BGR 0-255, H and W multiples of the largest stride: what the detector's
    ``data_preprocessor`` makes of it is a part of the graph. Outputs, each
    ``(N, rows * columns, channels)`` row by row: ``cls``, ``obj`` (probabilities), ``bbox`` and,
    with landmarks, ``kps`` (offsets in strides), each for all levels.

    The batch norms are folded, and what predicts on a level is one pair of convolutions. An IoU
    branch is shared out between class and objectness, so that ``cls * obj`` is the fused score:
    ``cls' = cls ** (1 - a) * iou ** (a / 2)``, and ``obj'`` likewise.

    Args:
        detector: A YuNet in evaluation mode; left as it is.
    """

    def __init__(self, detector: YuNet) -> None:
        super().__init__()
        self.preprocessing = Preprocessing(detector.data_preprocessor)
        detector = fuse_conv_bn(deepcopy(detector).cpu()).eval()
        head: YuNetHead = detector.bbox_head
        self.backbone, self.neck = detector.backbone, detector.neck
        self.levels = head.strides
        self.num_classes, self.num_keypoints = head.num_classes, head.num_keypoints
        self.iou_fusion = 0.0
        if isinstance(head, YuNetIoUHead):
            self.iou_fusion, self.predicted_iou = head.iou_fusion, head.predicted_iou
        if hasattr(head, "multi_level_cls_convs"):
            raise ValueError(
                "stacked_convs of the head are not exported: train with stacked_convs=0, as the "
                "released models"
            )
        nothing = [nn.Identity() for _ in self.levels]
        self.shared = nn.ModuleList(getattr(head, "multi_level_share_convs", nothing))
        branches = ["cls", "obj", "bbox"]
        branches += ["kps"] if self.num_keypoints else []
        branches += ["iou"] if isinstance(head, YuNetIoUHead) else []
        predictors = [
            MergedUnits([getattr(head, f"multi_level_{branch}")[level] for branch in branches])
            for level in range(len(self.levels))
        ]
        self.predictors = nn.ModuleList(predictors)
        self.sizes = predictors[0].sizes

    @property
    def output_names(self) -> list[str]:
        """Names in the order of the outputs."""
        branches = ["cls", "obj", "bbox", *(["kps"] if self.num_keypoints else [])]
        return [f"{branch}_{stride}" for branch in branches for stride in self.levels]

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Outputs in the order of :attr:`output_names`."""
        feats = self.neck(self.backbone(self.preprocessing(x)))
        levels = [
            self._level(predictor(shared(feat)))
            for shared, predictor, feat in zip(self.shared, self.predictors, feats, strict=True)
        ]
        return tuple(output for outputs in zip(*levels, strict=True) for output in outputs)

    def _level(self, maps: Tensor) -> list[Tensor]:
        # Split while channels are contiguous, and one for the batch as a constant: no shape
        # arithmetic, which OpenCV's engines dislike.
        cls, obj, *others = torch.split(maps.reshape(1, maps.shape[1], -1), self.sizes, dim=1)
        cls, obj = cls.sigmoid(), obj.sigmoid()
        if self.iou_fusion:
            share = self.predicted_iou(others[-1]).pow(self.iou_fusion / 2)
            cls, obj = (p.pow(1 - self.iou_fusion) * share for p in (cls, obj))
        outputs = [cls, obj, *others[: 1 + bool(self.num_keypoints)]]
        # A single channel is laid out as wanted already.
        return [
            output.transpose(1, 2) if output.shape[1] > 1 else output.reshape(1, -1, 1)
            for output in outputs
        ]


def contract_outputs(detector: YuNet, x: Tensor) -> list[Tensor]:
    """What the graph of a detector has to give, from the detector as it is.

    Args:
        detector: In evaluation mode.
        x: ``(1, 3, H, W)``, BGR 0-255, H and W multiples of the largest stride.
    """
    preprocessed = Preprocessing(detector.data_preprocessor).to(x.device)(x)
    head: YuNetHead = detector.bbox_head
    cls, bbox, obj, kps, *iou = (
        [level.permute(0, 2, 3, 1).flatten(1, 2) for level in maps]
        for maps in head(detector.extract_feat(preprocessed))
    )
    cls, obj = [level.sigmoid() for level in cls], [level.sigmoid() for level in obj]
    if isinstance(head, YuNetIoUHead):
        exponent = head.iou_fusion
        shares = [head.predicted_iou(level).pow(exponent / 2) for level in iou[0]]
        cls, obj = (
            [level.pow(1 - exponent) * share for level, share in zip(branch, shares, strict=True)]
            for branch in (cls, obj)
        )
    return [*cls, *obj, *bbox, *kps]
