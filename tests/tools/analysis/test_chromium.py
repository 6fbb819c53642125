"""The page's code in Chromium, asked from Python, against ``FaceDetector``."""

from pathlib import Path

import numpy as np
import pytest
from helpers.tiny_model import write_tiny_model

from mmeiou.apis import FaceDetector
from mmeiou.deploy.browser.runtime import cached_package


@pytest.fixture
def opened(import_tool, repo: Path, tmp_path: Path):
    """The tool, and a detector whose scores spread."""
    if not cached_package().is_file():
        pytest.skip(f"no {cached_package()}: tools/export_browser.py fetches it by npm")
    tiny = write_tiny_model(repo, tmp_path)
    tool = import_tool("chromium")
    try:
        with tool.chromium(tiny.dynamic, tmp_path / "browser") as browser:
            yield browser, FaceDetector(tiny.dynamic, score_thr=0.02, nms_thr=0.45)
    except ImportError as error:
        pytest.skip(str(error))


def test_it_finds_what_the_detector_finds(opened) -> None:
    browser, detector = opened
    random = np.random.default_rng(0)
    for height, width in ((64, 96), (50, 130)):
        image = random.integers(0, 256, (height, width, 3), np.uint8)
        expected, sight = detector(image), browser.look(image, 0.02)
        assert len(expected) > 3
        assert sight.seconds > 0
        np.testing.assert_allclose(sight.faces.scores, expected.scores, atol=1e-4)
        np.testing.assert_allclose(sight.faces.boxes, expected.boxes, atol=0.02)
        np.testing.assert_allclose(sight.faces.landmarks, expected.landmarks, atol=0.02)
        np.testing.assert_array_equal(sight.faces.labels, expected.labels)
    assert not len(browser.look(image, 1.1).faces)


def test_what_fails_in_the_page_is_said(opened) -> None:
    browser, _ = opened
    browser.page.tasks.put(("[8, 8, 0.5]", b"too few"))
    with pytest.raises(RuntimeError, match="the page in Chromium: "):
        browser.look(np.zeros((8, 8, 3), np.uint8), 0.5)


def test_without_a_browser_it_is_said_how_to_get_one(import_tool, tmp_path, monkeypatch) -> None:
    tool = import_tool("chromium")
    monkeypatch.setattr(tool, "NAMES", ("no-such-browser",))
    with (
        pytest.raises(ImportError, match="apt install chromium"),
        tool.opened(tmp_path, "index.html", tmp_path),
    ):
        pass
