"""Does quantization-aware fine-tuning make a better INT8 file than quantizing alone?

    python tools/experiments/int8_finetuning.py yunet_n.onnx IMAGES --seeds 0 1 --out work_dirs/int8
    python tools/analysis/deployed_ap.py data/widerface --onnx work_dirs/int8/seed0.onnx
    python tools/analysis/landmark_error.py --data helen_test work_dirs/int8/seed0.onnx

The float file of tools/export_onnx.py is quantized as tools/quantize_onnx.py begins: everything but
the first blocks in integers. The quantized graph then runs in PyTorch, its rounding passing
gradients straight through, and its weights learn to give what the float network gives on crops of
the images: scores by Kullback-Leibler divergence, boxes and landmarks of the priors that the float
network scores 0.1 by smooth L1. No labels are needed. What was learned is quantized once more, with
ranges of its own, and written to OUT/seedN.onnx, beside OUT/unlearned.onnx.
"""

import argparse
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812
from tqdm import trange

from mmeiou.apis.exported import as_batch
from mmeiou.apis.images import Image, load_image
from mmeiou.apis.views import make_views
from mmeiou.deploy.int8.blocks import blocks_of, last_depthwise
from mmeiou.deploy.int8.quantize import Batch, prepare, quantize
from mmeiou.functional.distillation import score_divergence, teacher_weights
from mmeiou.labels.image_files import list_images
from mmeiou.whole_files import replacing

CROPS = (0.3, 0.45, 0.6, 0.8, 1.0)  # of the shorter side
SCORE_THR = 0.1
WEIGHTS = {"box": 5.0, "kps": 1.0}
Values = dict[str, Any]


class QuantizedGraph(nn.Module):
    """The convolutional part of a quantized YuNet: what ONNX Runtime computes, differentiable.

    Args:
        quantized: Of :func:`mmeiou.deploy.int8.quantize.quantize`, from ``model``.
        model: The float graph, whose convolutions have the same names. Their weights and biases
            are the parameters.
    """

    def __init__(self, quantized: onnx.ModelProto, model: onnx.ModelProto) -> None:
        super().__init__()
        self.nodes = list(quantized.graph.node)
        self.constants: Values = {
            tensor.name: torch.tensor(numpy_helper.to_array(tensor))
            for tensor in quantized.graph.initializer
        }
        self.input = quantized.graph.input[0].name
        self.ends = last_depthwise(model.graph)
        self.results = {node.name: node.output[0] for node in self.nodes}
        self.weights = nn.ParameterDict()
        floats = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
        for node in model.graph.node:
            if node.op_type == "Identity" and node.input[0] in floats:  # of equal ones one is kept
                floats[node.output[0]] = floats[node.input[0]]
            if node.op_type == "Conv":
                for kind, name in zip(("weight", "bias"), node.input[1:], strict=True):
                    self.weights[_key(node.name, kind)] = nn.Parameter(torch.tensor(floats[name]))

    def forward(self, images: Tensor) -> Tensor:
        """``(B, 3, H, W)`` to ``(B, P, 1 + 1 + 4 + 2K)``: class, objectness, box and landmarks."""
        values: Values = {self.input: images, **self.constants}
        for node in self.nodes:
            if node.op_type == "Conv":
                values[node.output[0]] = self._convolved(node, values)
            elif node.op_type in OPERATORS:  # others come after the last convolutions
                given = (values.get(name) for name in node.input)
                values[node.output[0]] = OPERATORS[node.op_type](*given)
        ends = [values[self.results[name]] for name in self.ends]
        return torch.cat([end.flatten(2).transpose(1, 2) for end in ends], 1)

    def _convolved(self, node: onnx.NodeProto, values: Values) -> Tensor:
        weight, bias = (self.weights[_key(node.name, kind)] for kind in ("weight", "bias"))
        if isinstance(values[node.input[1]], _Integers):
            scale = (weight.detach().abs().amax((1, 2, 3)) / 127).clamp(min=1e-12)
            zeros = torch.zeros_like(scale, dtype=torch.int32)
            weight = torch.fake_quantize_per_channel_affine(weight, scale, zeros, 0, -127, 127)
        if isinstance(values[node.input[2]], _Integers):
            step = values[node.input[2]].scale
            bias = bias + ((bias / step).round() * step - bias).detach()
        options: Values = {item.name: list(item.ints) or item.i for item in node.attribute}
        return F.conv2d(
            values[node.input[0]],
            weight,
            bias,
            stride=options["strides"],
            padding=options["pads"][:2],
            groups=options["group"],
        )

    def learned(self, model: onnx.ModelProto) -> onnx.ModelProto:
        """A copy of the float graph with the weights as they are now."""
        copy = onnx.ModelProto()
        copy.CopyFrom(model)
        for node in copy.graph.node:
            if node.op_type == "Conv":
                for position, kind in enumerate(("weight", "bias"), 1):
                    key = _key(node.name, kind)
                    array = self.weights[key].detach().numpy()
                    copy.graph.initializer.append(numpy_helper.from_array(array, key))
                    node.input[position] = key
        return copy


class _Integers(NamedTuple):
    """Stands for weights or a bias in integers, which follow from the float ones."""

    scale: Tensor


def _dequantized(values: Tensor, scale: Tensor, *_: Tensor) -> Tensor | _Integers:
    # Activations are rounded where they are quantized, and are floats already.
    return values if values.is_floating_point() else _Integers(scale)


def _rounded(values: Tensor, scale: Tensor, zero: Tensor) -> Tensor:
    return torch.fake_quantize_per_tensor_affine(values, scale, zero.to(torch.int32), 0, 255)


OPERATORS: dict[str, Callable[..., Any]] = {
    "QuantizeLinear": _rounded,
    "DequantizeLinear": _dequantized,
    "Identity": lambda x: x,
    "Relu": F.relu,
    "MaxPool": lambda x: F.max_pool2d(x, 2),
    "Resize": lambda x, *_: F.interpolate(x, scale_factor=2, mode="nearest"),
    "Add": lambda x, y: x + y,
    "Mul": lambda x, y: x * y,
}


def _key(node: str, kind: str) -> str:
    return f"{node}_{kind}".replace(".", "_")


def crop_of(picture: Image, random: np.random.Generator, side: int) -> Image:
    """A random square of a picture, perhaps mirrored, in the size that is trained with."""
    height, width = picture.shape[:2]
    length = max(1, int(random.choice(CROPS) * min(height, width)))
    y, x = (int(random.integers(0, most - length + 1)) for most in (height, width))
    crop = cv2.resize(picture[y : y + length, x : x + length], (side, side))
    return crop[:, ::-1] if random.random() < 0.5 else crop  # noqa: PLR2004 - one in two


def distance(student: Tensor, teacher: Tensor) -> Tensor:
    """Loss of :class:`QuantizedGraph`'s result against the float network's."""
    weight = teacher_weights(teacher[..., :1], teacher[..., 1], SCORE_THR)
    divergence = score_divergence(
        student[..., :1], student[..., 1], teacher[..., :1], teacher[..., 1]
    ).sum()
    errors = F.smooth_l1_loss(student[..., 2:], teacher[..., 2:], beta=0.05, reduction="none")
    errors = errors * weight[..., None]
    boxes, points = errors[..., :4].sum(), errors[..., 4:].sum()
    total = divergence + WEIGHTS["box"] * boxes + WEIGHTS["kps"] * points
    return total / weight.sum().clamp(min=1)


def learn(graph: QuantizedGraph, teacher: QuantizedGraph, args: argparse.Namespace) -> None:
    """Fine-tune in place."""
    random = np.random.default_rng(args.seed)
    paths = [args.images / name for name in list_images(args.images)]
    optimizer = torch.optim.Adam(graph.parameters(), lr=args.lr)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, args.steps)
    bar = trange(args.steps, desc=f"seed {args.seed}")
    for _ in bar:
        chosen = random.choice(len(paths), args.batch_size)
        crops = [crop_of(load_image(paths[index]), random, args.side) for index in chosen]
        images = torch.from_numpy(np.stack(crops).transpose(0, 3, 1, 2).astype(np.float32))
        with torch.no_grad():
            wanted = teacher(images)
        loss = distance(graph(images), wanted)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
        bar.set_postfix(loss=f"{loss.item():.3f}")


def parse_args() -> argparse.Namespace:
    """Arguments of the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", type=Path, help="float .onnx file of tools/export_onnx.py")
    parser.add_argument("images", type=Path, help="folder, searched for images")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--steps", type=int, default=150)
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--side", type=int, default=320, help="of a crop, in pixels")
    parser.add_argument("--lr", type=float, default=3e-6)
    parser.add_argument("--float-blocks", type=int, default=3, help="first ones, not in integers")
    parser.add_argument("--calibration", nargs=2, type=int, default=(20, 640), help="images, side")
    parser.add_argument("--out", type=Path, required=True, help="folder")
    return parser.parse_args()


def calibration(folder: Path, number: int, side: int) -> list[Batch]:
    """Images of a folder, evenly spread, as the network gets them."""
    paths = [folder / name for name in list_images(folder)]
    chosen = np.linspace(0, len(paths) - 1, min(number, len(paths))).round().astype(int)
    size = (side, side)
    views = (next(make_views(load_image(paths[i]), (1.0,), None, size)).pixels for i in chosen)
    return [as_batch([pixels], size) for pixels in views]


def main() -> None:
    """Quantize, learn, quantize again."""
    args = parse_args()
    logging.getLogger().setLevel(logging.ERROR)  # the quantizer advises on the root logger
    try:
        model = prepare(onnx.load(args.model))
        batches = calibration(args.images, *args.calibration)
    except (OSError, ValueError) as error:
        raise SystemExit(f"error: {error}") from error
    in_float = blocks_of(model.graph)[: args.float_blocks]
    quantized = quantize(model, batches, in_float)
    write(quantized, args.out / "unlearned.onnx")
    teacher = QuantizedGraph(model, model)
    for seed in args.seeds:
        args.seed = seed
        graph = QuantizedGraph(quantized, model)
        learn(graph, teacher, args)
        write(quantize(graph.learned(model), batches, in_float), args.out / f"seed{seed}.onnx")


def write(model: onnx.ModelProto, path: Path) -> None:
    """Whole or not at all."""
    with replacing(path) as unfinished:
        unfinished.write_bytes(model.SerializeToString())
    print(path)


if __name__ == "__main__":
    main()
