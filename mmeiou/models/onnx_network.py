"""A YuNet whose network runs in ONNX Runtime: on a CPU several times as fast as in PyTorch."""

import importlib.util
import warnings
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from mmcv.cnn import fuse_conv_bn
from torch import Tensor, nn

from mmeiou.threads import ONNX_RUNTIME_SPIN

OPSET = 17
# Of the picture that is traced; every other is taken, too.
TRACED = 64


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


def run_by_onnx_runtime(model: Any) -> Any:
    """Let ONNX Runtime run the network of a detector, in place, with as many threads as PyTorch.

    Batch norms are folded. Detections are the detector's to rounding; its weights, and gradients,
    have no meaning from here on.

    Args:
        model: A :class:`mmeiou.models.YuNet` in evaluation mode on the CPU.

    Returns:
        The same detector.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # on so small a picture others are only waited for
    try:
        network = OnnxNetwork(fuse_conv_bn(model), threads)
    finally:
        torch.set_num_threads(threads)
    model.extract_feat = network
    model.bbox_head.forward = _given
    return model


def _given(maps: Sequence[Any]) -> Sequence[Any]:
    return maps
