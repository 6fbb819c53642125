"""Figures without a screen, written whole."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mmeiou.whole_files import replacing

# Told apart by colour-blind readers, too (Okabe and Ito).
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#000000")


@contextmanager
def figure(file: Path, width: float, height: float) -> Iterator[Any]:
    """A matplotlib figure to draw into, saved at the end.

    Args:
        file: Picture to write, its format by its suffix.
        width: In inches of 110 pixels.
        height: The same.

    Raises:
        ImportError: If matplotlib is missing.
        ValueError: If matplotlib cannot write that format.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415 - slow
        from matplotlib.figure import Figure  # noqa: PLC0415
    except ImportError as error:
        raise ImportError("figures need matplotlib: pip install 'mmeiou[sample]'") from error
    formats = FigureCanvasAgg.get_supported_filetypes()
    if file.suffix[1:].lower() not in formats:
        raise ValueError(f"{file}: the suffix must be one of {', '.join(sorted(formats))}")
    drawn = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(drawn)
    yield drawn
    with replacing(file) as unfinished:
        drawn.savefig(unfinished, dpi=110)
