"""The package as an installed wheel lies, made of links: openmim finds no editable package."""

from pathlib import Path

REPO = Path(__file__).resolve().parents[2]


def install_links(site: Path) -> Path:
    """Lay out what both mims look for: the package, its ``.mim`` and its metadata.

    Args:
        site: A new folder, to come first in PYTHONPATH.
    """
    package = site / "mmeiou"
    package.mkdir(parents=True)
    for path in (REPO / "mmeiou").iterdir():
        if path.name != "__pycache__":
            (package / path.name).symlink_to(path)
    (package / ".mim").mkdir()
    for name in ("configs", "tools"):
        (package / ".mim" / name).symlink_to(REPO / name)
    metadata = site / "mmeiou-0.0.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: mmeiou\nVersion: 0.0.0\n")
    (metadata / "RECORD").write_text("mmeiou/__init__.py,,\n")
    return site
