"""A MkDocs hook: links that leave docs/ become plain text, for a site has only the pages.

In a checkout they lead to files; tests/test_docs.py checks that they do.
"""

import re
from typing import Any

OUTSIDE = re.compile(r"(?<!!)\[([^\]]+)\]\(\.\./[^)]+\)")


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Called by MkDocs for each page."""
    return OUTSIDE.sub(r"\1", markdown)
