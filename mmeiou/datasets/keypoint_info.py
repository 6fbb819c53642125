"""What the datasets with landmarks do for their transforms, and refuse of them."""

from typing import Any

from mmeiou.datasets.transforms.carrying import LEFT_DATASET, require_carrying


class KeypointInfoMixin:
    """Goes before a dataset that has ``num_keypoints`` and metainfo ``keypoint_flip_pairs``.

    Raises:
        ValueError: A transform of the pipeline would leave the landmarks behind.
    """

    num_keypoints: int
    pipeline: Any
    wrapper_is_checked = False  # set by mmeiou.MultiImageMixDataset
    _metainfo: dict[str, Any]

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        require_carrying(self.pipeline)

    def prepare_data(self, idx: int) -> Any:
        """Run the pipeline; of a sample that is not packed yet, note that others may go on."""
        results = super().prepare_data(idx)  # type: ignore[misc] # of the dataset
        if isinstance(results, dict) and "gt_keypoints" in results and not self.wrapper_is_checked:
            results[LEFT_DATASET] = True
        return results

    def get_data_info(self, idx: int) -> dict[str, Any]:
        """The labels of an image, with what its transforms need to know of the landmarks."""
        info: dict[str, Any] = super().get_data_info(idx)  # type: ignore[misc] # of the dataset
        info["num_keypoints"] = self.num_keypoints
        info["keypoint_flip_pairs"] = self._metainfo["keypoint_flip_pairs"]
        return info
