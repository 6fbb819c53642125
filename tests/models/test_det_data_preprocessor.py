import pytest
import torch
from mmdet.models import DetDataPreprocessor as MMDetDataPreprocessor
from mmdet.structures import DetDataSample
from mmengine.registry import MODELS, init_default_scope

from mmeiou.functional.image_blocks import images_of
from mmeiou.models.data_preprocessors import DetDataPreprocessor


def images(*sizes, channels=3, dtype=torch.uint8):
    generator = torch.Generator().manual_seed(0)
    return [
        torch.randint(0, 256, (*size, channels), generator=generator).to(dtype).permute(2, 0, 1)
        for size in sizes
    ]


def run(kind, inputs, *, training=True, **options):
    samples = [DetDataSample(metainfo={"img_shape": tuple(i.shape[1:])}) for i in inputs]
    return kind(**options)({"inputs": inputs, "data_samples": samples}, training)


SIZES = {"one": [(5, 7)], "equal": [(32, 64)] * 3, "mixed": [(33, 64), (70, 40), (1, 1)]}
OPTIONS = {
    "yunet": {"pad_size_divisor": 32},
    "grey padding": {"pad_size_divisor": 32, "pad_value": 114},
    "unpadded": {},
    # these are MMDetection's to do
    "mean": {"mean": [1, 2, 3], "std": [4, 5, 6], "pad_size_divisor": 32},
    "rgb": {"bgr_to_rgb": True},
    "half a byte": {"pad_value": 0.5, "pad_size_divisor": 32},
}


@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("options", OPTIONS)
def test_equal_to_mmdets(sizes, options):
    ours = run(DetDataPreprocessor, images(*SIZES[sizes]), **OPTIONS[options])
    theirs = run(MMDetDataPreprocessor, images(*SIZES[sizes]), **OPTIONS[options])
    assert ours.keys() == theirs.keys()
    assert ours["inputs"].dtype == torch.float32
    assert torch.equal(ours["inputs"], theirs["inputs"])
    for a, b in zip(ours["data_samples"], theirs["data_samples"], strict=True):
        assert a.metainfo == b.metainfo
        assert a.batch_input_shape == tuple(ours["inputs"].shape[2:])


def test_a_block_is_taken_as_it_is(monkeypatch):
    """The images of a batch from a worker lie in one piece, and are not stacked again."""
    apart = images(*SIZES["equal"])
    block = torch.stack([image.permute(1, 2, 0) for image in apart])
    expected = run(DetDataPreprocessor, apart, pad_size_divisor=32)["inputs"]
    further = run(DetDataPreprocessor, images_of(block), pad_size_divisor=64)["inputs"]
    assert further.shape[2:] == (64, 64)  # stacked
    assert torch.equal(further[..., :32, :], expected)
    monkeypatch.setattr(torch, "empty", lambda *_, **__: pytest.fail("stacked"))
    found = run(DetDataPreprocessor, images_of(block), pad_size_divisor=32)["inputs"]
    assert torch.equal(found, expected)
    assert torch.equal(block.permute(0, 3, 1, 2).float(), expected)  # and left as it was


@pytest.mark.parametrize(
    "inputs",
    [
        images((4, 4), dtype=torch.float32),
        images((4, 4), channels=1),
        [*images((4, 4)), *images((4, 4), dtype=torch.float32)],
        torch.stack(images((4, 4), (4, 4))),
    ],
    ids=["floats", "grey", "both", "stacked"],
)
def test_other_inputs(inputs):
    ours, theirs = (run(kind, inputs) for kind in (DetDataPreprocessor, MMDetDataPreprocessor))
    assert torch.equal(ours["inputs"], theirs["inputs"])


def test_batches_are_channels_last_and_new():
    inputs = images((8, 8), (8, 8))
    preprocess = DetDataPreprocessor()
    first = preprocess({"inputs": inputs})
    assert first["data_samples"] is None
    assert first["inputs"].is_contiguous(memory_format=torch.channels_last)
    before = first["inputs"].clone()
    preprocess({"inputs": images((8, 8), (8, 8))})["inputs"].zero_()
    assert torch.equal(first["inputs"], before)


def test_batch_augments_still_run():
    init_default_scope("mmdet")
    options = {"batch_augments": [{"type": "BatchFixedSizePad", "size": (64, 96)}]}
    assert run(DetDataPreprocessor, images((32, 32)), **options)["inputs"].shape[2:] == (64, 96)


def test_from_a_config():
    init_default_scope("mmdet")
    built = MODELS.build({"type": "mmeiou.DetDataPreprocessor", "pad_size_divisor": 32})
    assert isinstance(built, DetDataPreprocessor)
    assert isinstance(built, MMDetDataPreprocessor)
