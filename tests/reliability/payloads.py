"""Checkpoints, pickles and models that would run code if anything in them were run."""

import os
import pickle
import random
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import onnx
import torch
from helpers.tiny_run import TinyModel, make_runner
from mmengine.config import ConfigDict
from mmengine.infer import BaseInferencer
from mmengine.runner import checkpoint, load_checkpoint
from onnx import TensorProto, helper
from reliability.outcome import Outcome

from mmeiou.apis.onnx_backend import OnnxBackend
from mmeiou.compat.safetensors_files import SUFFIX
from mmeiou.evaluation.predictions import read_predictions


class _Call:
    """Unpickling it calls a function."""

    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        self.call = function, arguments

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return self.call


class _State(_Call):
    """Unpickling it restores a state by calling a function."""

    def __reduce__(self) -> Any:
        return dict, (), _Call(self.call[0], *self.call[1])


def _callables(mark: Path) -> list[Any]:
    code = f"open({str(mark)!r}, 'w').close()"
    nested = pickle.dumps(_Call(os.system, f"touch {mark}"))
    legacy = mark.with_suffix(".legacy")
    torch.save(_Call(exec, code), legacy, _use_new_zipfile_serialization=False)
    inner = legacy.read_bytes()
    legacy.unlink()
    return [
        _Call(os.system, f"touch {mark}"),
        _Call(subprocess.call, ["touch", str(mark)]),
        _Call(eval, code),
        _Call(exec, code),
        _Call(pickle.loads, nested),
        _Call(torch.storage._load_from_bytes, inner),
        _State(exec, code),
        _Call(Path.touch, mark),
        _Call(os.mkdir, str(mark)),
    ]


def _texts(mark: Path) -> list[str]:
    return [
        f"x = __import__('os').system('touch {mark}')\nmodel = dict(type='TinyModel')\n",
        f"model = dict(type='os.system', command='touch {mark}')\n",
        f"model = dict(type='TinyModel', x=open({str(mark)!r}, 'w').close())\n",
        f"model = dict(type='builtins.open', file={str(mark)!r}, mode='w')\n",
        f"custom_imports = dict(imports=['{mark.stem}_module'])\nmodel = dict(type='TinyModel')\n",
    ]


# Where a checkpoint may have it: under which keys MMEngine, or anybody, would look.
_PLACES = ("meta", "state_dict", "optimizer", "message_hub", "extra", "key")


def _plant(payload: Any, place: str) -> Any:
    content: dict[Any, Any] = {
        "meta": {"epoch": 1, "iter": 2},
        "state_dict": TinyModel().state_dict(),
        "message_hub": {"log_scalars": {}, "runtime_info": {}, "resumed_keys": {}},
    }
    if place == "key":
        content["meta"]["x"] = (payload,)
    elif place == "state_dict":
        content["state_dict"]["x"] = payload
    else:
        content[place] = {**content.get(place, {}), "x": [payload]}
    return content


def _roads(path: Path, folder: Path) -> list[Callable[[], Any]]:
    """Every way by which a file is loaded."""
    inferencer = SimpleNamespace(_load_weights_to_model=lambda *_: None)
    config = ConfigDict(model={"type": "TinyModel"})
    return [
        lambda: load_checkpoint(TinyModel(), str(path)),
        TinyModel({"type": "Pretrained", "checkpoint": str(path)}).init_weights,
        make_runner(folder / f"load_{folder.name}", 1, load_from=str(path)).load_or_resume,
        lambda: make_runner(folder / f"resume_{folder.name}", 2).resume(str(path)),
        lambda: BaseInferencer._init_model(None, {}, str(path)),
        lambda: BaseInferencer._init_model(inferencer, config, str(path)),
        lambda: checkpoint.load_from_http(f"file://{path}", model_dir=str(folder / "cache")),
        lambda: read_predictions(path.with_suffix(".pkl")),
    ]


def _outside(path: Path, mark: Path) -> None:
    """A model whose weights are said to lie in a file outside of its folder."""
    mark.with_suffix(".secret").write_bytes(bytes(400))
    weights = helper.make_tensor("w", TensorProto.FLOAT, [100], bytes(400), raw=True)
    weights.ClearField("raw_data")
    weights.data_location = TensorProto.EXTERNAL
    weights.external_data.add(key="location", value=f"../{mark.with_suffix('.secret').name}")
    images = helper.make_tensor_value_info("x", TensorProto.FLOAT, [100])
    outputs = helper.make_tensor_value_info("cls_8", TensorProto.FLOAT, [100])
    node = helper.make_node("Add", ["x", "w"], ["cls_8"])
    graph = helper.make_graph([node], "g", [images], [outputs], [weights])
    path.write_bytes(onnx.helper.make_model(graph).SerializeToString())


def try_payload(seed: int, folder: Path) -> Outcome:
    """Give one payload to every road; it survives if none of them runs it.

    Args:
        seed: Chooses the payload; alike ones repeat after some 200.
        folder: An empty one.
    """
    choose = random.Random(seed)  # noqa: S311
    folder.mkdir(parents=True, exist_ok=True)
    mark = folder / f"ran_{seed}"
    (folder / f"{mark.stem}_module.py").write_text(f"open({str(mark)!r}, 'w').close()\n")
    path = folder / "work" / "payload.pth"
    path.parent.mkdir()
    kind = ("pickle", "legacy", "text", "onnx", "safetensors")[seed % 5]
    what = kind
    if kind == "onnx":
        _outside(path.with_suffix(".onnx"), mark)
        roads = [lambda: OnnxBackend(path.with_suffix(".onnx"), "cpu")]
        refused = _run(roads, mark)
        return Outcome(bool(refused), f"onnx with weights outside of its folder: {refused}")
    if kind == "text":
        text, key = choose.choice(_texts(mark)), choose.choice(["config", "cfg", "hub"])
        content = _plant(0, "extra")
        if key == "hub":
            content["message_hub"]["runtime_info"]["cfg"] = text
        else:
            content["meta"][key] = text
        what = f"config text in {key}"
        torch.save(content, path)
    else:
        payload, place = choose.choice(_callables(mark)), choose.choice(_PLACES)
        what = f"{kind}: {payload.call[0].__name__} in {place}"
        content = _plant(payload, place)
        torch.save(content, path, _use_new_zipfile_serialization=kind != "legacy")
        path.with_suffix(".pkl").write_bytes(pickle.dumps([content["meta"], payload]))
        if kind == "safetensors":
            path = path.rename(path.with_suffix(SUFFIX))
    refused = _run(_roads(path, folder), mark)
    return Outcome(not mark.exists(), f"{what}: {refused or 'loaded as data'}")


def _run(roads: list[Callable[[], Any]], mark: Path) -> str:
    """Names of the errors, in alphabetical order."""
    raised = set()
    for road in roads:
        try:
            road()
        except Exception as error:  # noqa: BLE001 - refused in whatever way
            raised.add(type(error).__name__)
        if mark.exists():
            return "IT RAN"
    return ", ".join(sorted(raised))
