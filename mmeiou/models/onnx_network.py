"""A YuNet whose network runs in ONNX Runtime: on a CPU several times as fast as in PyTorch."""

import importlib.util
import logging
import warnings
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from mmcv.cnn import fuse_conv_bn
from mmengine.logging import print_log
from torch import Tensor, nn

from mmeiou.threads import ONNX_RUNTIME_SPIN

OPSET = 17
# Of the picture that is traced; every other is taken, too.
TRACED = 64
LARGEST_BYTE = 255
TOLERANCE = 1e-3  # of logits and offsets, beyond what an order of sums explains


class _Maps(nn.Module):
    """Backbone, neck and head, whose maps come in one tuple."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        branches = self.model.bbox_head(self.model.neck(self.model.backbone(images)))
        self.levels = [len(branch) for branch in branches]
        return tuple(level for branch in branches for level in branch)


class OnnxNetwork:
    """The maps of a detector's head, computed by ONNX Runtime on the CPU.

    It has the weights that the detector has now.

    Args:
        model: With ``backbone``, ``neck`` and ``bbox_head``, in evaluation mode, on the CPU.
        threads: To run it with.

    Raises:
        ModuleNotFoundError: If ONNX or ONNX Runtime is missing.
    """

    def __init__(self, model: Any, threads: int) -> None:
        import onnxruntime  # noqa: PLC0415 - optional

        maps = _Maps(model).eval()
        images = torch.zeros(1, 3, TRACED, TRACED)
        with torch.no_grad():
            names = [f"map_{number}" for number in range(len(maps(images)))]
        self.levels = maps.levels
        free = {"images": {0: "batch", 2: "height", 3: "width"}}
        free |= {name: {0: "batch", 2: f"height_{name}", 3: f"width_{name}"} for name in names}
        with TemporaryDirectory() as folder, warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")  # of the tracer, and that there is a newer exporter
            file = Path(folder) / "network.onnx"
            torch.onnx.export(
                maps,
                (images,),
                file,
                dynamo=False,  # a second instead of many
                opset_version=OPSET,
                input_names=["images"],
                output_names=names,
                dynamic_axes=free,
            )
            network = file.read_bytes()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3  # errors
        for key, value in ONNX_RUNTIME_SPIN.items():
            options.add_session_config_entry(key, value)
        self.session = onnxruntime.InferenceSession(
            network, options, providers=["CPUExecutionProvider"]
        )

    def __call__(self, images: Tensor) -> tuple[list[Tensor], ...]:
        """What the head's ``forward`` returns for ``(n, 3, h, w)`` float32 images."""
        maps = iter(self.session.run(None, {"images": images.contiguous().numpy()}))
        return tuple([torch.from_numpy(next(maps)) for _ in range(n)] for n in self.levels)


def available() -> bool:
    """Whether ONNX Runtime is installed, and ONNX, by which PyTorch exports."""
    return all(importlib.util.find_spec(name) is not None for name in ("onnx", "onnxruntime"))


def run_by_onnx_runtime(model: Any) -> bool:
    """Let ONNX Runtime run the network of a detector, in place, with as many threads as PyTorch.

    Batch norms are folded. Detections are the detector's to rounding; its weights, and gradients,
    have no meaning from here on. A network that cannot be exported, or whose maps differ on a
    picture of another size than the traced one, stays in PyTorch, with a warning.

    Args:
        model: A :class:`mmeiou.models.YuNet` in evaluation mode on the CPU.

    Returns:
        Whether it does.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # on so small a picture others are only waited for
    try:
        network = OnnxNetwork(fuse_conv_bn(model), threads)
        _compare(network, model)
    except Exception as error:  # noqa: BLE001 - of whatever parts the network has
        print_log(
            f"the network runs in PyTorch, as ONNX Runtime cannot run it: {error}",
            "current",
            logging.WARNING,
        )
        return False
    finally:
        torch.set_num_threads(threads)
    model.extract_feat = network
    model.bbox_head.forward = _given
    return True


@torch.no_grad()
def _compare(network: OnnxNetwork, model: Any) -> None:
    # A generator of its own: the training's random numbers stay as they were.
    chance = torch.Generator().manual_seed(0)
    images = torch.rand(2, 3, TRACED, TRACED // 2 * 3, generator=chance) * LARGEST_BYTE
    for found, expected in zip(network(images), model(images, mode="tensor"), strict=True):
        for one, other in zip(found, expected, strict=True):
            torch.testing.assert_close(one, other, rtol=TOLERANCE, atol=TOLERANCE)


def _given(maps: Sequence[Any]) -> Sequence[Any]:
    return maps
