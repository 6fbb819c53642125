"""Pascal VOC with the fractions of its boxes, beside MMDetection's own."""

from pathlib import Path
from typing import Any

import pytest
from mmengine.registry import DATASETS, init_default_scope

# name, difficult, xmin ymin xmax ymax
Object = tuple[str, int, tuple[float, float, float, float]]

FRACTIONS: list[Object] = [
    ("dog", 0, (25.1, 12.37, 100.47, 190.44)),
    ("unicorn", 0, (1, 2, 3, 4)),
    ("person", 1, (4.59, 6.63, 180.97, 255.46)),
]
WHOLE: list[Object] = [
    ("dog", 0, (25, 12, 100, 190)),
    ("person", 1, (1, 1, 181, 256)),
    ("unicorn", 0, (1, 2, 3, 4)),
    ("cat", 0, (7, 8, 70, 80)),
]


def xml(objects: list[Object]) -> str:
    described = "".join(
        f"<object><name>{name}</name><difficult>{difficult}</difficult><bndbox><xmin>{x1}</xmin>"
        f"<ymin>{y1}</ymin><xmax>{x2}</xmax><ymax>{y2}</ymax></bndbox></object>"
        for name, difficult, (x1, y1, x2, y2) in objects
    )
    size = "<size><width>181</width><height>256</height><depth>3</depth></size>"
    return f"<annotation><filename>a.jpg</filename>{size}{described}</annotation>"


@pytest.fixture
def build(tmp_path: Path):
    """Writer of an image's objects, and builder of a dataset of them."""
    init_default_scope("mmdet")

    def build(objects: list[Object], type: str = "mmeiou.VOCDataset", **options: Any):  # noqa: A002
        (tmp_path / "Annotations").mkdir(exist_ok=True)
        (tmp_path / "Annotations/a.xml").write_text(xml(objects))
        (tmp_path / "list.txt").write_text("a\n")
        return DATASETS.build(
            {
                "type": type,
                "data_root": str(tmp_path),
                "ann_file": "list.txt",
                "data_prefix": {"sub_data_root": ""},
                "pipeline": [],
                **options,
            }
        )

    return build


def instances(dataset) -> list[dict[str, Any]]:
    return dataset.get_data_info(0)["instances"]


def test_fractions_are_kept(build):
    dog, person = instances(build(FRACTIONS, one_based=False))
    assert dog["bbox"] == [25.1, 12.37, 100.47, 190.44]
    assert person["bbox"] == [4.59, 6.63, 180.97, 255.46]


def test_pixels_count_from_one_unless_told(build):
    dog, person = instances(build(FRACTIONS))
    assert dog["bbox"] == pytest.approx([24.1, 11.37, 99.47, 189.44])
    assert person["bbox"] == pytest.approx([3.59, 5.63, 179.97, 254.46])


def test_difficult_objects_are_to_be_ignored(build):
    assert [one["ignore_flag"] for one in instances(build(FRACTIONS))] == [0, 1]


def test_boxes_stay_with_their_classes(build):
    """Objects of other classes are passed over, not counted."""
    dataset = build(FRACTIONS, metainfo={"classes": ("person", "unicorn")}, one_based=False)
    unicorn, person = instances(dataset)
    assert (unicorn["bbox_label"], unicorn["bbox"]) == (1, [1, 2, 3, 4])
    assert (person["bbox_label"], person["bbox"]) == (0, [4.59, 6.63, 180.97, 255.46])


def test_images_without_an_object_of_the_classes_are_left_out(build):
    options = {
        "metainfo": {"classes": ("cat",)},
        "filter_cfg": {"filter_empty_gt": True},
        "serialize_data": False,  # MMEngine serializes no empty list
    }
    assert len(build(FRACTIONS, **options)) == 0
    assert len(build(FRACTIONS, **options, test_mode=True)) == 1


def test_whole_pixels_are_mmdetections(build):
    ours, theirs = build(WHOLE), build(WHOLE, "mmdet.VOCDataset")
    assert ours.metainfo == theirs.metainfo
    assert ours.get_data_info(0) == theirs.get_data_info(0)
    assert len(instances(ours)) == 3


def test_mmdetection_cuts_the_fractions_off(build):
    """The reason for the class."""
    dog, _ = instances(build(FRACTIONS, "mmdet.VOCDataset"))
    assert dog["bbox"] == [24, 11, 99, 189]
