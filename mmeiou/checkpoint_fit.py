"""What a checkpoint holds, and whether its weights fit a model and are numbers."""

import re
from collections.abc import Collection, Mapping
from typing import Any

from torch import Tensor, nn

from mmeiou.functional.finite import listed, require_finite

# What somebody may take for a YuNet's, by the beginning of a name that only they have.
_OTHER_FACE_DETECTORS = {
    "loc.0.": "YuFaceDetectNet, the anchor-based network of libfacedetection.train before 2022",
    "BboxHead.0.": "RetinaFace in PyTorch",
    "bbox_head.cls_stride_convs.": "SCRFD",
    "backbone.p1.0.": "YUNet of jahongir7174, whose branches are single convolutions",
}


def weights_of(checkpoint: Mapping[str, Any]) -> dict[str, Tensor]:
    """The weights in a checkpoint, by their names in the model.

    Args:
        checkpoint: With the weights as ``state_dict``, or themselves. It stays as it is.

    Raises:
        ValueError: If it is no mapping, or holds something else than weights.
    """
    if not isinstance(checkpoint, Mapping):
        raise ValueError(  # noqa: TRY004 - of a file's content, not of an argument
            f"the checkpoint is a {type(checkpoint).__name__}, not a dict of weights"
        )
    weights = checkpoint.get("state_dict", checkpoint)
    if not isinstance(weights, Mapping) or not all(isinstance(w, Tensor) for w in weights.values()):
        raise ValueError(
            f"the checkpoint has {listed(list(map(str, checkpoint)))}: expected the weights, "
            "tensors by their names, as 'state_dict' or alone"
        )
    # The prefix that DataParallel leaves; MMEngine strips it, too.
    return {key.removeprefix("module."): value for key, value in weights.items()}


def dataset_meta_of(checkpoint: Mapping[str, Any]) -> dict[str, Any]:
    """What a checkpoint says of the dataset that it was trained on; empty if nothing."""
    return (checkpoint.get("meta") or {}).get("dataset_meta") or {}


def misfits(expected: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, list[str]]:
    """Keys that do not fit, by what is wrong with them: three lists, any of which may be empty."""
    return {
        "missing": [key for key in expected if key not in given],
        "unexpected": [key for key in given if key not in expected],
        "of another shape": [
            key for key in expected if key in given and expected[key].shape != given[key].shape
        ],
    }


def require_fit(
    model: nn.Module, weights: Mapping[str, Tensor], ignore: Collection[str] = ()
) -> None:
    """Compare a model with weights.

    Args:
        model: Without a wrapper.
        weights: As :func:`weights_of` gives them.
        ignore: Regular expressions; keys in which one of them is found need not fit.

    Raises:
        ValueError: Naming the first keys that are missing, unexpected or of another shape, or whose
            numbers are not finite.
    """
    expected = model.state_dict()
    found = {
        problem: [key for key in keys if not any(re.search(one, key) for one in ignore)]
        for problem, keys in misfits(expected, weights).items()
    }
    refused = [f"{len(keys)} {problem}: {listed(keys)}" for problem, keys in found.items() if keys]
    if refused and (other := _other_network(weights)):
        raise ValueError(
            f"the checkpoint does not fit {type(model).__name__}: its weights are those of "
            f"{other}. That is another network; its weights cannot be converted"
        )
    if refused:
        raise ValueError(
            f"the checkpoint does not fit {type(model).__name__}: {'; '.join(refused)}. Is it of "
            "another architecture (YuNet_n and YuNet_s differ) or of another number of classes or "
            "landmarks? To fine-tune with those keys at their initial values, list them in "
            "CheckpointGuardHook(ignore=[...])."
        )
    require_finite(weights, meant=expected)


def _other_network(weights: Mapping[str, Tensor]) -> str | None:
    return next(
        (
            network
            for start, network in _OTHER_FACE_DETECTORS.items()
            if any(key.startswith(start) for key in weights)
        ),
        None,
    )
