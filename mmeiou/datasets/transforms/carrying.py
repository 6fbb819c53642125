"""Which transforms carry landmarks along, and which leave them behind.

MMDetection's and MMCV's know nothing of ``gt_keypoints``: those that move pixels or boxes would
train a detector on landmarks that lie elsewhere.
"""

from collections.abc import Iterator
from typing import Any

from mmcv.transforms import BaseTransform
from mmengine.dataset import Compose

FOREIGN = ("mmcv.", "mmdet.")

# Key of a sample whose landmarks left their dataset for a pipeline that was not checked.
LEFT_DATASET = "landmarks_left_dataset"

# Of MMCV and MMDetection, those that move neither pixels nor boxes, or hold others that are asked.
HARMLESS = {
    "AutoAugment", "AutoContrast", "Brightness", "Color", "ColorTransform", "Compose", "Contrast",
    "Corrupt", "CutOut", "Equalize", "ImageToTensor", "InferencerLoader", "Invert", "KeyMapper",
    "LoadAnnotations", "LoadEmptyAnnotations", "LoadImageFromFile", "LoadImageFromNDArray",
    "LoadImageFromWebcam", "LoadMultiChannelImageFromFiles", "Normalize", "Pad",
    "PhotoMetricDistortion", "Posterize", "RandomApply", "RandomChoice", "RandomChoiceResize",
    "RandomGrayscale", "RandomResize", "Sharpness", "Solarize", "SolarizeAdd",
    "TestTimeAug", "ToDevice", "ToTensor", "TransformBroadcaster", "Transpose",
    "YOLOXHSVRandomAug",
}  # fmt: skip


def require_carrying(*pipelines: Any) -> None:
    """Check pipelines that follow one another, if landmarks are loaded in them.

    Args:
        *pipelines: MMEngine's ``Compose``, or lists of transforms.

    Raises:
        ValueError: Naming a transform that would leave them behind.
    """
    steps = list(_steps(pipelines))
    if not any(getattr(step, "with_keypoints", False) for step in steps):
        return
    for step in steps:
        kind = type(step)
        if kind.__module__.startswith(FOREIGN) and kind.__name__ not in HARMLESS:
            raise ValueError(
                f"{kind.__name__} of MMDetection leaves landmarks behind: use the transform of the "
                f"same name with the prefix 'mmeiou.' if there is one ({_ours()}), or load without "
                "landmarks (with_keypoints=False)"
            )


def _steps(value: Any) -> Iterator[Any]:
    """The transforms of a pipeline, those inside of others included."""
    if isinstance(value, (list, tuple)):
        for one in value:
            yield from _steps(one)
    elif isinstance(value, (BaseTransform, Compose)):
        if isinstance(value, BaseTransform):
            yield value
        for inner in vars(value).values():
            yield from _steps(inner)


def _ours() -> str:
    from mmeiou.datasets import transforms  # noqa: PLC0415 - which imports this module's users

    return ", ".join(name for name in transforms.__all__ if name not in HARMLESS)
