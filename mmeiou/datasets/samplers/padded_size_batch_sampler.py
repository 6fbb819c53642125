"""Batches in which no image is padded for the sake of another."""

from collections import defaultdict
from collections.abc import Iterator

from torch.utils.data import BatchSampler, Sampler

from mmeiou.registry import DATA_SAMPLERS


@DATA_SAMPLERS.register_module()
class PaddedSizeBatchSampler(BatchSampler):
    """Groups images that have the same size once padded to a multiple of the largest stride.

    For tests at original size: each image is padded as it would be alone, so that what is found in
    it does not depend on the batch. A batch comes when it is full; what is left over comes at the
    end. Images whose size the dataset does not know come alone.

    The sampler's last image comes last, alone. MMEngine's samplers fill up the last round of the
    processes with repeated images, and its metrics cut off the results at the end for them.

    Args:
        sampler: Gives indices of its ``dataset``, whose ``get_data_info`` has ``width`` and
            ``height`` in pixels.
        batch_size: Most images of a batch.
        divisor: ``pad_size_divisor`` of the data preprocessor.

    Raises:
        TypeError: If the sampler has no ``dataset``.
        ValueError: If a number is below 1.
    """

    def __init__(self, sampler: Sampler[int], batch_size: int, divisor: int = 32) -> None:
        if not hasattr(sampler, "dataset"):
            raise TypeError(
                f"{type(sampler).__name__} has no dataset to ask for sizes; take DefaultSampler"
            )
        if divisor < 1:
            raise ValueError(f"divisor must be at least 1, got {divisor}")
        super().__init__(sampler, batch_size, drop_last=False)
        self.dataset = sampler.dataset
        self.divisor = divisor

    def __iter__(self) -> Iterator[list[int]]:
        indices = [*self.sampler]
        groups: defaultdict[tuple[int, int], list[int]] = defaultdict(list)
        for index in indices[:-1]:
            size = self._padded_size(index)
            if size is None:
                yield [index]
                continue
            groups[size].append(index)
            if len(groups[size]) == self.batch_size:
                yield groups.pop(size)
        yield from groups.values()
        if indices:
            yield indices[-1:]

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def _padded_size(self, index: int) -> tuple[int, int] | None:
        info = self.dataset.get_data_info(index)
        if "width" not in info or "height" not in info:
            return None
        rows, columns = (-(-info[side] // self.divisor) for side in ("height", "width"))
        return rows, columns
