"""Weights of a checkpoint alone, without optimizer and log: to .safetensors, or from it to .pth.

python tools/convert_weights.py work_dirs/yunet/epoch_640.pth yunet.safetensors

A .safetensors can hold nothing but tensors and text; every tool that takes a checkpoint takes one.
The names of the classes are kept.
"""

import argparse
from pathlib import Path

PTH = ".pth"


def parse_args() -> argparse.Namespace:
    """Arguments of the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("source", help="checkpoint file or address")
    parser.add_argument("target", type=Path, help="file to write, .safetensors or .pth")
    return parser.parse_args()


def main() -> None:
    """Load, take what is needed, write."""
    args = parse_args()
    import torch  # noqa: PLC0415 - after --help
    from mmengine.runner import CheckpointLoader  # noqa: PLC0415

    from mmeiou.compat.safetensors_files import SUFFIX, write_safetensors  # noqa: PLC0415
    from mmeiou.engine.checkpoint_fit import weights_of  # noqa: PLC0415
    from mmeiou.functional.finite import require_finite  # noqa: PLC0415
    from mmeiou.whole_files import replacing  # noqa: PLC0415

    try:
        if args.target.suffix not in {SUFFIX, PTH}:
            raise ValueError(f"{args.target} ends in neither {SUFFIX} nor {PTH}")  # noqa: TRY301
        checkpoint = CheckpointLoader.load_checkpoint(args.source, "cpu")
        weights = weights_of(checkpoint)
        require_finite(weights)
        meta = checkpoint.get("meta", {}).get("dataset_meta")
        with replacing(args.target, flush=True) as unfinished:
            if args.target.suffix == SUFFIX:
                write_safetensors(unfinished, weights, meta)
            else:
                about = {"meta": {"dataset_meta": meta}} if meta else {}
                torch.save({"state_dict": dict(weights), **about}, unfinished)
    except (OSError, ValueError, ImportError) as error:
        raise SystemExit(f"convert_weights: {error}") from error
    print(f"{args.target}: {len(weights)} tensors, {args.target.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
