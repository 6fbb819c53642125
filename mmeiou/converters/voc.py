"""Pascal VOC's xml: a file an image, boxes by ``bndbox``, no landmarks.

``difficult`` objects are to be ignored. Pascal's own coordinates count pixels from 1 and include
the last one: pixels 1 to 3 are the three from 0 to 3. What LabelImg, CVAT and others write under
the name of VOC counts from 0.
"""

from pathlib import Path
from xml.etree import ElementTree as ET
from xml.parsers import expat

from tqdm import tqdm

from mmeiou.converters.assemble import assemble
from mmeiou.converters.labels import LabelledBox, LabelSet
from mmeiou.converters.pictures import SUFFIXES
from mmeiou.converters.problems import PlacedError, at
from mmeiou.converters.source import Source

WHERE = "where"
CORNERS = ("xmin", "ymin", "xmax", "ymax")


def read_voc(source: Source, *, one_based: bool = False) -> LabelSet:
    """Read a folder of xml files.

    Args:
        source: Labels and images; an image is looked for by ``filename`` in the folder of
            ``images`` where the xml file is in that of ``labels``.
        one_based: The pixel on the upper left is (1, 1), as in Pascal's own data.

    Raises:
        ConversionError: Listing what cannot be read, by file and line.
    """
    images = []
    for file in tqdm(source.label_files(".xml"), desc="voc", unit="file"):
        with source.problems.noting(at(file)):
            root = _parse(file)
            name = _image_file(root, file, source)
            image = source.wants(name) and source.image(name, at(file), _stated_size(root))
            if image:
                for element in root.findall("object"):
                    with source.problems.noting(at(file)):
                        image.boxes.append(_box(element, one_based=one_based))
                images.append(image)
    return assemble(source, images)


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
    except expat.ExpatError as error:
        raise PlacedError(at(file, error.lineno), f"not XML ({error})") from error
    return builder.close()


def _image_file(root: ET.Element, file: Path, source: Source) -> str:
    """Path of the image; ``filename`` may lack its suffix, or be one from before a renaming."""
    folder = file.parent.relative_to(source.labels if source.labels.is_dir() else file.parent)
    written = root.findtext("filename", "").replace("\\", "/").rpartition("/")[2]
    stems = [written, *(file.stem + suffix for suffix in SUFFIXES)]
    stems += [written + suffix for suffix in SUFFIXES] if written else []
    found = (name for name in stems if name and (source.images / folder / name).is_file())
    return (folder / next(found, written or file.stem)).as_posix()


def _stated_size(root: ET.Element) -> tuple[int, int] | None:
    size = root.find("size")
    if size is None:
        return None
    width, height = (int(_number(size, key)) for key in ("width", "height"))
    return (width, height) if width and height else None  # some tools write zeros


def _box(element: ET.Element, *, one_based: bool) -> LabelledBox:
    name = element.findtext("name", "").strip()
    box = element.find("bndbox")
    if not name or box is None:
        problem = f"an object without a {'bndbox' if name else 'name'}"
        raise PlacedError(element.attrib[WHERE], problem)
    x1, y1, x2, y2 = (_number(box, key) for key in CORNERS)
    corners = (x1 - one_based, y1 - one_based, x2, y2)
    difficult = element.findtext("difficult", "0").strip() not in ("", "0")
    return LabelledBox(box.attrib[WHERE], name, corners, ignore=difficult)


def _number(parent: ET.Element, key: str) -> float:
    element = parent.find(key)
    if element is None:
        raise PlacedError(parent.attrib[WHERE], f"{parent.tag} has no {key}")
    try:
        return float(element.text or "")
    except ValueError:
        problem = f"{key} is {element.text!r}, expected a number"
        raise PlacedError(element.attrib[WHERE], problem) from None
