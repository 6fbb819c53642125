"""Which blocks stay in float: first those that are faster there, then those that accuracy needs."""

import statistics
import time
from collections.abc import Callable, Sequence
from math import inf
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import onnx
import onnxruntime

from mmeiou.apis.candidates import Candidates
from mmeiou.apis.exported import as_batch
from mmeiou.apis.images import Image
from mmeiou.apis.onnx_backend import OnnxBackend
from mmeiou.apis.views import Size
from mmeiou.deploy.int8.blocks import Block, blocks_of
from mmeiou.deploy.int8.quantization_error import landmark_error, quantization_error
from mmeiou.deploy.int8.quantize import Batch, prepare, quantize

_FIRST_BLOCKS = 6  # how far from the input float may be faster: maps are large there, channels few
_ROUNDS = 40
_EVERYTHING = 0.0  # a score threshold


class Trial(NamedTuple):
    """A model in integers but for some blocks, and how far it is from the float one."""

    in_float: tuple[Block, ...]
    error: float
    """:func:`mmeiou.deploy.int8.quantization_error.quantization_error`, to the float model."""
    landmark_error: float
    """:func:`mmeiou.deploy.int8.quantization_error.landmark_error`, to the float model."""
    model: onnx.ModelProto

    def __str__(self) -> str:
        blocks = ", ".join(block.name for block in self.in_float) or "nothing"
        return (
            f"error {self.error:.3f}, of landmarks {self.landmark_error:.4f}, "
            f"{self.model.ByteSize() / 1000:.0f} kB; in float: {blocks}"
        )


class Budget(NamedTuple):
    """The largest errors wanted."""

    error: float
    landmark_error: float

    def used(self, trial: Trial) -> float:
        """Share that a trial takes of the budget that it strains most; above 1 if it exceeds it."""
        shares = (
            (trial.error, self.error),
            (trial.landmark_error, self.landmark_error),
        )
        return max(0.0 if not spent else spent / most if most else inf for spent, most in shares)


class MixedPrecisionQuantizer:
    """Quantizes all but some blocks of a detector, and measures the error.

    Args:
        model: Float export of the contract of :class:`mmeiou.apis.exported.ExportedBackend`.
        images: In the size they are detected at, at least two: by turns to calibrate with and to
            measure on.
        size: Width and height of the network's input; no image is larger.

    Raises:
        ValueError: If there are fewer images, or the model cannot be quantized.
    """

    def __init__(self, model: onnx.ModelProto, images: Sequence[Image], size: Size) -> None:
        if len(images) < 2:  # noqa: PLR2004 - one to calibrate with, one to measure on
            raise ValueError(f"quantizing needs at least two images, got {len(images)}")
        self.float_model = prepare(model)
        self.blocks = blocks_of(self.float_model.graph)
        self.batches: list[Batch] = [as_batch([image], size) for image in images[::2]]
        self.validation = images[1::2]
        self.reference = self._proposals(model)

    def quantize(self, in_float: Sequence[Block]) -> Trial:
        """Quantize all but some blocks, and measure the result."""
        model = quantize(self.float_model, self.batches, in_float)
        proposals = self._proposals(model)
        return Trial(
            tuple(in_float),
            quantization_error(self.reference, proposals),
            landmark_error(self.reference, proposals),
            model,
        )

    def _proposals(self, model: onnx.ModelProto) -> list[Candidates]:
        with TemporaryDirectory() as folder:
            path = Path(folder) / "model.onnx"
            path.write_bytes(model.SerializeToString())
            backend = OnnxBackend(path, "cpu")
            return [backend([image], _EVERYTHING)[0] for image in self.validation]


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


def search(
    quantizer: MixedPrecisionQuantizer, budget: Budget, report: Callable[[str], None] = print
) -> Trial:
    """The model to ship.

    Blocks are left in float from the input on, as many as make it fastest. Then, while an error is
    too large, the block joins them whose joining lowers most what is used of the budget.

    Args:
        quantizer: Makes the trials.
        budget: Largest errors wanted; the result's are above only if every trial's are.
        report: Takes a line for each trial.
    """
    depths = range(min(_FIRST_BLOCKS, len(quantizer.blocks) - 1) + 1)
    trials = [quantizer.quantize(quantizer.blocks[:depth]) for depth in depths]
    in_full, *spent = latencies(
        [quantizer.float_model, *(trial.model for trial in trials)], quantizer.batches[0]
    )
    for trial, seconds in zip(trials, spent, strict=True):
        report(f"{seconds / in_full:.2f} of float's latency, {trial}")
    tried = list(trials)
    best = trials[spent.index(min(spent))]
    while budget.used(best) > 1:
        others = [block for block in quantizer.blocks if block not in best.in_float]
        if len(others) == 1:
            return min(tried, key=budget.used)
        joined = []
        for block in others:
            joined.append(quantizer.quantize([*best.in_float, block]))
            report(str(joined[-1]))
        tried += joined
        best = min(joined, key=budget.used)
    return best
