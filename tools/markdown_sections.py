"""Parts of Markdown pages that a command writes."""

from pathlib import Path


def replace_section(text: str, name: str, content: str, path: Path) -> str:
    r"""``text`` with what stands in a section replaced.

    A section begins behind ``<!-- name`` (anything may follow up to ``-->``) and ends before
    ``<!-- /name -->``.

    Args:
        text: Of the page.
        name: Of the section.
        content: New content; ends with a line feed.
        path: Of the page, for the message.

    Raises:
        SystemExit: If the markers are missing.
    """
    before, opened, rest = text.partition(f"<!-- {name}")
    comment, closed, rest = rest.partition("-->\n")
    _, ended, after = rest.partition(f"<!-- /{name} -->")
    if not (opened and closed and ended):
        raise SystemExit(
            f"{path}: lines '<!-- {name} -->' and '<!-- /{name} -->' must frame the generated part"
        )
    return f"{before}{opened}{comment}{closed}{content}{ended}{after}"
