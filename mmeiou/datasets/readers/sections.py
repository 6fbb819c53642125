"""Label files as sections: a line that announces an image, followed by one line a face."""

from dataclasses import dataclass, field
from pathlib import Path

from mmeiou.datasets.readers.face_label import LabelError
from mmeiou.datasets.readers.rows import Rows


@dataclass
class Sections:
    """Image lines and face rows with their line numbers, and the image of each row."""

    headers: list[str] = field(default_factory=list)
    header_lines: list[int] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    owners: list[int] = field(default_factory=list)

    def add_image(self, header: str, line: int) -> None:
        """Begin the section of an image."""
        self.headers.append(header)
        self.header_lines.append(line)

    def add_face(self, text: str, line: int) -> None:
        """Add a row to the image begun last."""
        self.texts.append(text)
        self.lines.append(line)
        self.owners.append(len(self.headers) - 1)

    def rows(self, file: Path) -> Rows:
        """The face rows as numbers."""
        return Rows(file, self.texts, self.lines)


def split_sections(file: Path, text: str) -> Sections:
    """Split the text of a label file at its ``#`` lines; blank lines are passed over.

    Raises:
        LabelError: A face line before the first image line, or an image line without a path.
    """
    sections = Sections()
    for number, raw in enumerate(text.split("\n"), start=1):
        line = raw.strip()
        if line.startswith("#"):
            header = line[1:].strip()
            if not header:
                raise LabelError(file, number, "image line without a path")
            sections.add_image(header, number)
        elif line:
            if not sections.headers:
                raise LabelError(file, number, f"face line before any '# image' line: {line!r}")
            sections.add_face(line, number)
    return sections
