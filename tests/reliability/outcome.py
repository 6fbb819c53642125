"""What a trial of a fault came to."""

from typing import NamedTuple


class Outcome(NamedTuple):
    """Whether the fault did no harm, and what happened, for a table."""

    survived: bool
    what: str
