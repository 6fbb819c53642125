"""What the documents point to exists."""

import re
from pathlib import Path


def test_relative_links_lead_somewhere(repo: Path) -> None:
    documents = [repo / "README.md", *repo.glob("docs/*.md"), *repo.glob("configs/*/README.md")]
    links = [
        (document, link)
        for document in documents
        for link in re.findall(r"\]\(([^)#]+)\)", document.read_text())
        if "://" not in link
    ]
    assert len(links) > 5
    for document, link in links:
        assert (document.parent / link).exists(), f"{document}: {link}"
