import torch

from mmeiou.functional.image_blocks import block_of, images_of


def test_images_are_views_and_lead_back_to_their_block() -> None:
    block = torch.arange(2 * 4 * 5 * 3).view(2, 4, 5, 3).clone()
    images = images_of(block)
    assert [image.shape for image in images] == [(3, 4, 5)] * 2
    assert images[1][2, 3, 4] == block[1, 3, 4, 2]
    images[0][1, 2, 3] = -1
    assert block[0, 2, 3, 1] == -1
    found = block_of(images)
    assert found is block


def test_anything_else_has_no_block() -> None:
    block = torch.rand(3, 4, 4, 3)
    images = images_of(block)
    assert block_of([]) is None
    assert block_of(images[:2]) is None  # a part
    assert block_of(images[::-1]) is None  # another order
    assert block_of([image.clone() for image in images]) is None
    assert block_of([image.transpose(1, 2) for image in images]) is None  # as large, turned
    assert block_of([image[:, 1:] for image in images]) is None
    assert block_of(list(block.permute(0, 3, 1, 2))) is not None  # the same views, made otherwise
    assert block_of([torch.rand(3, 4, 4)] * 3) is None
    assert block_of(list(torch.rand(3, 4, 4))) is None  # of a block without channels
