"""The fenced code of Markdown pages, and their tables.

Sybil finds blocks too, but each as a test of its own: the blocks of a page here share a folder and
run one after the other, in two languages, and those that are not run say why to the reader.
"""

import re
from pathlib import Path
from typing import NamedTuple

_BLOCK = re.compile(
    r"(?:<!-- not run: (?P<reason>[^\n]+) -->\n)?```(?P<language>\w+)\n(?P<text>.*?)```",
    re.DOTALL,
)

_TABLE = re.compile(r"<!-- (?P<mark>[^\n]+) -->\n\n\|[^\n]+\n\|[-| ]+\|\n(?P<rows>(?:\|[^\n]+\n)+)")


class Block(NamedTuple):
    language: str
    text: str
    reason: str | None  # why it is not run


def code_blocks(page: Path) -> list[Block]:
    """All blocks that name their language, in their order."""
    return [
        Block(match["language"], match["text"], match["reason"])
        for match in _BLOCK.finditer(page.read_text())
    ]


def code_to_run(page: Path, language: str) -> list[str]:
    """Texts of the blocks in ``language`` that are not marked as not run."""
    return [
        block.text for block in code_blocks(page) if block.language == language and not block.reason
    ]


def commands(page: Path) -> list[str]:
    """Lines of the shell blocks that are run; continued lines are one."""
    return "".join(code_to_run(page, "bash")).replace("\\\n", " ").splitlines()


def marked_tables(page: Path) -> list[tuple[str, list[list[str]]]]:
    """Tables behind a comment: what the comment says, and the rows' cells without backticks."""
    return [
        (
            match["mark"],
            [
                [cell.strip().strip("`") for cell in row.strip("|").split(" | ")]
                for row in match["rows"].splitlines()
            ],
        )
        for match in _TABLE.finditer(page.read_text())
    ]
