"""The folder of a page: its sources, a model, ONNX Runtime Web."""

import json
from collections.abc import Mapping
from pathlib import Path

from mmeiou.apis.onnx_backend import OnnxBackend
from mmeiou.whole_files import replacing

PAGE = Path(__file__).parent / "page"
DESCRIPTION = "model.json"  # of the model, for the page


def write_site(model: Path, runtime: Mapping[str, bytes], out: Path) -> None:
    """Write a folder that any web server can serve as it is.

    Args:
        model: An ``.onnx`` file that ``FaceDetector`` takes.
        runtime: Files of ONNX Runtime Web.
        out: The folder; what is in it is kept, files of an earlier page are replaced.

    Raises:
        FileExistsError: If there is another page in ``out``.
        FileNotFoundError: If there is no such model.
        ImportError: If ONNX Runtime is missing, which checks the model.
        ValueError: If the file is no such model.
    """
    if (out / "index.html").exists() and not (out / DESCRIPTION).exists():
        raise FileExistsError(f"{out} has an index.html that is not of this page; choose another")
    backend = OnnxBackend(model, "cpu")
    files = {f"onnxruntime/{name}": content for name, content in runtime.items()}
    files[model.name] = model.read_bytes()
    described = {"file": model.name, "classes": backend.classes}
    files[DESCRIPTION] = f"{json.dumps(described)}\n".encode()
    # index.html last: where it is, the rest is.
    for source in sorted(PAGE.iterdir(), key=lambda source: source.name == "index.html"):
        files[source.name] = source.read_bytes()
    for name, content in files.items():
        with replacing(out / name) as unfinished:
            unfinished.write_bytes(content)
