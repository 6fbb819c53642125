"""The wrapper for augmentations over several images, with landmarks."""

from typing import Any

from mmdet.datasets import MultiImageMixDataset as MMDetMultiImageMixDataset

from mmeiou.datasets.transforms.carrying import require_carrying
from mmeiou.registry import DATASETS


@DATASETS.register_module()
class MultiImageMixDataset(MMDetMultiImageMixDataset):
    """MMDetection's ``MultiImageMixDataset`` that refuses transforms which leave landmarks behind.

    Args:
        *args: Those of MMDetection's, as are the next.
        **kwargs: ``dataset``, ``pipeline`` and so on.

    Raises:
        ValueError: Naming the transform.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        require_carrying(getattr(self.dataset, "pipeline", []), self.pipeline)
        self.dataset.wrapper_is_checked = True
