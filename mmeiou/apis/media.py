"""Reading frames from videos and cameras, and writing pictures and videos.

``mmcv.VideoReader`` would read videos, too, but knows no cameras, gives an empty video for a file
that is none, and comes with all of MMCV, which an exported detector does without.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2

from mmeiou.apis.images import Image
from mmeiou.labels.errors import ImageError
from mmeiou.labels.image_files import IMAGE_SUFFIXES
from mmeiou.whole_files import replacing

_DEFAULT_FPS = 25.0


def write_image(path: Path, image: Image) -> None:
    """Write an image in the format of its suffix, whole or not at all.

    Raises:
        ImageError: If OpenCV cannot write that.
    """
    with replacing(path) as unfinished:
        if not cv2.imwrite(str(unfinished), image):
            raise ImageError(f"{path}: OpenCV cannot write this image")


class Video:
    """Frames of a video file or a camera, uint8 BGR.

    Attributes:
        name: File or camera, for messages.
        live: Whether it is a camera.
        fps: Frames per second, 25 where the source does not say.
        size: Width and height of the frames.
        num_frames: Number of frames by the file's header, None if unknown.

    Raises:
        ImageError: If it cannot be opened, or gives not a single frame.
    """

    def __init__(self, source: Path | int) -> None:
        self.live = isinstance(source, int)
        self.name = f"camera {source}" if self.live else str(source)
        self._capture = cv2.VideoCapture(source if isinstance(source, int) else str(source))
        read, self._first = self._capture.read()
        if not read:
            raise ImageError(
                f"{self.name}: no video or camera that OpenCV can read, and no image by its suffix "
                f"({', '.join(IMAGE_SUFFIXES)})"
            )
        self.fps = self._property(cv2.CAP_PROP_FPS) or _DEFAULT_FPS
        self.size = (self._first.shape[1], self._first.shape[0])
        count = int(self._property(cv2.CAP_PROP_FRAME_COUNT))
        self.num_frames = count if count > 0 else None

    def _property(self, which: int) -> float:
        return max(0.0, float(self._capture.get(which)))

    def __iter__(self) -> Iterator[Image]:
        read, frame = True, self._first
        while read:
            yield frame
            read, frame = self._capture.read()
        self._capture.release()


@contextmanager
def video_writer(path: Path, fps: float, size: tuple[int, int]) -> Iterator[Any]:
    """Write an MP4 video, whole or not at all.

    Args:
        path: File to write, ``.mp4``.
        fps: Frames per second.
        size: Width and height of the frames.

    Yields:
        An OpenCV writer: ``writer.write(frame)``.

    Raises:
        ImageError: If OpenCV cannot write that.
    """
    with replacing(path) as unfinished:
        writer = cv2.VideoWriter(str(unfinished), cv2.VideoWriter.fourcc(*"mp4v"), fps, size)
        try:
            if not writer.isOpened():
                raise ImageError(f"{path}: OpenCV cannot write an MP4 video of {size} at {fps} fps")
            yield writer
        finally:
            writer.release()
