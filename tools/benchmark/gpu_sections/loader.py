"""How fast YuNet_n trains from files, and how long the device waits for them."""

import argparse
import os
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
import training

from gpu_sections.faces import write_faces
from gpu_sections.report import Report, Setting
from gpu_sections.runs import make_endless

SPARE = 2
"""Cores for the process that trains."""


def with_amp(cfg: Any) -> None:
    """The same, as tools/train.py --amp trains it on a GPU."""
    make_endless(cfg)
    cfg.optim_wrapper.type = "AmpOptimWrapper"
    cfg.optim_wrapper.loss_scale = "dynamic"


def measure(setting: Setting, report: Report) -> None:
    """Whole trainings by MMEngine's runner, every hook included."""
    workers = max(1, (os.cpu_count() or 1) - SPARE)
    add = report.table("form", "batch", "workers", "images / s", "share of time for data")
    forms = {"float32": make_endless, "float16, AMP": with_amp}
    cases = setting.pick(
        [("float32", 16, 100), ("float32", 64, 50), ("float16, AMP", 64, 50)],
        [("float32", 2, 4)],
    )
    threads = torch.get_num_threads()
    with TemporaryDirectory() as scratch:
        data = setting.data
        if data is None:
            report.note("pictures are made up: 1024 x 768, JPEG")
            data = write_faces(Path(scratch), setting.pick(64, 4), 1024, 768, 10)
        for form, batch, steps in cases:
            with report.trying(f"{form}, {batch}"):
                training.FORMS["measured"] = forms[form]
                args = argparse.Namespace(
                    data_root=data,
                    steps=steps,
                    batch_size=batch,
                    workers=workers,
                    size=setting.pick(640, 128),
                    processes=1,
                    threads=None,
                    child="measured",
                )
                result = training.run(args)
                # What workers had ready when the first step came is used up in the first half.
                half = steps // 2
                seconds = sum(result.seconds[half:])
                share = sum(result.waiting[half:]) / seconds
                add(form, batch, workers, (steps - half) * batch / seconds, f"{share:.0%}")
    torch.set_num_threads(threads)
