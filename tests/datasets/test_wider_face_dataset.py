import os
import pickle

import cv2
import numpy as np
import pytest
from mmdet.datasets.samplers import AspectRatioBatchSampler
from mmengine.dataset import DefaultSampler
from mmengine.registry import DATASETS, init_default_scope

from mmeiou.datasets import WIDERFaceDataset
from mmeiou.labels import ImageError, LabelError

LABELS = """# a.png 40 30
1 2 11 12 3 4 0 5 6 0 4 5 0 3 7 0 5 7 0
20 5 25 21 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1
# empty.png 40 30
# sub/small.png 30 40
3 3 9 9
"""
LOAD = [{"type": "mmeiou.LoadImageFromFile"}]


@pytest.fixture
def root(tmp_path):
    init_default_scope("mmdet")
    (tmp_path / "images/sub").mkdir(parents=True)
    rng = np.random.default_rng(0)
    for name, shape in (("a", (30, 40)), ("empty", (30, 40)), ("sub/small", (40, 30))):
        image = rng.integers(0, 256, (*shape, 3), dtype=np.uint8)
        cv2.imwrite(str(tmp_path / f"images/{name}.png"), image)
    (tmp_path / "labels.txt").write_text(LABELS)
    return tmp_path


def build(root, **options):
    options = {"ann_file": "labels.txt", "data_prefix": {"img": "images"}, **options}
    return DATASETS.build({"type": "mmeiou.WIDERFaceDataset", "data_root": str(root), **options})


def test_data_info(root):
    dataset = build(root)
    assert isinstance(dataset, WIDERFaceDataset)
    assert len(dataset) == 3
    info = dataset.get_data_info(0)
    assert info["img_path"] == str(root / "images/a.png")
    assert (info["img_id"], info["width"], info["height"]) == (0, 40, 30)
    assert info["instances"] == [
        {
            "bbox": [1, 2, 11, 12],
            "bbox_label": 0,
            "ignore_flag": 0,
            "keypoints": [[3, 4, 1], [5, 6, 1], [4, 5, 1], [3, 7, 1], [5, 7, 1]],
        },
        {
            "bbox": [20, 5, 25, 21],
            "bbox_label": 0,
            "ignore_flag": 0,
            "keypoints": [[0, 0, 0]] * 5,
        },
    ]
    assert dataset.get_data_info(1)["instances"] == []
    assert dataset.get_data_info(2)["img_path"] == str(root / "images/sub/small.png")
    assert [dataset.get_cat_ids(i) for i in range(3)] == [[0, 0], [], [0]]


def test_metainfo(root):
    metainfo = build(root).metainfo
    assert metainfo["classes"] == ("face",)
    assert len(metainfo["palette"]) == 1
    assert metainfo["num_keypoints"] == 5
    assert list(metainfo["keypoint_flip_pairs"]) == [(0, 1), (3, 4)]
    other = build(root, num_keypoints=0, metainfo={"classes": ("head",)})
    assert other.metainfo["classes"] == ("head",)
    assert list(other.metainfo["keypoint_flip_pairs"]) == []
    assert WIDERFaceDataset.METAINFO["classes"] == ("face",)


def test_no_landmarks(root):
    dataset = build(root, num_keypoints=0)
    assert all("keypoints" not in face for face in dataset.get_data_info(0)["instances"])


def test_wrong_number_of_landmarks_is_found_at_load_time(root):
    with pytest.raises(LabelError, match=r"labels.txt:2: 19 numbers.* 13 \(3 landmarks\)"):
        build(root, num_keypoints=3)


@pytest.mark.parametrize(
    ("size", "flags"), [(0, [0, 0]), (5, [0, 0]), (6, [0, 1]), (10, [0, 1]), (11, [1, 1])]
)
def test_small_faces_are_ignored(root, size, flags):
    # 10 x 10 and 5 x 16: the shorter side counts
    faces = build(root, min_face_size=size).get_data_info(0)["instances"]
    assert [face["ignore_flag"] for face in faces] == flags


def test_invalid_faces_are_ignored(root):
    (root / "gt.txt").write_text("a.png\n2\n1 2 9 9 0 0 0 1 0 0\n1 2 9 9 0 0 0 0 0 0\n")
    dataset = build(root, ann_file="gt.txt")
    info = dataset.get_data_info(0)
    assert [face["ignore_flag"] for face in info["instances"]] == [1, 0]
    assert info["instances"][0]["keypoints"] == [[0, 0, 0]] * 5
    assert "width" not in info


def test_filter(root):
    keep = {"filter_empty_gt": True}
    assert [info["img_id"] for info in build(root, filter_cfg=keep)] == [0, 2]
    assert [info["img_id"] for info in build(root, filter_cfg=keep, min_face_size=8)] == [0]
    assert len(build(root, filter_cfg=keep, test_mode=True)) == 3
    assert len(build(root, filter_cfg={"filter_empty_gt": False})) == 3
    with pytest.raises(ValueError, match=r"no image of .*min_face_size=99"):
        build(root, filter_cfg=keep, min_face_size=99)
    with pytest.raises(ValueError, match=r"'min_size'.*only filter_empty_gt"):
        build(root, filter_cfg={"min_size": 32})


def test_subset_pickling_and_copies(root):
    dataset = build(root, indices=2)
    assert len(dataset) == 2
    again = pickle.loads(pickle.dumps(dataset))  # noqa: S301
    assert again.get_data_info(0) == dataset.get_data_info(0)
    dataset.get_data_info(0)["instances"].clear()
    assert len(dataset.get_data_info(0)["instances"]) == 2
    assert len(build(root, serialize_data=False).get_data_info(0)["instances"]) == 2


def test_aspect_ratio_sampler(root):
    dataset = build(root)
    sampler = AspectRatioBatchSampler(DefaultSampler(dataset, shuffle=False), batch_size=2)
    assert sorted(map(sorted, sampler)) == [[0, 1], [2]]


def test_missing_label_file(root):
    with pytest.raises(FileNotFoundError, match=r"nope.txt not found: .*ann_file.*data_root") as e:
        build(root, ann_file="nope.txt", path_hint="or set X")
    assert str(e.value).endswith("; or set X")


def test_missing_images_are_found_at_load_time(root):
    with pytest.raises(
        FileNotFoundError, match=r"3 of the 3 images .*data_root and data_prefix"
    ) as e:
        build(
            root,
            data_prefix={"img": "WIDER_train/images"},
            on_bad_image="skip",
            path_hint="or set X",
        )
    for part in (str(root / "WIDER_train/images"), "a.png", "labels.txt", "; or set X"):
        assert part in str(e.value)
    (root / "images/a.png").unlink()
    with pytest.raises(FileNotFoundError, match=r"1 of the 3 images .*a.png"):
        build(root)
    with pytest.raises(FileNotFoundError, match="1 of the 3"):
        build(root, on_bad_image="skip", test_mode=True)
    with pytest.warns(UserWarning, match="left out: 1 of the 3"):
        assert [info["img_id"] for info in build(root, on_bad_image="skip")] == [1, 2]


def test_the_first_few_missing_images_are_named(root):
    (root / "many.txt").write_text("".join(f"# {i}.jpg 9 9\n" for i in range(50)))
    with pytest.raises(
        FileNotFoundError, match=r"50 of the 50.*0.jpg, .*1.jpg, .*2.jpg, \.\.\."
    ) as e:
        build(root, ann_file="many.txt")
    assert "/3.jpg" not in str(e.value)


def truncate(path):
    os.truncate(path, path.stat().st_size // 2)


def test_bad_image_is_an_error_by_default(root):
    truncate(root / "images/a.png")
    with pytest.raises(ImageError, match=r"a.png: "):
        build(root, pipeline=LOAD)[0]
    with pytest.raises(ImageError, match=r"a.png: "):
        build(root, pipeline=LOAD, on_bad_image="skip", test_mode=True)[0]


def test_bad_image_can_be_skipped_with_a_counted_warning(root):
    truncate(root / "images/a.png")
    truncate(root / "images/empty.png")
    dataset = build(root, pipeline=LOAD, on_bad_image="skip")
    with pytest.warns(UserWarning, match="bad image") as caught:
        ids = {dataset[i]["img_id"] for i in (0, 0, 1, 1, 2)}
    assert ids == {2}
    messages = sorted(str(warning.message) for warning in caught)
    assert len(messages) == 2
    assert messages[0].startswith("bad image 1 skipped: ")
    assert messages[1].startswith("bad image 2 skipped: ")
    assert "a.png" in "".join(messages)
    assert "empty.png" in "".join(messages)


def test_other_errors_are_not_swallowed(root):
    def broken(_):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        build(root, pipeline=[*LOAD, broken], on_bad_image="skip")[0]


@pytest.mark.parametrize(
    ("option", "problem"),
    [
        ({"on_bad_image": "ignore"}, "on_bad_image='ignore'"),
        ({"label_format": "coco"}, "format='coco'"),
        ({"on_bad_box": "clip"}, "on_bad_box='clip'"),
        ({"keypoint_weight": 1}, "keypoint_weight=1"),
    ],
)
def test_bad_options(root, option, problem):
    with pytest.raises(ValueError, match=problem):
        build(root, **option)


def test_bad_boxes(root):
    (root / "bad.txt").write_text("# a.png 40 30\n5 5 5 9\n50 5 60 9\n5 5 9 9\n")
    with pytest.raises(LabelError, match=r"bad.txt:2: a box of width 0.*; correct it, or set on_b"):
        build(root, ann_file="bad.txt")
    with pytest.warns(UserWarning, match="boxes") as caught:
        assert len(build(root, ann_file="bad.txt", on_bad_box="drop").get_cat_ids(0)) == 1
    assert [str(warning.message).partition(": ")[2] for warning in caught] == [
        f"1 boxes smaller than a pixel, left out, first {root}/bad.txt:2",
        f"1 boxes outside their image, left out, first {root}/bad.txt:3",
    ]


def test_bad_boxes_of_widers_own_labels_are_left_out(root):
    (root / "gt.txt").write_text("a.png\n2\n1 2 0 9 0 0 0 1 0 0\n1 2 9 9 0 0 0 0 0 0\n")
    with pytest.warns(UserWarning, match=r"gt.txt: 1 boxes smaller than a pixel, left out"):
        assert len(build(root, ann_file="gt.txt").get_cat_ids(0)) == 1
    with pytest.raises(LabelError, match=r"gt.txt:3: a box of width 0"):
        build(root, ann_file="gt.txt", on_bad_box="error")


def test_labels_of_other_formats_are_another_datasets(root):
    (root / "labels.csv").write_text("image,x1,y1,x2,y2\na.png,1,1,9,9\n")
    with pytest.raises(ValueError, match=r"labels.csv is csv: convert it .*CocoKeypointDataset"):
        build(root, ann_file="labels.csv")
