"""A YuNet as the C++ source file that libfacedetection keeps its weights in."""

import os
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import NamedTuple

import numpy as np
from mmcv.cnn import fuse_conv_bn
from numpy.typing import NDArray
from torch import nn

from mmeiou.deploy.preprocessing import takes_pixels
from mmeiou.models.dense_heads import YuNetHead, YuNetIoUHead
from mmeiou.models.detectors import YuNet
from mmeiou.models.layers import DPUnit
from mmeiou.whole_files import replacing

# What the library's facedetectcnn-model.cpp runs, whatever the widths.
_NETWORK = {
    "num_stages": 6,
    "downsample_idx": (0, 2, 3, 4),
    "out_idx": (3, 4, 5),
    "strides": (8, 16, 32),
    "num_classes": 1,
    "num_keypoints": 5,
}
_BRANCHES = ("cls", "bbox", "obj", "kps")
# The library turns the image into vectors of 27, and 5 zeros, to which the stem is pointwise.
_STEM_CHANNELS = 32

Floats = NDArray[np.float32]


class Convolution(NamedTuple):
    """One of the library's ``ConvInfoStruct``."""

    name: str
    in_channels: int
    out_channels: int
    depthwise: bool
    """3 x 3 of each channel; else pointwise."""
    relu: bool
    """Whether a ReLU follows."""
    weight: Floats
    """Pointwise ``(out, in)``, depthwise ``(9, channels)``, both as they lie in memory."""
    bias: Floats
    """``(out,)``."""


def export_cpp(model: YuNet, path: str | os.PathLike[str]) -> list[Convolution]:
    """Write a trained detector as ``facedetectcnn-data.cpp``.

    The file replaces the one of the same name in the library's ``src``; nothing else of the library
    changes. Batch norms are folded. Numbers are written so that they are read back exactly.
    (The layout is that of the library since 2023 and of the authors' ``yunet2cpp.py``, which rounds
    to three digits.)

    Args:
        model: The detector; left as it is.
        path: File to write; it appears whole or not at all.

    Returns:
        What was written.

    Raises:
        TypeError: If the model is no YuNet.
        ValueError: If the library's network is another one.
    """
    convolutions = convolutions_of(model)
    with replacing(Path(path)) as unfinished:
        unfinished.write_text(as_source(convolutions))
    return convolutions


def convolutions_of(model: YuNet) -> list[Convolution]:
    """The convolutions of a detector in the library's order, batch norms folded.

    Raises:
        TypeError: If the model is no YuNet.
        ValueError: If the library's network is another one.
    """
    _require_same_network(model)
    model = fuse_conv_bn(deepcopy(model).cpu()).eval()
    backbone, head = model.backbone, model.bbox_head
    found = [_stem(backbone.model0.conv1), *_unit("backbone__model0_dp", backbone.model0.conv2)]
    for stage in range(1, backbone.num_stages):
        for half in (1, 2):
            unit = getattr(getattr(backbone, f"model{stage}"), f"conv{half}")
            found += _unit(f"backbone__model{stage}_dp{half}", unit)
    for level, unit in enumerate(model.neck.lateral_convs):
        found += _unit(f"neck__lateral_convs__{level}", unit)
    for branch in _BRANCHES:
        for level, unit in enumerate(getattr(head, f"multi_level_{branch}")):
            found += _unit(f"bbox_head__multi_level_{branch}__{level}", unit)
    return found


def as_source(convolutions: list[Convolution]) -> str:
    """The text of ``facedetectcnn-data.cpp``."""
    arrays = (
        f"float {each.name}_{kind}[{values.size}] = {{{_literals(values)}}};"
        for each in convolutions
        for kind, values in (("weight", each.weight), ("bias", each.bias))
    )
    entries = (
        f"    {{{each.in_channels}, {each.out_channels}, {_boolean(each.depthwise)}, "
        f"{_boolean(not each.depthwise)}, {_boolean(each.relu)}, {each.name}_weight, "
        f"{each.name}_bias}},"
        for each in convolutions
    )
    return "\n".join(
        (
            "// The weights of a YuNet, written by mmeiou's tools/export_cpp.py.",
            '#include "facedetectcnn.h"',
            "",
            *arrays,
            "",
            "// channels in and out, depthwise, pointwise, with ReLU, weights, biases",
            f"ConvInfoStruct param_pConvInfo[{len(convolutions)}] = {{",
            *entries,
            "};",
            "",
        )
    )


def _require_same_network(model: YuNet) -> None:
    if not isinstance(model, YuNet):
        raise TypeError(f"only mmeiou.YuNet is exported here, got {type(model).__name__}")
    head: YuNetHead = model.bbox_head
    if isinstance(head, YuNetIoUHead):
        message = "libfacedetection has no IoU branch: use a model with mmeiou.YuNetHead"
        raise ValueError(message)  # noqa: TRY004 - a YuNet, but with another network
    if hasattr(head, "multi_level_share_convs") or hasattr(head, "multi_level_cls_convs"):
        raise ValueError(
            "libfacedetection predicts from the neck, without shared_stacked_convs and "
            "stacked_convs of the head: that is YuNet_s, "
            "configs/yunet/yunet-s_2xb16-640e_widerface.py"
        )
    given = {
        name: getattr(part, name)
        for part in (model.backbone, head)
        for name in _NETWORK
        if hasattr(part, name)
    }
    for name, wanted in _NETWORK.items():
        if given[name] != wanted:
            raise ValueError(f"libfacedetection has {name}={wanted}, the model has {given[name]}")
    if not takes_pixels(model.data_preprocessor):
        raise ValueError(
            "libfacedetection takes BGR of 0 to 255 as it is: the model's data_preprocessor must "
            "have no mean, no std and no bgr_to_rgb"
        )


def _stem(conv: nn.Conv2d) -> Convolution:
    """The first convolution over pixels that lie side by side: rows, columns, then colours."""
    rows = conv.weight.detach().permute(0, 2, 3, 1).flatten(1).numpy()
    weight = np.zeros((len(rows), _STEM_CHANNELS), np.float32)
    weight[:, : rows.shape[1]] = rows
    return Convolution(
        "backbone__model0_pw",
        _STEM_CHANNELS,
        len(rows),
        depthwise=False,
        relu=True,
        weight=weight,
        bias=_bias(conv),
    )


def _unit(name: str, unit: DPUnit) -> Iterator[Convolution]:
    for suffix, conv in (("pw", unit.conv1), ("dw", unit.conv2)):
        depthwise = suffix == "dw"
        weight = conv.weight.detach().flatten(1)
        yield Convolution(
            f"{name}_{suffix}",
            conv.in_channels,
            conv.out_channels,
            depthwise,
            relu=depthwise and isinstance(unit.relu, nn.ReLU),
            weight=(weight.T if depthwise else weight).numpy(),
            bias=_bias(conv),
        )


def _bias(conv: nn.Conv2d) -> Floats:
    assert conv.bias is not None  # neither units nor folded norms leave it out
    return conv.bias.detach().numpy()


def _literals(values: Floats) -> str:
    # NumPy's shortest text that names the same float32; it always has a point or an exponent.
    return ",".join(f"{value!s}f" for value in values.ravel())


def _boolean(value: bool) -> str:
    return "true" if value else "false"
