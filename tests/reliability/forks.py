"""Processes of a training, forked from this one: imports would take longer than what they train."""

import os
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

LIMIT = 120  # seconds


def fork(action: Callable[[], None], output: Path) -> int:
    """Do something in a process of its own; its exit code is 0, or 1 where it raised.

    Args:
        action: What hangs is ended after :data:`LIMIT`, by SIGALRM.
        output: File that both streams are appended to.

    Returns:
        The process's number, to be waited for.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    if pid := os.fork():
        return pid
    try:
        signal.alarm(LIMIT)
        file = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(file, 1)
        os.dup2(file, 2)
        sys.stdout = sys.stderr = os.fdopen(file, "a", buffering=1)  # not the parent's, or pytest's
        action()
    except BaseException:  # noqa: BLE001 - no process may go on as the parent
        traceback.print_exc()
        os._exit(1)
    os._exit(0)
