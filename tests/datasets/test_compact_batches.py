"""What arrives from a loader's workers is what MMEngine's collate function gives."""

import copy
import pickle
from multiprocessing.reduction import ForkingPickler
from typing import Any

import pytest
import torch
from mmdet.structures import DetDataSample
from mmengine.dataset import pseudo_collate
from mmengine.registry import FUNCTIONS
from mmengine.structures import InstanceData
from torch.utils.data import DataLoader, Dataset

import mmeiou.registry  # noqa: F401 - so that the prefix is known
from mmeiou.datasets import compact_collate
from mmeiou.functional.image_blocks import block_of


class Faces(Dataset[dict[str, Any]]):
    """Samples as PackDetInputs leaves them; images of equal sizes or not."""

    def __init__(self, *, equal: bool) -> None:
        self.equal = equal

    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int) -> dict[str, Any]:
        random = torch.Generator().manual_seed(index)
        side = 8 if self.equal else 8 + index
        pixels = torch.randint(0, 256, (side, 6, 3), generator=random, dtype=torch.uint8)
        faces = InstanceData(
            bboxes=torch.rand(index, 4, generator=random),
            labels=torch.zeros(index, dtype=torch.long),
            keypoints=torch.rand(index, 5, 3, generator=random),
            halves=torch.rand(index, generator=random).bfloat16(),  # numpy has no such type
        )
        meta = {"img_path": f"{index}.jpg", "ori_shape": (side, 6), "instances": [{"a": index}]}
        sample = DetDataSample(gt_instances=faces, metainfo=meta)
        return {"inputs": pixels.permute(2, 0, 1), "data_samples": sample}


def batches(faces: Faces, collate: Any, workers: int) -> list[dict[str, Any]]:
    loader = DataLoader(faces, batch_size=2, num_workers=workers, collate_fn=collate)
    return list(loader)


@pytest.mark.parametrize("workers", [0, 1])
@pytest.mark.parametrize("equal", [True, False])
def test_the_lists_have_the_same_values(equal: bool, workers: int) -> None:
    faces = Faces(equal=equal)
    collate = FUNCTIONS.get("mmeiou.compact_collate")
    assert collate is compact_collate
    theirs, ours = (batches(faces, one, workers) for one in (pseudo_collate, collate))
    for one, other in zip(theirs, ours, strict=True):
        assert one.keys() == other.keys()
        for first, second in zip(one["inputs"], other["inputs"], strict=True):
            assert torch.equal(first, second)
            assert second.dtype == torch.uint8
        for first, second in zip(one["data_samples"], other["data_samples"], strict=True):
            assert first.metainfo == second.metainfo
            assert first.gt_instances.keys() == second.gt_instances.keys()
            for key, value in first.gt_instances.items():
                assert torch.equal(value, second.gt_instances[key])
                assert value.dtype == second.gt_instances[key].dtype
        assert (block_of(other["inputs"]) is not None) == equal


def test_a_batch_is_sent_in_few_pieces() -> None:
    """What PyTorch's pickler would share by a file descriptor of its own."""
    samples = [Faces(equal=True)[i] for i in range(1, 4)]
    for collate, shared in ((pseudo_collate, True), (compact_collate, False)):
        batch = collate(samples)
        ForkingPickler.dumps(batch["data_samples"])
        boxes = [sample.gt_instances.bboxes for sample in batch["data_samples"]]
        assert [tensor.is_shared() for tensor in boxes] == [shared] * 3
        samples = copy.deepcopy(samples)


def test_what_arrived_can_be_sent_on_copied_and_changed() -> None:
    """As a hook does that keeps a batch."""
    batch = compact_collate([Faces(equal=True)[i] for i in range(3)])
    again = pickle.loads(pickle.dumps(pickle.loads(pickle.dumps(batch))))  # noqa: S301
    copied = copy.deepcopy(again)
    copied["inputs"][0].zero_()
    copied["data_samples"][2].gt_instances.bboxes.zero_()
    for image, kept in zip(batch["inputs"], again["inputs"], strict=True):
        assert torch.equal(image, kept)
    boxes = batch["data_samples"][2].gt_instances.bboxes
    assert torch.equal(again["data_samples"][2].gt_instances.bboxes, boxes)
    assert boxes.any()


def test_other_batches_pass() -> None:
    samples = [{"inputs": torch.rand(2, 3), "more": 1}, {"inputs": torch.rand(2, 3), "more": 2}]
    batch = pickle.loads(pickle.dumps(compact_collate(samples)))  # noqa: S301
    assert batch["more"] == [1, 2]
    assert torch.equal(batch["inputs"][1], samples[1]["inputs"])
