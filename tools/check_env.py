"""Say what is installed, what it can do and what will fail, with the remedy.

python tools/check_env.py [--json | --table]

Runs with whatever is missing. The exit status is 1 if something will fail.
"""

import argparse
import dataclasses
import importlib
import importlib.util
import json
import sys
from pathlib import Path
from typing import Any


def load_environment() -> Any:
    """The module ``mmeiou.environment``, also where the package around it cannot be imported."""
    try:
        return importlib.import_module("mmeiou.environment")
    except ImportError:  # not installed, or wrapt is missing
        above = Path(__file__).resolve().parents
        files = (folder / "mmeiou/environment/__init__.py" for folder in above)
        spec = importlib.util.spec_from_file_location(
            "environment", next(file for file in files if file.is_file())
        )
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module  # where its own modules look for it
        spec.loader.exec_module(module)
        return module


def main() -> None:
    """Check, print, exit."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    output = parser.add_mutually_exclusive_group()
    output.add_argument("--json", action="store_true", help="for programs")
    output.add_argument(
        "--table", action="store_true", help="print the tested versions as Markdown, check nothing"
    )
    args = parser.parse_args()
    environment = load_environment()
    if args.table:
        print(environment.tested_table(), end="")
        return
    found = environment.check()
    if args.json:
        findings = [finding._asdict() for finding in found.findings]
        print(json.dumps({**dataclasses.asdict(found), "findings": findings}, indent=2))
    else:
        print(found)
    if not found.usable:
        sys.exit(1)


if __name__ == "__main__":
    main()
