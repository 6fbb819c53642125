"""A YuNet whose network runs in ONNX Runtime: on a CPU faster than in PyTorch."""

import importlib.util
import logging
import warnings
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock
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
_EXPORTING = Lock()  # PyTorch exports one network at a time
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

    It has the weights that the detector has now. Copies and pickles open a session of their own.

    Args:
        model: With ``backbone``, ``neck`` and ``bbox_head``, in evaluation mode, on the CPU.
        threads: To run it with.

    Raises:
        ModuleNotFoundError: If ONNX or ONNX Runtime is missing.
    """

    def __init__(self, model: Any, threads: int) -> None:
        maps = _Maps(model).eval()
        images = torch.zeros(1, 3, TRACED, TRACED)
        with torch.no_grad():
            names = [f"map_{number}" for number in range(len(maps(images)))]
        self.levels = maps.levels
        self.threads = threads
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
            self.file = file.read_bytes()
        self.session = self._open()

    def _open(self) -> Any:
        import onnxruntime  # noqa: PLC0415 - optional

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self.threads
        options.log_severity_level = 3  # errors
        for key, value in ONNX_RUNTIME_SPIN.items():
            options.add_session_config_entry(key, value)
        return onnxruntime.InferenceSession(self.file, options, providers=["CPUExecutionProvider"])

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "session": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self.session = self._open()

    def __call__(self, images: Tensor) -> tuple[list[Tensor], ...]:
        """What the head's ``forward`` returns for ``(n, 3, h, w)`` float32 images.

        Raises:
            ValueError: If ONNX Runtime cannot run the network on images of that size.
        """
        try:
            maps = iter(self.session.run(None, {"images": images.contiguous().numpy()}))
        except Exception as error:  # its errors have no common class
            raise ValueError(
                f"the network cannot run on images {tuple(images.shape)}: pad them to a multiple "
                f"of the largest stride ({error})"
            ) from error
        return tuple([torch.from_numpy(next(maps)) for _ in range(n)] for n in self.levels)


def available() -> bool:
    """Whether ONNX Runtime is installed, and ONNX, by which PyTorch exports."""
    specs = [importlib.util.find_spec(name) for name in ("onnx", "onnxruntime")]
    # A folder of that name without a module is a package, too, but has no origin.
    return all(spec is not None and spec.origin is not None for spec in specs)


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
    with _EXPORTING:
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
    images = torch.rand(2, 3, TRACED * 2, TRACED * 3, generator=chance) * LARGEST_BYTE
    for found, expected in zip(network(images), model(images, mode="tensor"), strict=True):
        for one, other in zip(found, expected, strict=True):
            torch.testing.assert_close(one, other, rtol=TOLERANCE, atol=TOLERANCE)


def _given(maps: Sequence[Any]) -> Sequence[Any]:
    return maps
