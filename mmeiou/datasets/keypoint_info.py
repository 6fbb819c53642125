"""What transforms need to know of landmarks, for the datasets that have them."""

from typing import Any


class KeypointInfoMixin:
    """Goes before a dataset that has ``num_keypoints`` and metainfo ``keypoint_flip_pairs``."""

    num_keypoints: int
    _metainfo: dict[str, Any]

    def get_data_info(self, idx: int) -> dict[str, Any]:
        """The labels of an image, with what its transforms need to know of the landmarks."""
        info: dict[str, Any] = super().get_data_info(idx)  # type: ignore[misc] # of the dataset
        info["num_keypoints"] = self.num_keypoints
        info["keypoint_flip_pairs"] = self._metainfo["keypoint_flip_pairs"]
        return info
