"""How often a training step waits for the device, and whether more images make it wait more."""

import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from gpu_sections.models import build, images, samples
from gpu_sections.report import Report, Setting

FORMS = {"ours": "shipped", "MMDetection's": "plain"}
# Operators whose result, or its shape, the host has to know.
ASKING = {"_local_scalar_dense", "nonzero", "masked_select", "is_nonzero", "equal"}
BY_MASK = {"index", "index_put", "index_put_", "_unsafe_index", "_index_put_impl_"}


class Asking(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts operators after which the host would wait for a GPU; on any device."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.count = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Count and call."""
        name = func.__name__.split(".")[0]
        masks = name in BY_MASK and any(
            one is not None and one.dtype in (torch.bool, torch.uint8) for one in args[1]
        )
        self.count += name in ASKING or masks
        return func(*args, **(kwargs or {}))


def lines_that_wait(function: Callable[[], object]) -> Counter[str]:
    """Calls that CUDA's runtime waited in, by line of Python code."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        torch.cuda.set_sync_debug_mode("warn")
        try:
            function()
        finally:
            torch.cuda.set_sync_debug_mode("default")
    return Counter(
        f"{'/'.join(Path(one.filename).parts[-3:])}:{one.lineno}"
        for one in caught
        if "called a synchronizing CUDA operation" in str(one.message)
    )


def asked(function: Callable[[], object]) -> int:
    """Operators of :class:`Asking`."""
    with Asking() as mode:
        function()
    return mode.count


class Step:
    """A training step in its two parts, after one that warmed up."""

    def __init__(self, setting: Setting, form: str, count: int) -> None:
        side = setting.pick(640, 128)
        self.model = build(setting, FORMS[form], fresh=True).to(setting.device).train()
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=1e-6)
        self.batch = {
            "inputs": list(images(count, side)),
            "data_samples": samples(count, side, setting.pick(20, 3)),
        }
        self.moved: Any = None
        self.move()
        self.learn()

    def move(self) -> None:
        """The batch to the device."""
        self.moved = self.model.data_preprocessor(self.batch, training=True)

    def learn(self) -> None:
        """Losses, gradients, update."""
        losses = self.model(**self.moved, mode="loss")
        loss, _ = self.model.parse_losses(losses)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()


def count(setting: Setting, report: Report) -> None:
    """Of both parts of a step, by number of images, ours and with MMDetection's parts."""
    if not setting.cuda:
        report.only_gpu("the calls that wait; counted are the operators that ask for a value")
    add = report.table(
        "parts", "images", "asking operators", "waits, moving the batch", "waits, the step"
    )
    numbers = setting.pick((1, 16, 64), (1, 2, 4))
    lines: dict[str, list[Counter[str]]] = {form: [] for form in FORMS}
    for form in FORMS:
        counts = []
        for number in numbers:
            with report.trying(f"{form}, {number}"):
                step = Step(setting, form, number)
                waits: list[int | str] = ["-", "-"]
                if setting.cuda:
                    lines[form].append(lines_that_wait(step.learn))
                    moving = lines_that_wait(step.move)
                    waits = [sum(one.values()) for one in (moving, lines[form][-1])]
                asking = asked(step.learn)
                add(form, number, asking, *waits)
                counts.append(sum(lines[form][-1].values()) if setting.cuda else asking)
        if form == "ours" and len(counts) == len(numbers):
            # Less than one for each further image; long lists of pairs are gone through in pieces.
            more = (counts[-1] - counts[0]) / (numbers[-1] - numbers[0])
            report.check("ours: further waits for each further image", more, 0.5)
    for form, counters in lines.items():
        if len(counters) == len(numbers):
            every = sorted(set().union(*counters), key=lambda line: -counters[-1][line])
            add = report.table(f"line, {form}", *(f"{number} images" for number in numbers))
            for line in every[:12]:
                add(line, *(counter[line] for counter in counters))
