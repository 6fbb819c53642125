"""Say what is installed, what it can do and what will fail, with the remedy.

python tools/check_env.py [--json | --table]

Runs with whatever is missing. The exit status is 1 if something will fail.
"""

import argparse
import dataclasses
import json
import sys

from environment import check, tested_table


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
    if args.table:
        print(tested_table(), end="")
        return
    found = check()
    if args.json:
        findings = [finding._asdict() for finding in found.findings]
        print(json.dumps({**dataclasses.asdict(found), "findings": findings}, indent=2))
    else:
        print(found)
    if not found.usable:
        sys.exit(1)


if __name__ == "__main__":
    main()
