"""Batches of a loader that depend on their place in the training alone.

A sample's randomness follows from (seed, epoch, index), whatever the number of workers and whatever
was drawn before, and a training can begin at any batch without loading those before.
"""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from torch.utils.data import DataLoader

from mmeiou.functional.seeds import seed_everything

SampleKey = tuple[int, int]


class SeededSamples:
    """The samples of a dataset by (epoch, index), each with generators seeded for it.

    PyTorch's loader asks a dataset's ``__getitems__`` for whole batches where there is one; a
    dataset of any class gets it as an attribute. It stays itself for those who look into it.
    """

    def __init__(self, dataset: Any, seed: int) -> None:
        self.dataset = dataset
        self.seed = seed

    def __call__(self, keys: Sequence[SampleKey]) -> list[Any]:
        """The samples, or what the dataset draws instead of those that it cannot use."""
        return [self._sample(*key) for key in keys]

    def _sample(self, epoch: int, index: int) -> Any:
        seed_everything(self.seed, epoch, index)
        return self.dataset[index]


class SeededBatchSampler:
    """A batch sampler that gives (epoch, index) instead of index, from any batch on.

    Args:
        batch_sampler: Of any class; its ``sampler`` has ``set_epoch``.
        endless: Whether the sampler goes on for ever, as ``InfiniteSampler`` does. The number of
            the batch then stands for the epoch.
    """

    def __init__(self, batch_sampler: Any, *, endless: bool = False) -> None:
        self.batch_sampler = batch_sampler
        self.sampler = batch_sampler.sampler  # MMEngine sets its epoch
        self.batch_size = getattr(batch_sampler, "batch_size", None)
        self.endless = endless
        self.epoch = 0
        self.start = 0

    def __len__(self) -> int:
        return len(self.batch_sampler)

    def begin_with(self, number: int) -> None:
        """Let the next iteration begin at the batch of this number in the training."""
        epoch, start = (0, number) if self.endless else divmod(number, len(self))
        self.sampler.set_epoch(epoch)
        self.begin_at(epoch, start)

    def begin_at(self, epoch: int, start: int) -> None:
        """Let the next iteration begin at a batch of the epoch that the sampler is in."""
        self.epoch, self.start = epoch, start
        # What an iteration that was broken off has left: InfiniteSampler's stream, and the half
        # full batches of MMDetection's batch samplers.
        if hasattr(self.sampler, "indices") and hasattr(self.sampler, "_indices_of_rank"):
            self.sampler.indices = self.sampler._indices_of_rank()  # noqa: SLF001
        for buckets in ("_aspect_ratio_buckets", "_buckets"):
            if hasattr(self.batch_sampler, buckets):
                empty: list[Any] = [[] for _ in getattr(self.batch_sampler, buckets)]
                setattr(self.batch_sampler, buckets, empty)

    def __iter__(self) -> Iterator[list[SampleKey]]:
        """The batches from where it was said, once; the next time, all of them."""
        start, self.start = self.start, 0
        for number, batch in enumerate(islice(self.batch_sampler, start, None), start):
            epoch = number if self.endless else self.epoch
            yield [(epoch, index) for index in batch]


def seed_batches(loader: DataLoader[Any], seed: int, *, by_epoch: bool) -> SeededBatchSampler:
    """Make the batches of a loader depend on ``seed`` and their place alone.

    Args:
        loader: Changed in place, before anything is drawn from it that counts.
        seed: Of the run, the same in all processes.
        by_epoch: False for loops that know iterations alone. Their sampler is endless unless it
            has the number of its epoch as ``epoch``, as MMEngine's and MMDetection's finite ones.

    Returns:
        The batch sampler that the loader has now.

    Raises:
        TypeError: If the batches have no place that could be told: those of an
            ``IterableDataset``, or of a sampler without ``set_epoch``.
    """
    inner: Any = loader.batch_sampler
    if not hasattr(getattr(inner, "sampler", None), "set_epoch"):
        raise TypeError(
            f"the loader of {type(loader.dataset).__name__} has no sampler whose epoch can be set"
        )
    endless = not by_epoch and not hasattr(inner.sampler, "epoch")
    batches = SeededBatchSampler(inner, endless=endless)
    batches.sampler.seed = seed
    batches.begin_at(0, 0)
    loader._iterator = None  # noqa: SLF001 - MMEngine 0.10.7 starts workers before it resumes
    dataset: Any = loader.dataset
    dataset.__getitems__ = SeededSamples(dataset, seed)
    # PyTorch refuses the assignment, because an iterator would not see it. None is left.
    vars(loader)["batch_sampler"] = batches
    return batches


class EndlessBatches:
    """Batches of a loader, epoch after epoch, from any batch on without loading those before.

    Takes the place of MMEngine's iterator of iteration-based loops, which loads what is skipped.

    Args:
        loader: As :func:`seed_batches` leaves it.
        batches: What that returns.
        number: Of the first batch.
        unread: So many are asked for first and thrown away: MMEngine 0.10.7 skips so.
    """

    def __init__(
        self, loader: DataLoader[Any], batches: SeededBatchSampler, number: int, unread: int = 0
    ) -> None:
        self.loader = loader
        self.batches = batches
        self.number = number
        self.unread = unread
        self._iterator: Iterator[Any] = iter(())

    def __iter__(self) -> "EndlessBatches":
        return self

    def __next__(self) -> Any:
        if self.unread:
            self.unread -= 1
            return None
        try:
            batch = next(self._iterator)
        except StopIteration:
            self.batches.begin_with(self.number)
            self._iterator = iter(self.loader)
            batch = next(self._iterator)
        self.number += 1
        return batch

    def skip_iter(self, num_iters: int) -> None:
        """What later versions of MMEngine ask for instead; ``number`` is there already."""
