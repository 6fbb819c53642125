"""Which units stay in float: first what is faster there, then what accuracy asks for."""

import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import onnx
import onnxruntime

from mmeiou.apis.candidates import Candidates
from mmeiou.apis.images import Image
from mmeiou.apis.onnx_backend import OnnxBackend, as_batch
from mmeiou.apis.views import Size
from mmeiou.deploy.int8.agreement import disagreement
from mmeiou.deploy.int8.quantize import Batch, prepare, quantize
from mmeiou.deploy.int8.units import Unit, units_of

_FIRST_UNITS = 6  # how far from the input float may be faster: maps are large there, channels few
_ROUNDS = 40
_EVERYTHING = 0.0  # a score threshold


class Trial(NamedTuple):
    """A mix of integers and float, and how far it is from all float."""

    in_float: tuple[Unit, ...]
    error: float
    """:func:`mmeiou.deploy.int8.agreement.disagreement` with the float model."""
    model: onnx.ModelProto

    def __str__(self) -> str:
        units = ", ".join(unit.name for unit in self.in_float) or "nothing"
        return f"error {self.error:.3f}, {self.model.ByteSize() / 1000:.0f} kB; in float: {units}"


class Mixer:
    """Makes and rates mixes of a detector.

    Args:
        model: Float export of the contract of :class:`mmeiou.apis.onnx_backend.OnnxBackend`.
        images: In the size they are detected at, at least two: by turns to calibrate with and to
            rate on.
        size: Width and height of the network's input; no image is larger.

    Raises:
        ValueError: If there are fewer images, or the model cannot be quantized.
    """

    def __init__(self, model: onnx.ModelProto, images: Sequence[Image], size: Size) -> None:
        if len(images) < 2:  # noqa: PLR2004 - one to calibrate with, one to rate on
            raise ValueError(f"quantizing needs at least two images, got {len(images)}")
        self.float_model = prepare(model)
        self.units = units_of(self.float_model.graph)
        self.batches: list[Batch] = [as_batch([image], size) for image in images[::2]]
        self.rated = images[1::2]
        self.reference = self._proposals(model)

    def mix(self, in_float: Sequence[Unit]) -> Trial:
        """Quantize all but some units, and rate the result."""
        model = quantize(self.float_model, self.batches, in_float)
        error = disagreement(self.reference, self._proposals(model))
        return Trial(tuple(in_float), error, model)

    def _proposals(self, model: onnx.ModelProto) -> list[Candidates]:
        with TemporaryDirectory() as folder:
            path = Path(folder) / "model.onnx"
            path.write_bytes(model.SerializeToString())
            backend = OnnxBackend(path, "cpu")
            return [backend([image], _EVERYTHING)[0] for image in self.rated]


def latencies(models: Sequence[onnx.ModelProto], batch: Batch) -> list[float]:
    """Median seconds of each model in ONNX Runtime, one thread, taking turns."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    sessions = [
        onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        for model in models
    ]
    seconds: list[list[float]] = [[] for _ in sessions]
    for _ in range(_ROUNDS):
        for session, spent in zip(sessions, seconds, strict=True):
            begin = time.perf_counter()
            session.run(None, {session.get_inputs()[0].name: batch})
            spent.append(time.perf_counter() - begin)
    return [statistics.median(spent) for spent in seconds]


def choose(mixer: Mixer, max_error: float, report: Callable[[str], None] = print) -> Trial:
    """The mix to ship.

    Units are left in float from the input on, as many as make it fastest. Then, while the error is
    too large, the unit joins them whose joining lowers it most.

    Args:
        mixer: Makes the trials.
        max_error: Largest error wanted; the result's is above only if every mix's is.
        report: Takes a line for each trial.
    """
    depths = range(min(_FIRST_UNITS, len(mixer.units) - 1) + 1)
    trials = [mixer.mix(mixer.units[:depth]) for depth in depths]
    in_full, *spent = latencies(
        [mixer.float_model, *(trial.model for trial in trials)], mixer.batches[0]
    )
    for trial, seconds in zip(trials, spent, strict=True):
        report(f"{seconds / in_full:.2f} of float's latency, {trial}")
    best = trials[spent.index(min(spent))]
    while best.error > max_error:
        others = [unit for unit in mixer.units if unit not in best.in_float]
        if len(others) == 1:
            break
        best = min(
            (_reported(mixer.mix([*best.in_float, unit]), report) for unit in others),
            key=lambda trial: trial.error,
        )
    return best


def _reported(trial: Trial, report: Callable[[str], None]) -> Trial:
    report(str(trial))
    return trial
