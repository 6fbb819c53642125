import random
from collections.abc import Iterable
from itertools import islice
from typing import Any

import pytest
from helpers.drawing_run import draw
from mmdet.datasets.samplers import AspectRatioBatchSampler
from mmengine.dataset import BaseDataset, ConcatDataset, DefaultSampler, InfiniteSampler
from torch.utils.data import DataLoader, IterableDataset

from mmeiou.datasets.seeded_batches import EndlessBatches, seed_batches

NUM, BATCH = 11, 2
SHAPES = [(2, 1), (1, 2), (1, 2)]


class Draws(BaseDataset):
    """Its samples are their index and a number of each generator; 4 is replaced at random."""

    def load_data_list(self) -> list[dict[str, Any]]:
        shapes = [SHAPES[i % 3] for i in range(NUM)]
        return [{"index": i, "width": w, "height": h} for i, (w, h) in enumerate(shapes)]

    def prepare_data(self, idx: int) -> Any:
        if idx == 4:
            return None
        return idx, *draw()


def loader(
    kind: type = DefaultSampler, workers: int = 0, dataset: Any = None, *, grouped: bool = False
) -> DataLoader:
    dataset = dataset or Draws(pipeline=[lambda info: info])
    sampler = kind(dataset, shuffle=True, seed=1)
    how: dict[str, Any] = {"sampler": sampler, "batch_size": BATCH}
    if grouped:
        how = {"batch_sampler": AspectRatioBatchSampler(sampler, BATCH)}
    return DataLoader(
        dataset, collate_fn=list, num_workers=workers, persistent_workers=workers > 0, **how
    )


def epoch(loaded: Iterable, number: int, seed: int = 7, start: int = 0) -> list[Any]:
    batches = seed_batches(loaded, seed, by_epoch=True)
    loaded.batch_sampler.sampler.set_epoch(number)
    batches.begin_at(number, start)
    return list(loaded)


@pytest.mark.parametrize("grouped", [False, True])
def test_an_epoch_does_not_depend_on_workers_or_the_past(grouped: bool) -> None:
    expected = epoch(loader(grouped=grouped), 3)
    assert len(expected) == 6
    assert epoch(loader(workers=2, grouped=grouped), 3) == expected
    random.seed(5)
    again = loader(grouped=grouped)
    again.batch_sampler.sampler.seed = 99  # drawn by a run that then resumes another
    assert epoch(again, 3) == expected
    for other in (epoch(loader(grouped=grouped), 4), epoch(loader(grouped=grouped), 3, seed=8)):
        assert {sample[1:] for batch in other for sample in batch}.isdisjoint(
            sample[1:] for batch in expected for sample in batch
        )


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("grouped", [False, True])
def test_an_epoch_can_begin_at_any_batch(workers: int, grouped: bool) -> None:
    expected = epoch(loader(grouped=grouped), 0)
    for start in (1, 5, 6):
        assert epoch(loader(workers=workers, grouped=grouped), 0, start=start) == expected[start:]


def test_what_is_skipped_is_not_loaded() -> None:
    loaded = loader()
    seen = []
    prepare = loaded.dataset.prepare_data
    loaded.dataset.prepare_data = lambda idx: (seen.append(idx), prepare(idx))[1]
    (batch,) = epoch(loaded, 0, start=5)
    assert [sample[0] for sample in batch] == [idx for idx in seen if idx != 4]


def test_only_the_first_epoch_begins_late_and_the_dataset_stays_itself() -> None:
    loaded = loader()
    dataset = loaded.dataset
    assert len(epoch(loaded, 0, start=4)) == 2
    assert len(list(loaded)) == len(loaded) == 6
    assert loaded.dataset is dataset


def test_datasets_of_datasets() -> None:
    parts = [Draws(pipeline=[lambda info: info]) for _ in range(2)]
    assert epoch(loader(dataset=ConcatDataset(parts)), 0) == epoch(
        loader(dataset=ConcatDataset(parts), workers=2), 0
    )


@pytest.mark.parametrize("kind", [DefaultSampler, InfiniteSampler])
@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("grouped", [False, True])
def test_endless_batches_begin_anywhere(kind: type, workers: int, grouped: bool) -> None:
    def endless(number: int, unread: int = 0, workers: int = 0) -> EndlessBatches:
        loaded = loader(kind, workers, grouped=grouped)
        iter(loaded)  # as MMEngine 0.10.7, which has workers prefetch before it resumes
        batches = seed_batches(loaded, 7, by_epoch=False)
        return EndlessBatches(loaded, batches, number, unread)

    expected = list(islice(endless(0), 15))
    drawn = [sample[1] for batch in expected for sample in batch]
    assert len(set(drawn)) == len(drawn)
    for number in (3, 6, 9):
        assert list(islice(endless(number, workers=workers), 15 - number)) == expected[number:]
    skipping = endless(8, unread=8, workers=workers)
    assert [next(skipping) for _ in range(8)] == [None] * 8
    assert next(skipping) == expected[8]


def test_what_has_no_place_is_refused() -> None:
    class Stream(IterableDataset):
        def __iter__(self) -> Any:
            return iter(range(3))

    with pytest.raises(TypeError, match="Stream has no sampler whose epoch can be set"):
        seed_batches(DataLoader(Stream()), 0, by_epoch=True)
