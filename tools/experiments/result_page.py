"""A table of runs in docs/results, shown in a section of a page."""

import sys
from collections.abc import Callable
from pathlib import Path

from run_cells import Row, read_rows

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "tools"))
from markdown_sections import replace_section  # noqa: E402 - in the folder above


def page_with(results: Path, summary: Callable[[list[Row]], str], page: Path, section: str) -> str:
    """The text of a page with what ``summary`` says of the results in its section."""
    text = page.read_text(encoding="utf-8")
    return replace_section(text, section, f"\n{summary(read_rows(results))}\n\n", page)
