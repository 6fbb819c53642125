"""To LiteRT's ``.tflite``."""

from pathlib import Path
from typing import Any

import onnx
import torch
from torch import Tensor, nn

from mmeiou.apis.views import Size
from mmeiou.deploy.conversion.torch_graph import TorchGraph


class _ChannelsLast(nn.Module):
    """A graph whose input is ``(N, H, W, 3)``, as LiteRT lays images out."""

    def __init__(self, network: TorchGraph) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        return self.network(x.permute(0, 3, 1, 2))


def to_litert(source: Path, target: Path, *, half: bool, size: Size) -> None:
    """Convert, by LiteRT's converter from PyTorch.

    Args:
        source: The ``.onnx`` file, in float.
        target: The ``.tflite`` file to write.
        half: Store the weights in 16 bits; LiteRT computes in 32 all the same.
        size: Width and height of the input.

    Raises:
        ImportError: If LiteRT's converter is missing.
        ValueError: If the source has other operators than a YuNet in float.
    """
    try:
        import litert_torch  # noqa: PLC0415 (optional)
    except ImportError as error:
        raise ImportError(
            ".tflite files are written by LiteRT's converter: pip install 'mmeiou[litert]'"
        ) from error
    graph = _ChannelsLast(TorchGraph(onnx.load(source))).eval()
    width, height = size
    sample = torch.zeros(1, height, width, 3)
    litert_torch.convert(graph, sample_kwargs={"x": sample}).export(str(target))
    if half:
        target.write_bytes(_halved(str(target)))


def _halved(path: str) -> bytes:
    from ai_edge_quantizer import qtyping, quantizer  # noqa: PLC0415 (comes with litert_torch)

    halving = quantizer.Quantizer(path)
    for operator in ("CONV_2D", "DEPTHWISE_CONV_2D"):
        halving.update_quantization_recipe(
            regex=".*",
            algorithm_key=quantizer.AlgorithmName.FLOAT_CASTING,
            operation_name=qtyping.TFLOperationName(operator),
            op_config=qtyping.OpQuantizationConfig(
                weight_tensor_config=qtyping.TensorQuantizationConfig(
                    num_bits=16, dtype=qtyping.TensorDataType.FLOAT
                ),
                compute_precision=qtyping.ComputePrecision.FLOAT,
                explicit_dequantize=True,
            ),
        )
    halved: Any = halving.quantize()
    return bytes(halved.quantized_model)
