"""From the samples of a loader to the batch of a detector."""

from mmeiou.models.data_preprocessors.det_data_preprocessor import DetDataPreprocessor

__all__ = ["DetDataPreprocessor"]
