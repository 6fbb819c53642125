"""Results in the metafiles of configs, written without touching anything else in them."""

import re
from pathlib import Path
from typing import Any

import yaml

SOURCE = "collected by tools/analysis/collect_results.py"
# A result of that source: its line with the dash, and those indented below.
_OURS = (
    r"      - Task: .*\n(?:        .*\n)*?"
    rf"        Source: {re.escape(SOURCE)}\n(?:        .*\n)*"
)


def noted(text: str, config: str, result: dict[str, Any], path: Path) -> str:
    """A metafile with a result of a model, in place of the one that was collected before.

    Args:
        text: Of the metafile.
        config: Name of a model in it.
        result: ``Task``, then other keys; ``Source`` is added.
        path: Of the metafile, for messages.

    Raises:
        ValueError: The model is not there, or the new text would say something else, too.
    """
    found = re.search(rf"^  - Name: {re.escape(config)}\n(?:(?:    .*)?\n)*", text, re.MULTILINE)
    if found is None:
        raise ValueError(f"{path}: no model {config}")
    model = found.group().rstrip("\n") + "\n"
    task, *others = ({**result, "Source": SOURCE}).items()
    entry = f"      - {task[0]}: {task[1]}\n"
    entry += "".join(f"        {key}: {_flow(value)}\n" for key, value in others)
    kept = re.sub(_OURS, "", model)
    if "    Results:\n" not in kept:
        kept += "    Results:\n"
    new = text[: found.start()] + kept + entry + text[found.start() + len(model) :]
    if _others(new, config) != _others(text, config):
        raise ValueError(f"{path}: {config} is not written as the other models are; do it by hand")
    return new


def _flow(value: Any) -> str:
    """On one line, as YAML."""
    text = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=1000)
    return str(text.splitlines()[0])  # behind a bare value comes "..."


def _others(text: str, config: str) -> Any:
    """All that a metafile says but for what was collected of one model."""
    content = yaml.safe_load(text)
    for model in content["Models"]:
        if model["Name"] == config:
            results = model.pop("Results", None) or []
            model["Results"] = [result for result in results if result["Source"] != SOURCE]
    return content
