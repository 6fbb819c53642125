from pathlib import Path

import pytest
from markdown_sections import replace_section

PAGE = "top\n<!-- zoo: by tool.py -->\nold\n<!-- /zoo -->\nend\n"


def test_only_the_section_changes() -> None:
    expected = "top\n<!-- zoo: by tool.py -->\nnew\n<!-- /zoo -->\nend\n"
    assert replace_section(PAGE, "zoo", "new\n", Path("README.md")) == expected


@pytest.mark.parametrize(
    "text", ["top\n", PAGE.replace("<!-- /zoo -->", ""), PAGE.replace("-->\n", "")]
)
def test_missing_markers_are_named(text: str) -> None:
    with pytest.raises(SystemExit, match=r"README\.md: lines '<!-- zoo -->' and '<!-- /zoo -->'"):
        replace_section(text, "zoo", "new\n", Path("README.md"))
