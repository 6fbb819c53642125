"""Which images go together."""

from mmeiou.datasets.samplers.padded_size_batch_sampler import PaddedSizeBatchSampler

__all__ = ["PaddedSizeBatchSampler"]
