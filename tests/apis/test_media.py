"""Reading videos, and writing pictures and videos."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from mmeiou.apis import ImageError
from mmeiou.apis.media import Video, video_writer, write_image

IMAGE = np.full((48, 64, 3), 90, np.uint8)


def test_an_image_is_written(tmp_path: Path) -> None:
    write_image(tmp_path / "a" / "b.png", IMAGE)
    np.testing.assert_array_equal(cv2.imread(str(tmp_path / "a" / "b.png")), IMAGE)


def write_video(path: Path, frames: int) -> None:
    with video_writer(path, 10, (64, 48)) as writer:
        for index in range(frames):
            writer.write(np.full_like(IMAGE, 20 * index))


def test_a_video_is_written_and_read(tmp_path: Path) -> None:
    write_video(tmp_path / "a.mp4", 5)
    video = Video(tmp_path / "a.mp4")
    assert (video.fps, video.size, video.num_frames, video.live) == (10, (64, 48), 5, False)
    means = [frame.mean() for frame in video]
    np.testing.assert_allclose(means, [0, 20, 40, 60, 80], atol=4)


def test_what_is_no_video(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"no video")
    with pytest.raises(ImageError, match=r"a\.mp4: no video"):
        Video(tmp_path / "a.mp4")
    with pytest.raises(ImageError, match="camera 99: no video or camera"):
        Video(99)


def test_a_video_that_cannot_be_finished_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="cannot write an MP4 video"):
        write_empty(tmp_path / "a.mp4")
    with pytest.raises(KeyboardInterrupt), video_writer(tmp_path / "a.mp4", 5, (64, 48)):
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def write_empty(path: Path) -> None:
    with video_writer(path, 5, (0, 0)):
        pass
