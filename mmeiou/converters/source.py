"""Where labels and images are, which of them are wanted, and how large the images are."""

import os
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from mmeiou.converters.choice import Choice
from mmeiou.converters.labels import LabelledImage
from mmeiou.converters.pictures import SUFFIXES, PictureError, Size, list_files, upright_size
from mmeiou.converters.problems import ConversionError, Problems, at


@dataclass
class Source:
    """What a reader is asked for.

    Attributes:
        labels: File or folder of labels.
        images: Folder of the images, from which ``file_name`` starts in the output.
        problems: Takes what is wrong.
        classes: Names of the classes wanted, in their order; empty for those of the labels.
        landmarks: The same for landmarks.
        below: Only images in this folder of ``images``, such as ``train``.
        chosen: Only these images; None for all.
        turned: Number of images that an EXIF orientation turned.
    """

    labels: Path
    images: Path
    problems: Problems
    classes: tuple[str, ...] = ()
    landmarks: tuple[str, ...] = ()
    below: str = ""
    chosen: Choice | None = None
    turned: int = 0
    _sizes: dict[str, Size | None] = field(default_factory=dict, repr=False)

    def wants(self, file: str) -> bool:
        """Whether an image, by its path relative to ``images``, is among those wanted."""
        path = PurePosixPath(file)
        if self.below and not path.is_relative_to(self.below):
            return False
        return self.chosen is None or file in self.chosen

    def label_files(self, suffix: str) -> list[Path]:
        """Label files of a suffix: ``labels`` itself, or all in and below it, sorted.

        Raises:
            ConversionError: If there are none.
        """
        if self.labels.is_file():
            return [self.labels]
        files = [self.labels / file for file in list_files(self.labels, (suffix,))]
        if not files:
            raise ConversionError(f"{self.labels}: no {suffix} file in or below it")
        return files

    def pictures(self) -> list[str]:
        """The images wanted, relative to ``images``.

        Raises:
            ConversionError: If there are none.
        """
        files = [file for file in list_files(self.images, SUFFIXES) if self.wants(file)]
        if not files:
            raise ConversionError(f"{self.images}: no image in or below it that is wanted")
        return files

    def image(
        self, file: str, where: str, stated: tuple[int, int] | None = None
    ) -> LabelledImage | None:
        """An image without boxes as yet; None, and a problem, if it cannot be used.

        Args:
            file: Its path relative to ``images``.
            where: File and line of the labels that name it.
            stated: Width and height by the labels.
        """
        if file not in self._sizes:
            self._sizes[file] = self._measure(file, where)
        size = self._sizes[file]
        if size is None:
            return None
        if stated not in (None, size[:2]):
            self.problems.add(where, self._other_size(file, size, stated))
            return None
        return LabelledImage(file, size.width, size.height)

    def _measure(self, file: str, where: str) -> Size | None:
        path = self.images / file
        if not path.is_file():
            self.problems.add(where, f"its image {path} does not exist; is --images right?")
            return None
        try:
            size = upright_size(path)
        except PictureError as error:
            self.problems.add(at(path), f"{error}; needed for {where}")
            return None
        self.turned += size.turned
        return size

    @staticmethod
    def _other_size(file: str, size: Size, stated: tuple[int, int] | None) -> str:
        assert stated is not None
        width, height = stated
        problem = f"the label says {width} x {height} pixels, {file} has {size[0]} x {size[1]}"
        if size.turned and (height, width) == size[:2]:
            problem += (
                " when turned upright by its EXIF orientation: it was labelled before turning. "
                "Remove the tag from the image, so that everything shows it as it was labelled"
            )
        return problem

    def relative(self, path: Path, where: str) -> str | None:
        """An image's path relative to ``images``; None, and a problem, if it lies elsewhere."""
        # Not resolved: what is below the folder by a symbolic link is below it.
        file = Path(os.path.relpath(path, self.images))
        if file.parts[:1] == ("..",):
            self.problems.add(where, f"its image {path} is not below --images {self.images}")
            return None
        return file.as_posix()
