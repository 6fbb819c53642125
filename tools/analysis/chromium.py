"""A YuNet in ONNX Runtime Web: the browser page's own code, in a headless Chromium."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Empty, Queue
from threading import Thread
from typing import Any, NamedTuple

import cv2
import numpy as np

from mmeiou.apis import Faces
from mmeiou.apis.images import Image
from mmeiou.deploy.browser.runtime import fetch_package, read_package
from mmeiou.deploy.browser.site import write_site

NAMES = ("chromium", "chromium-browser", "google-chrome")
SECONDS = 120  # its start with 14 MB of WebAssembly, or a large picture, on a busy machine
PAGE = """<!doctype html><script type="module">
import { Detector } from "./detector.js";
const tell = (told) => fetch("/told", { method: "POST", body: JSON.stringify(told) });
try {
  const { file } = await (await fetch("model.json")).json();
  const model = await (await fetch(encodeURIComponent(file))).arrayBuffer();
  const detector = await Detector.open(model);
  await tell("ready");
  for (;;) {
    const task = await fetch("/task");
    const [width, height, threshold] = JSON.parse(task.headers.get("X-Task"));
    const pixels = new Uint8ClampedArray(await task.arrayBuffer());
    const sight = await detector.look(new ImageData(pixels, width, height), Infinity);
    const { milliseconds } = sight;
    await tell({ faces: detector.faces(sight, threshold), milliseconds });
  }
} catch (error) {
  tell({ error: String(error) });
}
</script>"""


class Sight(NamedTuple):
    """What the page tells of a picture."""

    faces: Faces
    seconds: float
    """Of the network alone."""


class _Handler(SimpleHTTPRequestHandler):
    """A folder's files; at /task what the page shall do, and what it answers to /told."""

    def __init__(
        self, *arguments: Any, tasks: "Queue[Any]", told: "Queue[Any]", **options: Any
    ) -> None:
        self.tasks, self.told = tasks, told
        super().__init__(*arguments, **options)

    def do_GET(self) -> None:
        if self.path != "/task":
            super().do_GET()
            return
        what, data = self.tasks.get()
        self.send_response(200)
        self.send_header("X-Task", what)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_POST(self) -> None:
        self.told.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Not on the tool's output."""


class Page:
    """A page in a browser; made by :func:`opened`."""

    def __init__(self) -> None:
        self.tasks: Queue[tuple[str, bytes]] = Queue()
        self.answers: Queue[Any] = Queue()
        self.process: subprocess.Popen[bytes] | None = None

    def told(self) -> Any:
        """What it tells next.

        Raises:
            RuntimeError: If it tells an error, or nothing.
        """
        for _ in range(SECONDS):
            with suppress(Empty):
                answer = self.answers.get(timeout=1)
                break
            if self.process and self.process.poll() is not None:
                raise RuntimeError(f"Chromium ended with {self.process.returncode}")
        else:
            raise RuntimeError(f"the page in Chromium told nothing within {SECONDS} s")
        if isinstance(answer, dict) and "error" in answer:
            raise RuntimeError(f"the page in Chromium: {answer['error']}")
        return answer


def find_browser() -> str:
    """Path of the program.

    Raises:
        ImportError: If there is none.
    """
    browser = next(filter(None, map(shutil.which, NAMES)), None)
    if browser is None:
        raise ImportError(f"no {' or '.join(NAMES)}: apt install chromium")
    return browser


@contextmanager
def opened(site: Path, name: str, profile: Path, *flags: str) -> Iterator[Page]:
    """Serve a folder on this computer, and open a page of it, which sees no other server.

    Args:
        site: The folder.
        name: Of the page in it.
        profile: Empty folder of the browser's own.
        flags: More of the browser's.

    Raises:
        ImportError: If there is no Chromium.
    """
    browser = find_browser()
    page = Page()
    handler = partial(_Handler, directory=str(site), tasks=page.tasks, told=page.answers)
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    Thread(target=server.serve_forever, daemon=True).start()
    command = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"]
    command += [
        f"--user-data-dir={profile}",
        "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    ]
    command += [*flags, f"http://127.0.0.1:{server.server_address[1]}/{name}"]
    silent = subprocess.DEVNULL
    try:
        with subprocess.Popen(command, stdout=silent, stderr=silent) as process:
            page.process = process
            try:
                yield page
            finally:
                process.kill()
    finally:
        server.shutdown()
        server.server_close()


class Chromium:
    """The page of a model, which looks at pictures; made by :func:`chromium`."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def look(self, image: Image, threshold: float) -> Sight:
        """Faces of scores of at least ``threshold``.

        Raises:
            RuntimeError: If the page failed, or does not answer.
        """
        height, width = image.shape[:2]
        rgba = cv2.cvtColor(image, cv2.COLOR_BGR2RGBA)
        self.page.tasks.put((json.dumps([width, height, threshold]), rgba.tobytes()))
        told = self.page.told()
        found = told["faces"]
        points = len(found[0]["landmarks"]) if found else 5  # of nothing, a face's
        faces = Faces(
            np.array([face["box"] for face in found], np.float32).reshape(-1, 4),
            np.array([face["score"] for face in found], np.float32),
            np.array([face["landmarks"] for face in found], np.float32).reshape(-1, points, 2),
            np.array([face["label"] for face in found], np.int64),
        )
        return Sight(faces, told["milliseconds"] / 1000)


@contextmanager
def chromium(model: Path, folder: Path) -> Iterator[Chromium]:
    """Open the page of a model.

    Args:
        model: An ``.onnx`` file that ``FaceDetector`` takes.
        folder: Empty; for the page and the browser's own files.

    Raises:
        ImportError: If there is no Chromium that starts, or no ONNX Runtime Web.
        ValueError: If the file is no such model.
    """
    find_browser()  # before a download
    try:
        runtime = read_package(fetch_package())
    except (OSError, ValueError) as error:
        raise ImportError(f"ONNX Runtime Web: {error}") from error
    site = folder / "site"
    write_site(model, runtime, site)
    (site / "asked.html").write_text(PAGE)
    with opened(site, "asked.html", folder / "profile") as page:
        try:
            page.told()
        except RuntimeError as error:
            raise ImportError(str(error)) from error
        yield Chromium(page)
