"""The pipelines of the configs, on real images."""

import numpy as np
import pytest
import torch
from mmengine.dataset import pseudo_collate, worker_init_fn
from mmengine.registry import DATASETS, init_default_scope
from torch.utils.data import DataLoader

META_KEYS = ("img_id", "img_path", "ori_shape", "img_shape", "instances")
TEST_PIPELINE = [
    {"type": "mmeiou.LoadImageFromFile"},
    {"type": "mmeiou.PackDetInputs", "meta_keys": META_KEYS},
]


def train_pipeline(*, with_keypoints=True, extra=()):
    return [
        {"type": "mmeiou.LoadImageFromFile"},
        {"type": "mmeiou.LoadAnnotations", "with_bbox": True, "with_keypoints": with_keypoints},
        {
            "type": "mmeiou.RandomSquareCrop",
            "crop_choice": [0.5, 0.7, 0.9, 1.1, 1.3, 1.5],
            "pad_value": 128,
        },
        {"type": "mmeiou.Resize", "scale": (640, 640), "keep_ratio": False},
        {"type": "mmeiou.RandomFlip", "prob": 0.5},
        *extra,
        {"type": "mmeiou.PackDetInputs"},
    ]


@pytest.fixture
def build(shared_data):
    init_default_scope("mmdet")

    def build(split, pipeline, **options):
        return DATASETS.build(
            {
                "type": "mmeiou.WIDERFaceDataset",
                "data_root": str(shared_data / "widerface"),
                "ann_file": f"labelv2/{split}/labelv2.txt",
                "data_prefix": {"img": f"WIDER_{split}/images"},
                "pipeline": pipeline,
                **options,
            }
        )

    return build


def test_one_pass_with_workers(build):
    dataset = build("train", train_pipeline(), min_face_size=6)
    countable = [
        not all(face["ignore_flag"] for face in dataset.get_data_info(i)["instances"])
        for i in range(len(dataset))
    ]
    assert countable.count(False) < 10
    loader = DataLoader(
        dataset,
        batch_size=16,
        num_workers=2,
        collate_fn=pseudo_collate,
        worker_init_fn=lambda i: worker_init_fn(i, num_workers=2, rank=0, seed=0),
    )
    seen, faces, ignored, labelled, flipped = [], 0, 0, 0, 0
    for batch in loader:
        for image, sample in zip(batch["inputs"], batch["data_samples"], strict=True):
            assert image.shape == (3, 640, 640)
            assert image.dtype == torch.uint8
            for instances in (sample.gt_instances, sample.ignored_instances):
                boxes, keypoints = instances.bboxes.tensor, instances.keypoints
                assert keypoints.shape == (len(boxes), 5, 3)
                assert ((boxes >= 0) & (boxes <= 640)).all()
                assert (boxes[:, 2:] > boxes[:, :2]).all()
                assert not keypoints[keypoints[..., 2] == 0].any()
            assert (len(sample.gt_instances) > 0) == countable[sample.img_id]
            seen.append(sample.img_id)
            faces += len(sample.gt_instances)
            ignored += len(sample.ignored_instances)
            labelled += int(sample.gt_instances.keypoints[..., 2].all(dim=1).sum())
            flipped += sample.flip
    assert sorted(seen) == list(range(484))
    assert 0 < labelled < faces
    assert ignored > 0
    # 242 expected, standard deviation 11
    assert 180 < flipped < 304


def test_landmarks_keep_to_their_faces(build):
    """In upright faces, profiles aside, the right eye stays left of the left one when mirrored."""
    dataset = build("train", train_pipeline(), filter_cfg={"filter_empty_gt": True})
    np.random.seed(0)  # noqa: NPY002
    eye_order: list[bool] = []
    mouth_order: list[bool] = []
    for index in range(0, 484, 10):
        instances = dataset[index]["data_samples"].gt_instances
        points = instances.keypoints
        labelled = points[..., 2].all(dim=1)
        wide = instances.bboxes.widths > 32
        eyes, mouth = points[:, :2].mean(dim=1), points[:, 3:].mean(dim=1)
        points = points[labelled & wide & (mouth[:, 1] - eyes[:, 1] > 10)]
        eye_order += (points[:, 0, 0] < points[:, 1, 0]).tolist()
        mouth_order += (points[:, 3, 0] < points[:, 4, 0]).tolist()
    assert len(eye_order) > 50
    # half of them without the swap
    assert min(np.mean(eye_order), np.mean(mouth_order)) > 0.95


@pytest.mark.parametrize("with_keypoints", [True, False])
def test_beside_mmdets_own_transforms(build, with_keypoints):
    extra = (
        {"type": "PhotoMetricDistortion"},
        {"type": "mmeiou.FilterAnnotations", "min_gt_bbox_wh": (8, 8), "keep_empty": False},
        {"type": "Pad", "size": (672, 672)},
        {"type": "YOLOXHSVRandomAug"},
    )
    pipeline = train_pipeline(with_keypoints=with_keypoints, extra=extra)
    dataset = build("train", pipeline, num_keypoints=5 if with_keypoints else 0)
    for index in range(8):
        packed = dataset[index]
        instances = packed["data_samples"].gt_instances
        assert packed["inputs"].shape == (3, 672, 672)
        assert ("keypoints" in instances) == with_keypoints
        assert (instances.bboxes.widths > 8).all()


def test_images_without_faces(build, tmp_path, shared_data):
    source = shared_data / "widerface/labelv2/train/labelv2.txt"
    headers = [line for line in source.read_text().splitlines() if line.startswith("#")][:6]
    (tmp_path / "empty.txt").write_text("\n".join(headers))
    dataset = build("train", train_pipeline(), ann_file=str(tmp_path / "empty.txt"))
    assert len(dataset) == 6
    for packed in dataset:
        instances = packed["data_samples"].gt_instances
        assert instances.bboxes.tensor.shape == (0, 4)
        assert instances.keypoints.shape == (0, 5, 3)


def test_validation_hands_over_the_original_labels(build):
    dataset = build("val", TEST_PIPELINE, test_mode=True)
    assert len(dataset) == 323
    packed = dataset[0]
    sample = packed["data_samples"]
    assert packed["inputs"].shape == (3, 684, 1024)
    assert sample.img_shape == sample.ori_shape == (684, 1024)
    assert sample.img_path.endswith("0--Parade/0_Parade_marchingband_1_379.jpg")
    # "281 303 301 339" is the first line of the label file
    assert sample.instances[0]["bbox"] == [281, 303, 301, 339]
    assert len(sample.instances) == 26


def test_flip_augmented_testing(build):
    pipeline = [
        {"type": "mmeiou.LoadImageFromFile"},
        {
            "type": "TestTimeAug",
            "transforms": [
                [{"type": "mmeiou.Resize", "scale": (320, 320), "keep_ratio": True}],
                [
                    {"type": "mmeiou.RandomFlip", "prob": 1.0},
                    {"type": "mmeiou.RandomFlip", "prob": 0.0},
                ],
                [{"type": "mmeiou.PackDetInputs"}],
            ],
        },
    ]
    packed = build("val", pipeline, test_mode=True)[0]
    flipped, plain = packed["data_samples"]
    assert (flipped.flip, flipped.flip_direction) == (True, "horizontal")
    assert (plain.flip, plain.flip_direction) == (False, None)
    assert flipped.scale_factor == plain.scale_factor == (320 / 1024, 214 / 684)
    assert torch.equal(packed["inputs"][0], packed["inputs"][1].flip(-1))
