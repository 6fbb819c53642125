"""A headless Chromium that runs a script against a folder's pages and tells what it found."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Empty, Queue
from threading import Thread
from typing import Any

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome")
SECONDS = 120  # a browser's start and 14 MB of WebAssembly, on a busy machine
# The page in a frame, so that a script of the test's reads and clicks as a visitor does.
HARNESS = """<!doctype html><iframe src="{page}" style="width: 100%; height: 90vh"></iframe>
<script type="module">
const tell = (told) => fetch("/told", {{ method: "POST", body: JSON.stringify(told) }});
addEventListener("unhandledrejection", (event) => tell({{ error: String(event.reason) }}));
const frame = document.querySelector("iframe");
await new Promise((resolve) => (frame.onload = resolve));
const page = frame.contentDocument;
const by = (id) => page.getElementById(id);
const until = async (condition) => {{
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 50));
}};
const change = (id, value, kind) => {{
  by(id).value = value;
  by(id).dispatchEvent(new Event(kind));
}};
const texts = (row) => [...row.cells].map((cell) => cell.textContent);
const numbers = () => [...by("numbers").rows].map(texts);
tell(await (async () => {{ {script} }})());
</script>"""


class _Handler(SimpleHTTPRequestHandler):
    def __init__(self, *arguments: Any, told: Queue, **options: Any) -> None:
        self.told = told
        super().__init__(*arguments, **options)

    def do_POST(self) -> None:
        self.told.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Not on the tests' output."""


@contextmanager
def _serving(folder: Path) -> Iterator[tuple[str, Queue]]:
    told: Queue = Queue()
    handler = partial(_Handler, directory=str(folder), told=told)
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", told
    finally:
        server.shutdown()
        server.server_close()


def visit(site: Path, page: str, script: str, profile: Path, *flags: str) -> Any:
    """What an asynchronous script returns that runs beside a page of a site.

    Args:
        site: Folder; the harness is written into it.
        page: Address below the folder.
        script: Body of a JavaScript function that knows ``page``, the document, ``by(id)``,
            ``until(condition)``, ``change(id, value, kind)`` and ``numbers()``, the table's texts.
        profile: Empty folder of the browser's own.
        flags: More of the browser's.
    """
    browser = next(filter(None, map(shutil.which, NAMES)), None)
    if browser is None:
        pytest.skip(f"no {' or '.join(NAMES)} to open the page in")
    (site / "harness.html").write_text(HARNESS.format(page=page, script=script))
    with _serving(site) as (address, told):
        command = [
            browser,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--no-first-run",
            "--window-size=1200,1000",
            f"--user-data-dir={profile}",
            # Nothing but this server is there to load from.
            "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
            *flags,
            f"{address}/harness.html",
        ]
        with subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        ) as process:
            try:
                result = told.get(timeout=SECONDS)
            except Empty:
                process.kill()
                pytest.fail(f"the page told nothing: {process.communicate()[1][-2000:]}")
            finally:
                process.kill()
    assert not (isinstance(result, dict) and "error" in result), result
    return result
