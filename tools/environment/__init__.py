"""What is installed here, what it can do, and what will fail: the logic of ``tools/check_env.py``.

Imports the standard library alone, so that it works where mmeiou cannot be imported. Everything
else is tried out, and failing is an answer.
"""

from .probes import check
from .report import Environment, Finding
from .versions import TESTED, tested_table

__all__ = ["TESTED", "Environment", "Finding", "check", "tested_table"]
