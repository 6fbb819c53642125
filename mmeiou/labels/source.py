"""Where labels and images are, which of them are wanted, and how large the images are."""

from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from mmeiou.labels.errors import ImageError, LabelError, Problems
from mmeiou.labels.image_files import (
    IMAGE_SUFFIXES,
    UprightSize,
    image_path,
    is_file,
    list_files,
    upright_size,
)
from mmeiou.labels.image_list import ImageList
from mmeiou.labels.records import Size


@dataclass
class Source:
    """What a reader is asked for.

    Attributes:
        labels: File or folder of labels.
        images: Folder of the images; None where they are not to be looked at, the sizes in the
            labels being believed.
        problems: Takes what is wrong.
        classes: Names of the classes wanted, in their order; empty for those of the labels.
        landmarks: The same for landmarks.
        below: Only images in this folder of ``images``, such as ``train``.
        listed: Only these images; None for all.
        remedy: How boxes of no use are left out, for messages.
    """

    labels: Path
    images: Path | None = None
    problems: Problems = field(default_factory=Problems)
    classes: tuple[str, ...] = ()
    landmarks: tuple[str, ...] = ()
    below: str = ""
    listed: ImageList | None = None
    remedy: str = "correct it"
    _sizes: dict[str, UprightSize] = field(default_factory=dict, repr=False)

    def wants(self, file: str) -> bool:
        """Whether an image, by its path relative to ``images``, is among those wanted."""
        listed = self.listed is None or file in self.listed
        return listed and (not self.below or PurePosixPath(file).is_relative_to(self.below))

    def label_files(self, suffix: str) -> list[Path]:
        """Label files of a suffix: ``labels`` itself, or all in and below it, sorted.

        Raises:
            LabelError: If there are none.
        """
        if self.labels.is_file():
            return [self.labels]
        files = [self.labels / file for file in list_files(self.labels, (suffix,))]
        if not files:
            raise LabelError(f"no {suffix} file in or below it", str(self.labels))
        return files

    def require_images(self) -> Path:
        """The folder of the images, for formats that cannot be read without.

        Raises:
            LabelError: It was not given.
        """
        if self.images is None:
            raise LabelError("needs the folder of the images, too", str(self.labels))
        return self.images

    def pictures(self) -> list[str]:
        """The images wanted, relative to ``images``."""
        files = list_files(self.require_images(), IMAGE_SUFFIXES)
        return [file for file in files if self.wants(file)]

    def image_file(self, written: object, key: str, folder: str = "") -> str:
        """The path of an image relative to ``images``.

        Args:
            written: As in the labels.
            key: Of that value.
            folder: Relative to ``images``, that a relative path starts from.

        Raises:
            LabelError: It lies elsewhere.
        """
        if folder not in ("", ".") and isinstance(written, str) and written.strip():
            written = f"{folder}/{written}"
        return image_path(written, self.images, key)

    def size(self, file: str, where: str, stated: Size | None = None) -> Size | None:
        """The size of an image; None where neither the image nor the label is there to say.

        Args:
            file: Its path relative to ``images``.
            where: File and line of the labels that name it.
            stated: Width and height by the labels.

        Raises:
            LabelError: The image cannot be used, or has another size.
        """
        if self.images is None:
            return stated
        if file not in self._sizes:
            self._sizes[file] = self._measure(self.images / file, where)
        size = self._sizes[file]
        if stated is not None and stated != size[:2]:
            raise LabelError(_other_size(file, size, stated), where)
        return size.width, size.height

    def _measure(self, path: Path, where: str) -> UprightSize:
        if not is_file(path):
            raise LabelError(f"its image {path} does not exist; is the folder right?", where)
        try:
            size = upright_size(path)
        except ImageError as error:
            raise LabelError(str(error), where) from error
        if size.turned:
            self.problems.count("images turned upright by EXIF", str(path))
        return size


def _other_size(file: str, size: UprightSize, stated: Size) -> str:
    width, height = stated
    problem = f"the label says {width} x {height} pixels, {file} has {size[0]} x {size[1]}"
    if size.turned and (height, width) == size[:2]:
        problem += (
            " when turned upright by its EXIF orientation: it was labelled before turning. "
            "Remove the tag from the image, so that everything shows it as it was labelled"
        )
    return problem
