"""A headless Chromium that runs a script against a folder's pages and tells what it found."""

import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.append(str(Path(__file__).parents[3] / "tools" / "analysis"))
import chromium

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
    (site / "harness.html").write_text(HARNESS.format(page=page, script=script))
    try:
        with chromium.opened(
            site, "harness.html", profile, "--window-size=1200,1000", *flags
        ) as it:
            return it.told()
    except ImportError as error:
        pytest.skip(str(error))
