"""What the sections of gpu.py find, written to a file as soon as it is found."""

import json
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from mmeiou.whole_files import replacing

Value = TypeVar("Value")
# Behind one of these the process can do nothing more on the device.
STICKY = "CUDA error"


class Setting(NamedTuple):
    """What all sections are told."""

    device: str
    """``'cuda'`` or ``'cpu'``."""
    small: bool
    """Sizes that a CPU does in seconds, to try the script itself."""
    data: Path | None
    """Root of faces in WIDER FACE's layout; made up if absent."""
    checkpoint: Path | None
    """Of YuNet_n; random weights if absent."""

    @property
    def trained(self) -> bool:
        """Whether there are faces, and weights that find them; on noise they find none."""
        return self.data is not None and self.checkpoint is not None

    @property
    def cuda(self) -> bool:
        """Whether there is a GPU to be seen."""
        return self.device == "cuda"

    def pick(self, full: Value, small: Value) -> Value:
        """One of two sizes."""
        return small if self.small else full


class Results:
    """The file of all sections: ``{"setting": {}, "sections": {name: {}}}``.

    Of each section ``status`` (``'running'``, ``'done'``, ``'failed'``, or why it was ended or
    skipped), ``seconds``, and the lists of a :class:`Report`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.content: dict[str, Any] = {"setting": {}, "sections": {}}
        if path.exists():
            self.content = json.loads(path.read_text())

    def write(self) -> None:
        """The file as a whole, so that a reader never sees a part of it."""
        with replacing(self.path) as temporary:
            temporary.write_text(json.dumps(self.content, indent=1) + "\n")

    def end(self, name: str, status: str) -> None:
        """Note how a section ended, or that it never began."""
        section = self.content["sections"].setdefault(name, {})
        began = section.pop("began", time.time())
        section.update(status=status, seconds=round(time.time() - began, 1))
        self.write()

    @property
    def running(self) -> tuple[str, float] | None:
        """The section that is under way, and the seconds since it began."""
        for name, section in self.content["sections"].items():
            if section["status"] == "running":
                return name, time.time() - section["began"]
        return None


class Report:
    """Tables, checks, notes and errors of a section."""

    def __init__(self, results: Results, name: str) -> None:
        self.results = results
        self.found: dict[str, Any] = {"tables": [], "checks": [], "notes": [], "errors": []}
        started = {"status": "running", "began": time.time()}
        results.content["sections"][name] = {**started, **self.found}
        results.write()

    def table(self, *head: str) -> Callable[..., None]:
        """Begin a table; what is returned adds a row, of text and numbers, to it."""
        table: dict[str, Any] = {"head": head, "rows": []}
        self.found["tables"].append(table)

        def add(*cells: str | float) -> None:
            table["rows"].append(cells)
            self.results.write()

        return add

    def check(self, what: str, difference: float, bound: float) -> None:
        """A difference that must not be above a bound."""
        kept = difference <= bound
        one = {"what": what, "difference": difference, "bound": bound, "kept": kept}
        self.found["checks"].append(one)
        self.results.write()

    def note(self, text: str) -> None:
        """Something to be read with the numbers."""
        self.found["notes"].append(text)
        self.results.write()

    def only_gpu(self, what: str) -> None:
        """What has no meaning on the CPU."""
        self.note(f"only a GPU can show: {what}")

    @contextmanager
    def trying(self, what: str) -> Iterator[None]:
        """A part of the section whose failure is noted and does not end the others."""
        try:
            yield
        except Exception as error:
            self.found["errors"].append({"what": what, "traceback": traceback.format_exc()})
            self.results.write()
            if STICKY in str(error):
                raise
