"""To ncnn's ``.param`` and ``.bin``."""

import re
import shutil
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

import onnx

from mmeiou.deploy.int8.quantize import is_quantized

# Two sizes, so that pnnx writes none of them into the file.
_SHAPES = ("inputshape=[1,3,320,320]f32", "inputshape2=[1,3,256,384]f32")


def to_ncnn(source: Path, target: Path, *, half: bool) -> None:
    """Convert, by ncnn's pnnx; the blobs get the names of the source's input and outputs.

    Args:
        source: The ``.onnx`` file, in float and of any size.
        target: The ``.param`` file to write; the weights come into the ``.bin`` file beside it.
        half: Store the weights in 16 bits.

    Raises:
        ImportError: If pnnx is missing.
        ValueError: If the source is of one size, or quantized.
        RuntimeError: If pnnx does not take the file.
    """
    try:
        from pnnx import EXEC_PATH  # noqa: PLC0415 (optional)
    except ImportError as error:
        raise ImportError(".param files are written by pnnx: pip install 'mmeiou[ncnn]'") from error
    model = onnx.load(source)
    if is_quantized(model):
        raise ValueError(f"{source} is quantized, which pnnx cannot convert; give the float export")
    if any(side.dim_value for side in model.graph.input[0].type.tensor_type.shape.dim[2:]):
        raise ValueError(f"{source} is of one size, ncnn's files are of any: export --dynamic")
    with TemporaryDirectory() as folder:
        scratch = Path(folder) / "model.onnx"  # pnnx leaves files beside it
        shutil.copyfile(source, scratch)
        done = subprocess.run(  # noqa: S603 - the package's own program
            [EXEC_PATH, scratch.name, *_SHAPES, f"fp16={int(half)}"],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
        written = [scratch.with_suffix(f".ncnn{suffix}") for suffix in (".param", ".bin")]
        if done.returncode or not all(path.is_file() for path in written):
            raise RuntimeError(f"pnnx did not convert {source}: {done.stderr.strip()}")
        names = {"in0": model.graph.input[0].name}
        names |= {f"out{index}": output.name for index, output in enumerate(model.graph.output)}
        text = re.sub(r"\b(in0|out\d+)\b", lambda found: names[found[0]], written[0].read_text())
        target.write_text(text)
        shutil.copyfile(written[1], target.with_suffix(".bin"))
