"""Pascal VOC's xml: a file an image, boxes by ``bndbox``, no landmarks.

``difficult`` objects are to be ignored. Pascal's own coordinates count pixels from 1 and include
the last one: pixels 1 to 3 are the three from 0 to 3. What LabelImg, CVAT and others write under
the name of VOC counts from 0.
"""

from pathlib import Path
from xml.etree import ElementTree as ET
from xml.parsers import expat

from tqdm import tqdm

from mmeiou.labels.errors import LabelError, at, placing
from mmeiou.labels.image_files import IMAGE_SUFFIXES, is_file
from mmeiou.labels.named_boxes import NamedBox, NamedImage, number_boxes
from mmeiou.labels.records import LabelSet, Size
from mmeiou.labels.source import Source
from mmeiou.labels.values import flag, name, stated_size, written_number

ROOT = "annotation"
WHERE = "where"
CORNERS = ("xmin", "ymin", "xmax", "ymax")


def read(source: Source, *, one_based: bool = False) -> LabelSet:
    """Read a folder of xml files.

    Args:
        source: Labels and images; an image is looked for by ``filename`` in the folder of
            ``images`` where the xml file is in that of ``labels``.
        one_based: The pixel on the upper left is (1, 1), as in Pascal's own data.

    Raises:
        LabelError: Listing what cannot be read, by file and line.
    """
    images = []
    for file in tqdm(source.label_files(".xml"), desc="voc", unit="file"):
        with source.problems.noting(at(file)):
            root = _parse(file)
            written = _image_file(root, file, source)
            if not source.wants(written):
                continue
            size = source.size(written, at(file), _stated_size(root))
            image = NamedImage(written, size, at(file))
            for element in root.findall("object"):
                with source.problems.noting(element.attrib[WHERE]):
                    image.boxes.append(_box(element, one_based=one_based))
            images.append(image)
    return number_boxes(source, images)


def _parse(file: Path) -> ET.Element:
    """The tree, every element with the line it starts at: ElementTree's own parser forgets it."""
    builder = ET.TreeBuilder()
    parser = expat.ParserCreate()

    def start(tag: str, attributes: dict[str, str]) -> None:
        builder.start(tag, {**attributes, WHERE: at(file, parser.CurrentLineNumber)})

    parser.StartElementHandler = start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.data
    try:
        parser.Parse(file.read_bytes(), True)  # noqa: FBT003 - expat takes no keyword
    except (expat.ExpatError, ValueError, LookupError) as error:  # an encoding that is none
        line = getattr(error, "lineno", parser.CurrentLineNumber)
        raise LabelError(f"not XML ({error})", at(file, line)) from error
    root = builder.close()
    if root.tag != ROOT:
        hint = "; export Pascal VOC from CVAT" if root.tag == "annotations" else ""
        raise LabelError(f"root <{root.tag}>, expected Pascal's <{ROOT}>{hint}", at(file))
    return root


def _image_file(root: ET.Element, file: Path, source: Source) -> str:
    """Path of the image; ``filename`` may lack its suffix, or be one from before a renaming."""
    folder = file.parent.relative_to(source.labels if source.labels.is_dir() else file.parent)
    written = root.findtext("filename", "").replace("\\", "/").rpartition("/")[2].strip()
    candidates = [written, *(file.stem + suffix for suffix in IMAGE_SUFFIXES)]
    candidates += [written + suffix for suffix in IMAGE_SUFFIXES] if written else []
    if source.images is not None:
        there = source.images / folder
        written = next((name for name in candidates if name and is_file(there / name)), written)
    return source.image_file(written or file.stem, "filename", folder.as_posix())


def _stated_size(root: ET.Element) -> Size | None:
    size = root.find("size")
    if size is None:
        return None
    with placing(size.attrib[WHERE]):
        return stated_size(*((size.findtext(key) or "").strip() for key in ("width", "height")))


def _box(element: ET.Element, *, one_based: bool) -> NamedBox:
    box = element.find("bndbox")
    if box is None:
        raise LabelError("an object without a bndbox")
    label = name(element.findtext("name", "").strip(), "name of an object")
    x1, y1, x2, y2 = (_number(box, key) for key in CORNERS)
    corners = (x1 - one_based, y1 - one_based, x2, y2)
    difficult = element.find("difficult")
    ignore = False
    if difficult is not None:
        with placing(difficult.attrib[WHERE]):
            ignore = flag(difficult.text, "difficult")
    return NamedBox(box.attrib[WHERE], label, corners, {}, ignore)


def _number(parent: ET.Element, key: str) -> float:
    element = parent.find(key)
    if element is None:
        raise LabelError(f"{parent.tag} has no {key}", parent.attrib[WHERE])
    with placing(element.attrib[WHERE]):
        return written_number((element.text or "").strip(), key)
