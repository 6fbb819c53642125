import pytest
from mmengine.dataset import DefaultSampler
from mmengine.registry import DATA_SAMPLERS
from torch.utils.data import SequentialSampler

from mmeiou.datasets.samplers import PaddedSizeBatchSampler


class Sizes:
    """A dataset that knows its images' widths and heights, or does not."""

    def __init__(self, *sizes: tuple[int, int] | None) -> None:
        self.sizes = sizes

    def __len__(self) -> int:
        return len(self.sizes)

    def get_data_info(self, index: int) -> dict[str, int]:
        size = self.sizes[index]
        return {} if size is None else {"width": size[0], "height": size[1]}


def batches(*sizes: tuple[int, int] | None, batch_size: int = 2) -> list[list[int]]:
    sampler = DefaultSampler(Sizes(*sizes), shuffle=False)
    config = {
        "type": "mmeiou.PaddedSizeBatchSampler",
        "sampler": sampler,
        "batch_size": batch_size,
    }
    built = DATA_SAMPLERS.build(config)
    made = list(built)
    assert len(built) == len(made)
    return made


def test_images_of_one_padded_size_go_together() -> None:
    # 64 x 96, 33 x 65 and 40 x 90 pad to 64 x 96; 65 x 96 does not; 96 x 64 stands upright.
    assert batches((64, 96), (65, 96), (33, 65), (96, 64), (40, 90), (1, 1)) == [
        [0, 2],
        [1],
        [3],
        [4],
        [5],
    ]


def test_the_last_image_comes_last_and_alone() -> None:
    assert batches((32, 32), (64, 64), (32, 32)) == [[0], [1], [2]]


def test_unknown_sizes_come_alone_and_at_once() -> None:
    assert batches((32, 32), None, (32, 32), None) == [[1], [0, 2], [3]]


def test_every_image_comes_once() -> None:
    sizes = [(32 * (1 + i % 3), 32 * (1 + i % 2)) for i in range(25)]
    made = batches(*sizes, batch_size=4)
    assert sorted(index for batch in made for index in batch) == list(range(25))
    assert max(map(len, made)) == 4


def test_what_cannot_work() -> None:
    dataset = Sizes((32, 32))
    with pytest.raises(TypeError, match="SequentialSampler has no dataset"):
        PaddedSizeBatchSampler(SequentialSampler([0]), 2)
    sampler = DefaultSampler(dataset, shuffle=False)
    with pytest.raises(ValueError, match="divisor must be at least 1, got 0"):
        PaddedSizeBatchSampler(sampler, 2, divisor=0)
    with pytest.raises(ValueError, match="batch_size"):
        PaddedSizeBatchSampler(sampler, 0)
