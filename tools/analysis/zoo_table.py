"""Write the table of results into README.md from the metafiles of configs/."""

import argparse
import sys
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "tools"))
from markdown_sections import replace_section  # noqa: E402 - in the folder above

SETS = ("easy", "medium", "hard")


def read_models(root: Path) -> list[dict[str, Any]]:
    """All models of all metafiles, in the order of the files."""
    return [
        model
        for path in sorted((root / "configs").rglob("metafile.yml"))
        for model in yaml.safe_load(path.read_text())["Models"]
    ]


def table(models: list[dict[str, Any]]) -> str:
    """Markdown table with one line for each result."""
    lines = [
        "| model | parameters | FLOPs | measured on | by | easy | medium | hard | weights |",
        "|---|---:|---:|---|---|---:|---:|---:|---|",
    ]
    for model in models:
        about = model["Metadata"]
        weights = f"[{about['Weights By']}]({model['Weights']})" if "Weights" in model else ""
        for result in model.get("Results", []):
            if not set(SETS) <= set(result["Metrics"]):
                continue  # of other tasks: collect_results.py compares them
            digits = 3 if result["Source"].startswith("published") else 4
            aps = " | ".join(f"{result['Metrics'][name]:.{digits}f}" for name in SETS)
            lines.append(
                f"| [{model['Name']}]({model['Config']}) | {about['Parameters']:,} "
                f"| {about['FLOPs'] / 1e6:.0f} M | {result['Dataset']} | {result['Source']} "
                f"| {aps} | {weights} |"
            )
    return "\n".join(lines) + "\n"


def main() -> None:
    """Write the table, or with ``--check`` compare it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="exit with 1 if the table is stale")
    args = parser.parse_args()
    path = ROOT / "README.md"
    text = path.read_text()
    new = replace_section(text, "zoo", table(read_models(ROOT)), path)
    if not args.check:
        path.write_text(new)
    elif new != text:
        sys.exit(f"{path} is stale: run python tools/analysis/zoo_table.py")


if __name__ == "__main__":
    main()
