"""Write what gpu.py found into docs/performance.md.

    python tools/benchmark/gpu_page.py work_dirs/gpu.json
    python tools/benchmark/gpu_page.py work_dirs/first.json work_dirs/second.json

Of several runs on equal machines, each section is that of the last one that measured it.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from mmeiou.whole_files import replacing

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "tools"))
from markdown_sections import replace_section  # noqa: E402 - in the folder above

PAGE = ROOT / "docs/performance.md"


def markdown(content: dict[str, Any]) -> str:
    """All sections: tables, checks, notes, and what failed."""
    parts = []
    for name, section in content["sections"].items():
        parts.append(f"### On a GPU: {name}")
        if section["status"] != "done":
            parts.append(f"**{section['status']}**")
        parts += [_table(table["head"], table["rows"]) for table in section.get("tables", ())]
        if checks := section.get("checks"):
            head = ["compared", "difference", "at most", ""]
            keys = ("what", "difference", "bound")
            rows = [
                [*(check[key] for key in keys), "" if check["kept"] else "**too much**"]
                for check in checks
            ]
            parts.append(_table(head, rows))
        parts += [f"- {note}" for note in section.get("notes", ())]
        parts += [
            f"**{error['what']} failed:**\n\n```text\n{error['traceback'].strip()}\n```"
            for error in section.get("errors", ())
        ]
        parts.append(f"({section['seconds']} s)")
    return "\n\n".join(parts).replace("\n\n- ", "\n- ").replace("|\n- ", "|\n\n- ")


def _table(head: list[str], rows: list[list[Any]]) -> str:
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *([_cell(v) for v in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(value: Any) -> str:
    """Three digits of a number."""
    if isinstance(value, str):
        return value
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"  # noqa: PLR2004


def merged(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """The sections of all, of each the last that has a table.

    Raises:
        ValueError: If the runs are of different machines.
    """
    first, *others = runs
    sections = dict(first["sections"])
    for run in others:
        one, other = (of["sections"]["device"]["tables"][0]["rows"] for of in (first, run))
        if one != other:
            raise ValueError(f"of different machines, which one page cannot show: {one}, {other}")
        sections |= {
            name: section for name, section in run["sections"].items() if section.get("tables")
        }
    return {**first, "sections": sections}


def main() -> None:
    """Fill the section."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("results", type=Path, nargs="+", help="what gpu.py wrote")
    parser.add_argument("--page", type=Path, default=PAGE, help="with the section's markers")
    args = parser.parse_args()
    found = merged([json.loads(path.read_text()) for path in args.results])
    content = f"\n{markdown(found)}\n\n"
    text = replace_section(args.page.read_text(), "gpu", content, args.page)
    with replacing(args.page) as temporary:
        temporary.write_text(text)


if __name__ == "__main__":
    main()
