"""What was found in an environment."""

# An old Python should reach the finding that says so.
from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

LEVELS = ("error", "warning")


class Finding(NamedTuple):
    """Something that will fail (``error``) or may surprise (``warning``), and what to do."""

    level: str
    problem: str
    remedy: str


@dataclass
class Environment:
    """What was found.

    Attributes:
        versions: Of each package, or that it is missing, to show.
        family: ``onedl``, ``openmmlab``, ``both`` or ``none``.
        abilities: Ops, checkpoints and devices, in words.
        findings: Errors and warnings.
    """

    versions: dict[str, str]
    family: str
    abilities: dict[str, str] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    @property
    def usable(self) -> bool:
        """Whether there is no error."""
        return all(finding.level != "error" for finding in self.findings)

    def __str__(self) -> str:
        rows = {**self.versions, "family": self.family, **self.abilities}
        width = max(map(len, rows)) + 2
        lines = [f"{name:{width}}{value}" for name, value in rows.items()]
        for level, problem, remedy in self.findings:
            lines += ["", f"{level}: {problem}", f"    {remedy}"]
        count = {level: sum(f.level == level for f in self.findings) for level in LEVELS}
        totals = ", ".join(
            f"{number} {level}{'s' * (number != 1)}" for level, number in count.items()
        )
        return "\n".join([*lines, "", totals])
