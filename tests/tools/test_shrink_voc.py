"""The small Pascal VOC: layout, boxes, what is kept or refused, and the set it has to equal."""

import subprocess
import sys
from pathlib import Path
from types import ModuleType
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from PIL import Image

from mmeiou.labels import ImageError, LabelError

WIDTH, HEIGHT = 500, 375  # of the originals; 256 x 192 when small
OBJECT = """
    <object>
        <name>dog</name><pose>Left</pose><truncated>1</truncated><difficult>{difficult}</difficult>
        <bndbox><xmin>{box[0]}</xmin><ymin>{box[1]}</ymin><xmax>{box[2]}</xmax><ymax>{box[3]}</ymax></bndbox>
        <part><name>head</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>9</xmax><ymax>9</ymax></bndbox></part>
    </object>"""
XML = """<annotation>
    <folder>VOC2007</folder><filename>{name}.jpg</filename><owner><name>somebody</name></owner>
    <size><width>500</width><height>375</height><depth>3</depth></size>
    <segmented>1</segmented>{objects}
</annotation>"""
CORNERS = ("xmin", "ymin", "xmax", "ymax")
TRAINVAL = ("000005", "000007")
TEST = ("000001", "000002", "000003", "000004", "000006")


@pytest.fixture
def tool(repo: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(repo / "tools/dataset_converters"))
    import shrink_voc  # noqa: PLC0415

    return shrink_voc


def xml(name: str, box=(101, 51, 500, 375), difficult: int = 0) -> str:
    return XML.format(name=name, objects=OBJECT.format(box=box, difficult=difficult))


@pytest.fixture
def voc(tmp_path: Path) -> Path:
    root = tmp_path / "VOCdevkit/VOC2007"
    for folder in ("Annotations", "ImageSets/Main", "JPEGImages"):
        (root / folder).mkdir(parents=True)
    for split, names in (("trainval", TRAINVAL), ("test", TEST)):
        (root / f"ImageSets/Main/{split}.txt").write_text("\n".join(names) + "\n")
        for name in names:
            (root / f"Annotations/{name}.xml").write_text(xml(name))
            Image.new("RGB", (WIDTH, HEIGHT), (200, 30, 30)).save(root / f"JPEGImages/{name}.jpg")
    return root


def boxes(file: Path) -> np.ndarray:
    objects = ET.fromstring(file.read_text()).findall("object")  # noqa: S314 - our own
    corners = [[float(one.findtext(f"bndbox/{key}")) for key in CORNERS] for one in objects]
    return np.array(corners).reshape(-1, 4)


def test_layout_and_every_second_image_of_test(tool, voc, tmp_path):
    out = tmp_path / "new/small"
    assert tool.shrink_voc(voc, out, tool.Options()) == {"trainval": 2, "test": 3}
    assert (out / "ImageSets/Main/trainval.txt").read_text() == "000005\n000007\n"
    assert (out / "ImageSets/Main/test.txt").read_text() == "000001\n000003\n000006\n"
    names = {"000001", "000003", "000005", "000006", "000007"}
    for folder, suffix in (("Annotations", ".xml"), ("JPEGImages", ".jpg")):
        files = list((out / folder).iterdir())
        assert {file.stem for file in files} == names
        assert {file.suffix for file in files} == {suffix}
    assert [entry.name for entry in out.parent.iterdir()] == ["small"]


def test_annotation(tool, voc, tmp_path):
    (voc / "Annotations/000005.xml").write_text(xml("000005", difficult=1))
    tool.shrink_voc(voc, tmp_path / "small", tool.Options())
    # (101 - 1) * 256 / 500 + 1 = 52.2; (51 - 1) * 192 / 375 + 1 = 26.6;
    # (500 - 1) * 256 / 500 + 1 = 256.488; (375 - 1) * 192 / 375 + 1 = 192.488
    assert (tmp_path / "small/Annotations/000005.xml").read_text().split() == [
        "<annotation>",
        "<filename>000005.jpg</filename>",
        "<size>",
        "<width>256</width>",
        "<height>192</height>",
        "<depth>3</depth>",
        "</size>",
        "<segmented>1</segmented>",
        "<object>",
        "<name>dog</name>",
        "<pose>Left</pose>",
        "<truncated>1</truncated>",
        "<difficult>1</difficult>",
        "<bndbox>",
        "<xmin>52.20</xmin>",
        "<ymin>26.60</ymin>",
        "<xmax>256.49</xmax>",
        "<ymax>192.49</ymax>",
        "</bndbox>",
        "</object>",
        "</annotation>",
    ]


def test_images(tool, voc, tmp_path):
    left = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    left[:, : WIDTH // 2] = 255
    Image.fromarray(left).save(voc / "JPEGImages/000005.jpg", quality=95)
    tool.shrink_voc(voc, tmp_path / "small", tool.Options(long_side=100))
    with Image.open(tmp_path / "small/JPEGImages/000005.jpg") as image:
        assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (100, 75))
        pixels = np.asarray(image)
    assert pixels[:, :45].min() > 235
    assert pixels[:, 55:].max() < 20


def test_small_images_are_not_enlarged(tool, voc, tmp_path):
    tool.shrink_voc(voc, tmp_path / "same", tool.Options(long_side=600))
    with Image.open(tmp_path / "same/JPEGImages/000005.jpg") as image:
        assert image.size == (WIDTH, HEIGHT)
    np.testing.assert_array_equal(
        boxes(tmp_path / "same/Annotations/000005.xml"), boxes(voc / "Annotations/000005.xml")
    )


def test_quality(tool, voc, tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    Image.fromarray(noise).save(voc / "JPEGImages/000005.jpg")
    sizes = []
    for quality in (30, 90):
        tool.shrink_voc(voc, tmp_path / str(quality), tool.Options(quality=quality))
        sizes.append((tmp_path / str(quality) / "JPEGImages/000005.jpg").stat().st_size)
    assert sizes[1] > 2 * sizes[0]


def test_splits_and_an_image_in_two_of_them(tool, voc, tmp_path):
    (voc / "ImageSets/Main/train.txt").write_text("000005\n")
    options = tool.Options(splits=("train", "trainval"))
    assert tool.shrink_voc(voc, tmp_path / "small", options) == {"train": 1, "trainval": 2}
    assert len(list((tmp_path / "small/JPEGImages").iterdir())) == 2
    assert not (tmp_path / "small/ImageSets/Main/test.txt").exists()


def test_the_dataset_reads_what_was_written(tool, voc, tmp_path):
    from mmengine.registry import DATASETS, init_default_scope  # noqa: PLC0415

    tool.shrink_voc(voc, tmp_path / "small", tool.Options())
    init_default_scope("mmdet")
    first = []
    for root in (voc, tmp_path / "small"):
        dataset = DATASETS.build(
            {
                "type": "mmeiou.VOCDataset",
                "data_root": str(root),
                "ann_file": "ImageSets/Main/trainval.txt",
                "data_prefix": {"sub_data_root": ""},
                "pipeline": [],
            }
        )
        assert len(dataset) == 2
        first.append(dataset.get_data_info(0)["instances"][0]["bbox"])
    scales = np.array([256 / 500, 192 / 375] * 2)
    np.testing.assert_allclose(first[1], first[0] * scales, atol=0.005001)


def refused(tool, voc, tmp_path, error=LabelError) -> str:
    """The message; that nothing is left is asserted."""
    before = {path.name for path in tmp_path.iterdir()}
    with pytest.raises(error) as caught:
        tool.shrink_voc(voc, tmp_path / "small", tool.Options())
    assert {path.name for path in tmp_path.iterdir()} == before
    return str(caught.value)


@pytest.mark.parametrize("lost", ["JPEGImages/000007.jpg", "Annotations/000007.xml"])
def test_a_missing_file(tool, voc, tmp_path, lost):
    (voc / lost).unlink()
    message = refused(tool, voc, tmp_path)
    assert f"trainval.txt:2: {voc / lost} does not exist" in message


def test_files_that_are_not_chosen_may_be_missing(tool, voc, tmp_path):
    (voc / "JPEGImages/000002.jpg").unlink()
    (voc / "Annotations/000004.xml").unlink()
    assert tool.shrink_voc(voc, tmp_path / "small", tool.Options())["test"] == 3


def test_a_missing_list(tool, voc, tmp_path):
    (voc / "ImageSets/Main/test.txt").unlink()
    assert str(voc / "ImageSets/Main/test.txt") in refused(tool, voc, tmp_path)


def test_an_empty_list(tool, voc, tmp_path):
    (voc / "ImageSets/Main/test.txt").write_text("\n")
    assert "test.txt: an empty list" in refused(tool, voc, tmp_path)


def test_a_list_that_leads_elsewhere(tool, voc, tmp_path):
    for folder, suffix in (("Annotations", "xml"), ("JPEGImages", "jpg")):
        (voc / f"{folder}/000001.{suffix}").rename(voc.parent / f"secret.{suffix}")
    (voc / "ImageSets/Main/test.txt").write_text("../../secret\n")
    assert "test.txt:1" in refused(tool, voc, tmp_path)


def test_broken_xml(tool, voc, tmp_path):
    file = voc / "Annotations/000007.xml"
    file.write_text(file.read_text()[:-20])
    assert f"{file}:" in (message := refused(tool, voc, tmp_path))
    assert "not XML" in message


@pytest.mark.parametrize("box", [(600, 51, 700, 375), (101, 51, 99, 375), (101, 51, "left", 375)])
def test_a_box_that_is_none(tool, voc, tmp_path, box):
    file = voc / "Annotations/000007.xml"
    file.write_text(xml("000007", box))
    assert f"{file}:" in refused(tool, voc, tmp_path)


def test_all_problems_at_once(tool, voc, tmp_path):
    for name in TRAINVAL:
        (voc / f"Annotations/{name}.xml").write_text(xml(name, (600, 51, 700, 375)))
    message = refused(tool, voc, tmp_path)
    assert all(name in message for name in TRAINVAL)


def test_an_image_of_another_size(tool, voc, tmp_path):
    Image.new("RGB", (HEIGHT, WIDTH)).save(voc / "JPEGImages/000007.jpg")
    assert "500 x 375" in (message := refused(tool, voc, tmp_path))
    assert str(voc / "Annotations/000007.xml") in message


def test_a_label_of_another_image(tool, voc, tmp_path):
    (voc / "Annotations/000007.xml").write_text(xml("000002"))  # which is not chosen
    message = refused(tool, voc, tmp_path)
    assert f"{voc / 'Annotations/000007.xml'}: its filename is not 000007.jpg" in message


def test_labels_of_each_other(tool, voc, tmp_path):
    (voc / "Annotations/000007.xml").write_text(xml("000002"))  # which is not chosen
    (voc / "Annotations/000002.xml").write_text(xml("000007"))
    assert "000007.xml: its filename is not 000007.jpg" in refused(tool, voc, tmp_path)


def test_a_truncated_image(tool, voc, tmp_path):
    file = voc / "JPEGImages/000007.jpg"
    file.write_bytes(file.read_bytes()[:-500])
    assert str(file) in refused(tool, voc, tmp_path, ImageError)


def test_an_interrupted_run_leaves_nothing(tool, voc, tmp_path, monkeypatch):
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(tool.ET, "indent", interrupt)
    refused(tool, voc, tmp_path, KeyboardInterrupt)


def command(repo: Path, *args: object) -> subprocess.CompletedProcess[str]:
    tool = repo / "tools/dataset_converters/shrink_voc.py"
    return subprocess.run(
        [sys.executable, str(tool), *map(str, args)], capture_output=True, text=True, check=False
    )


def test_command_line(repo, voc, tmp_path):
    out = tmp_path / "small"
    run = command(repo, voc, "--out", out, "--long-side", 100, "--test-every", 1, "--quality", 90)
    assert run.returncode == 0, run.stderr
    assert f"export MMEIOU_VOC_256={out}/" in run.stdout
    assert "5  test" in run.stdout
    with Image.open(out / "JPEGImages/000002.jpg") as image:
        assert image.size == (100, 75)
    before = sorted(out.rglob("*"))
    again = command(repo, voc, "--out", out)
    assert again.returncode == 1
    assert f"{out} exists" in again.stderr
    assert "Traceback" not in again.stderr
    assert sorted(out.rglob("*")) == before


@pytest.mark.parametrize(
    ("option", "value"), [("--long-side", 0), ("--test-every", 0), ("--quality", 0)]
)
def test_options_out_of_range(repo, voc, tmp_path, option, value):
    run = command(repo, voc, "--out", tmp_path / "small", option, value)
    assert run.returncode == 2
    assert option in run.stderr


def test_equals_the_set_that_the_configs_were_trained_on(tool, shared_data, tmp_path):
    """On the images of which both sizes are there; VOC 2012 calls 000027 2007_000027."""
    original, small = shared_data / "VOCdevkit/VOC2007", shared_data / "VOC2007_256"
    if not (original.is_dir() and small.is_dir()):
        pytest.skip(f"no VOCdevkit/VOC2007 and VOC2007_256 in {shared_data}")
    out = tmp_path / "small"
    tool.shrink_voc(original, out, tool.Options(test_every=1))
    once_encoded = (small / "ImageSets/Main/test.txt").read_text().split()
    compared = same = 0
    for file in sorted((out / "Annotations").iterdir()):
        name = file.stem.removeprefix("2007_")
        expected = small / f"Annotations/{name}.xml"
        if not expected.is_file():
            continue
        compared += 1
        np.testing.assert_allclose(boxes(file), boxes(expected), atol=0.02, err_msg=name)
        ours, theirs = (
            np.asarray(Image.open(root / f"JPEGImages/{stem}.jpg"))
            for root, stem in ((out, file.stem), (small, name))
        )
        assert ours.shape == theirs.shape, name
        if name in once_encoded:
            same += 1
            assert np.abs(ours.astype(int) - theirs).mean() < 0.5, name
    assert compared > 50
    assert same > 5
