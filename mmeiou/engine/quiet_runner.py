"""A runner whose console shows what matters; the log file has everything."""

import logging
from pathlib import Path
from typing import Any

from mmengine.logging import MMLogger
from mmengine.runner import Runner

# How the records begin that only the log file gets.
_FOR_THE_FILE = (
    "\n" + "-" * 60 + "\nSystem environment:",
    "Config:\n",
    "Hooks will be executed in the following order:",
    "Distributed training is not used, all SyncBatchNorm",
    # of MMEngine's checkpoint hook, about how it is written itself
    '"FileClient" will be deprecated in future',
    '"HardDiskBackend" is the alias of "LocalBackend"',
)


class QuietRunner(Runner):
    """MMEngine's runner, but for some 400 lines on the console before the first step.

    The environment, the config and the table of hooks go to the log file alone, and the console
    names it. With ``log_level='DEBUG'`` they stay.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if any(_for_the_console in handler.filters for handler in self.logger.handlers):
            file = Path(self._log_dir) / f"{self.timestamp}.log"
            self.logger.info("environment, config and hooks are in %s", file)

    def build_logger(self, *args: Any, **options: Any) -> MMLogger:
        """The logger, its console without the records that are for the file."""
        logger = super().build_logger(*args, **options)
        for handler in logger.handlers:
            if handler.level > logging.DEBUG and not isinstance(handler, logging.FileHandler):
                handler.addFilter(_for_the_console)
        return logger


def _for_the_console(record: logging.LogRecord) -> bool:
    return not record.getMessage().startswith(_FOR_THE_FILE)
