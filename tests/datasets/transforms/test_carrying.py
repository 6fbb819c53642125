"""Pipelines that would leave landmarks behind are refused."""

import inspect

import mmcv.transforms
import mmdet.datasets.transforms
import numpy as np
import pytest
from mmcv.transforms import BaseTransform
from mmengine.dataset import Compose
from mmengine.registry import DATASETS, TRANSFORMS, init_default_scope

from mmeiou.datasets import transforms as ours
from mmeiou.datasets.transforms.carrying import HARMLESS, require_carrying

# What MMDetection or MMCV move, cut, mix or drop boxes with, or have others do it whom nobody asks.
MOVING = {
    "Albu", "CachedMixUp", "CachedMosaic", "CenterCrop", "CopyPaste", "Expand", "FilterAnnotations",
    "FixScaleResize", "FixShapeResize", "GTBoxSubOne_GLIP", "GeomTransform", "InstaBoost",
    "MinIoURandomCrop", "MixUp", "Mosaic", "MultiScaleFlipAug", "RandAugment", "RandomAffine",
    "RandomCenterCropPad", "RandomCrop", "RandomErasing", "RandomFlip", "RandomFlip_GLIP",
    "RandomShift", "Resize", "ResizeShortestEdge", "Rotate", "ShearX", "ShearY", "TranslateX",
    "TranslateY",
}  # fmt: skip


def classes(module):
    """Transforms of a package by name."""
    return {
        name: kind
        for name, kind in vars(module).items()
        if inspect.isclass(kind)
        and issubclass(kind, BaseTransform)
        and not inspect.isabstract(kind)
    }


THEIRS = {**classes(mmcv.transforms), **classes(mmdet.datasets.transforms)}


def build(*steps):
    init_default_scope("mmdet")
    return Compose([TRANSFORMS.build(step) if isinstance(step, dict) else step for step in steps])


LOAD = {"type": "mmeiou.LoadAnnotations", "with_bbox": True, "with_keypoints": True}
RESIZE = {"type": "Resize", "scale": (64, 64), "keep_ratio": True}
FLIP = {"type": "RandomFlip", "prob": 0.5}


def made(kind):
    """An instance whose options do not matter."""
    return kind.__new__(kind)


def test_the_lists_tell_the_packages_transforms_apart():
    assert not MOVING & HARMLESS
    # A name that the installed versions lack is one of another version, or misspelt.
    assert len(MOVING & THEIRS.keys()) > 25
    assert len(HARMLESS & THEIRS.keys()) > 25


@pytest.mark.parametrize("name", sorted(MOVING & THEIRS.keys()))
def test_what_moves_boxes_is_refused(name):
    with pytest.raises(ValueError, match=f"^{name} of MMDetection leaves landmarks behind"):
        require_carrying(build(LOAD, made(THEIRS[name])))


@pytest.mark.parametrize("name", sorted(THEIRS.keys() - MOVING - HARMLESS))
def test_what_nobody_has_looked_at_is_refused(name):
    with pytest.raises(ValueError, match=f"^{name} of MMDetection leaves landmarks behind"):
        require_carrying(build(LOAD, made(THEIRS[name])))


@pytest.mark.parametrize("name", sorted(HARMLESS & THEIRS.keys()))
def test_what_leaves_boxes_alone_is_accepted(name):
    require_carrying(build(LOAD, made(THEIRS[name])))


@pytest.mark.parametrize("name", ours.__all__)
def test_ours_are_accepted(name):
    require_carrying(build(LOAD, made(getattr(ours, name))))


@pytest.mark.parametrize(
    "step",
    [
        {"type": "RandomApply", "transforms": [FLIP]},
        {"type": "RandomChoice", "transforms": [[{"type": "Pad", "size": (9, 9)}], [FLIP]]},
        {"type": "RandomResize", "scale": (64, 64)},
        {"type": "RandomChoiceResize", "scales": [(64, 64)]},
        {"type": "AutoAugment", "policies": [[FLIP]]},
        {
            "type": "RandomApply",
            "transforms": [{"type": "RandomChoice", "transforms": [[FLIP], [FLIP]]}],
        },
        {"type": "TransformBroadcaster", "transforms": [FLIP]},
        {"type": "KeyMapper", "transforms": [FLIP]},
        {"type": "TestTimeAug", "transforms": [[FLIP], [{"type": "Pad", "size": (9, 9)}]]},
    ],
    ids=lambda step: step["type"],
)
def test_what_is_inside_of_others_is_asked(step):
    with pytest.raises(ValueError, match=r"^(RandomFlip|Resize) of MMDetection leaves landmarks"):
        require_carrying(build(LOAD, step))


def test_wrappers_of_ours_are_accepted():
    flip = {**FLIP, "type": "mmeiou.RandomFlip"}
    resize = {"type": "RandomResize", "scale": (64, 64), "resize_type": "mmeiou.Resize"}
    require_carrying(build(LOAD, {"type": "RandomApply", "transforms": [flip]}, resize))


class Mine(BaseTransform):
    """What somebody else wrote."""

    def transform(self, results):
        return results


class MineOfTheirs(mmcv.transforms.Resize):
    """A transform that somebody taught about landmarks."""


def test_what_others_wrote_is_their_own_business():
    require_carrying(build(LOAD, made(Mine), made(MineOfTheirs), lambda results: results))


@pytest.mark.parametrize(
    "load", [{"type": "mmeiou.LoadAnnotations", "with_bbox": True}, {"type": "LoadAnnotations"}]
)
def test_without_landmarks_nothing_is_refused(load):
    require_carrying(build(load, RESIZE, FLIP))


@pytest.mark.parametrize("order", [1, -1])
def test_pipelines_that_follow_one_another_are_one(order):
    parts = [build(LOAD), build(RESIZE)][::order]
    for part in parts:
        require_carrying(part)
    with pytest.raises(ValueError, match="Resize of MMDetection leaves landmarks behind"):
        require_carrying(*parts)


def test_the_message_names_what_there_is():
    with pytest.raises(ValueError, match="mmeiou") as caught:
        require_carrying(build(LOAD, FLIP))
    for name in ("RandomFlip", "Resize", "RandomSquareCrop", "with_keypoints=False"):
        assert name in str(caught.value)


@pytest.fixture
def faces(tmp_path):
    """Config of a dataset of one face with landmarks."""
    (tmp_path / "labels.txt").write_text("# a.png 40 30\n1 2 11 12 3 4 0 5 6 0 4 5 0 3 7 0 5 7 0\n")
    pixels = np.zeros((30, 40, 3), np.uint8)
    mmcv.imwrite(pixels, str(tmp_path / "a.png"))
    return {
        "type": "mmeiou.WIDERFaceDataset",
        "data_root": str(tmp_path),
        "ann_file": "labels.txt",
        "data_prefix": {"img": ""},
    }


READ = {"type": "mmeiou.LoadImageFromFile"}
PACK = {"type": "mmeiou.PackDetInputs", "meta_keys": ()}


def test_datasets_refuse_their_pipeline(faces):
    init_default_scope("mmdet")
    with pytest.raises(ValueError, match="RandomFlip of MMDetection leaves landmarks behind"):
        DATASETS.build({**faces, "pipeline": [READ, LOAD, FLIP, PACK]})
    coco = {"type": "CocoDataset", "ann_file": "no.json", "lazy_init": True}
    DATASETS.build({**coco, "pipeline": [READ, {"type": "LoadAnnotations"}, FLIP]})


def test_pipelines_over_several_images(faces):
    init_default_scope("mmdet")
    dataset = {**faces, "pipeline": [READ, LOAD]}
    mosaic = {"type": "Mosaic", "img_scale": (64, 64)}
    checked = {"type": "mmeiou.MultiImageMixDataset", "dataset": dataset}
    with pytest.raises(ValueError, match="Mosaic of MMDetection leaves landmarks behind"):
        DATASETS.build({**checked, "pipeline": [mosaic, PACK]})
    mixed = DATASETS.build({**checked, "pipeline": [{**FLIP, "type": "mmeiou.RandomFlip"}, PACK]})
    assert mixed[0]["data_samples"].gt_instances.keypoints.shape == (1, 5, 3)
    # MMDetection's own wrapper asks nobody.
    unchecked = DATASETS.build({**checked, "type": "MultiImageMixDataset", "pipeline": [PACK]})
    with pytest.raises(ValueError, match=r"write type='mmeiou.MultiImageMixDataset'"):
        unchecked[0]
