"""Loading checkpoints by MMEngine's own functions, on whichever family is installed."""

import io
import os
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from helpers.tiny_run import TinyModel, make_runner
from mmdet.apis import DetInferencer
from mmengine.infer import BaseInferencer
from mmengine.logging import HistoryBuffer
from mmengine.runner import checkpoint, load_checkpoint

from mmeiou.compat.checkpoint import CheckpointError


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Folder and final state of a run of two epochs."""
    folder = tmp_path_factory.mktemp("trained")
    runner = make_runner(folder, epochs=2)
    runner.train()
    return folder, runner


class Payload:
    """Unpickling it runs a command that makes a folder."""

    def __init__(self, folder):
        self.folder = folder

    def __reduce__(self):
        return os.system, (f"mkdir {self.folder}",)


def test_a_run_resumes_where_it_stopped(trained):
    folder, before = trained
    after = make_runner(folder, epochs=3, resume=True)
    after.train()
    assert (after.epoch, after.iter) == (3, 6)
    assert [s._global_step for s in after.param_schedulers[:3]] == [6, 3, 6]
    history = [r.message_hub.get_scalar("train/loss").data[0].tolist() for r in (before, after)]
    assert history[1][:4] == history[0]
    assert len(history[1]) == 6


def test_what_is_loaded_is_what_was_saved(trained):
    folder, runner = trained
    path = str(folder / "epoch_2.pth")
    loaded = checkpoint.CheckpointLoader.load_checkpoint(path, "cpu")
    # the unrestricted unpickler as the oracle
    expected = torch.load(path, weights_only=False)
    assert loaded.keys() == expected.keys()
    assert loaded["meta"] == expected["meta"]
    assert loaded["meta"]["dataset_meta"] == {"classes": ("a", "b"), "pairs": {"x": 1}}
    assert loaded["param_schedulers"] == expected["param_schedulers"]
    for part in ("state_dict", "ema_state_dict", "optimizer"):
        torch.testing.assert_close(loaded[part], expected[part], rtol=0, atol=0)
    hub = loaded["message_hub"]
    assert hub["runtime_info"] == expected["message_hub"]["runtime_info"]
    history = hub["log_scalars"]["train/loss"]
    assert history.mean() == runner.message_hub.get_scalar("train/loss").mean()
    assert history.statistics("max") == history.data[0].max()


def test_weights_are_taken_over(trained, tmp_path):
    path = str(trained[0] / "epoch_2.pth")
    expected = torch.load(path)["state_dict"]
    by_function, by_config = TinyModel(), TinyModel({"type": "Pretrained", "checkpoint": path})
    load_checkpoint(by_function, path, map_location="cpu", strict=True)
    by_config.init_weights()
    by_runner = make_runner(tmp_path, epochs=1, load_from=path, custom_hooks=None)
    by_runner.load_or_resume()
    for model in (by_function, by_config, by_runner.model):
        torch.testing.assert_close(model.state_dict(), expected, rtol=0, atol=0)


def test_arrays_saved_under_numpy_1_load(tmp_path, monkeypatch):
    value = {"array": np.arange(3.0), "number": np.float32(2)}
    for item in value.values():
        monkeypatch.setattr(item.__reduce__()[0], "__module__", "numpy.core.multiarray")
    torch.save(value, tmp_path / "old.pth")
    assert b"numpy.core.multiarray" in (tmp_path / "old.pth").read_bytes()
    loaded = checkpoint.CheckpointLoader.load_checkpoint(str(tmp_path / "old.pth"))
    assert loaded["array"].tolist() == [0, 1, 2]
    assert loaded["number"] == 2


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy format"])
def test_code_is_refused_and_not_run(zipped, tmp_path):
    path, folder = str(tmp_path / "evil.pth"), tmp_path / "made by the payload"
    content = {"state_dict": TinyModel().state_dict(), "meta": Payload(f"'{folder}'")}
    torch.save(content, path, _use_new_zipfile_serialization=zipped)
    in_memory = io.BytesIO(Path(path).read_bytes())
    loads = [
        lambda: load_checkpoint(TinyModel(), path),
        TinyModel({"type": "Pretrained", "checkpoint": path}).init_weights,
        make_runner(tmp_path, epochs=1, load_from=path).load_or_resume,
        lambda: make_runner(tmp_path, epochs=2).resume(path),
        lambda: checkpoint.load_from_http(f"file://{path}", model_dir=str(tmp_path / "cache")),
    ]
    if hasattr(checkpoint, "_safe_torch_load"):
        loads.append(lambda: checkpoint._safe_torch_load(in_memory, weights_only=False))
    for load in loads:
        with pytest.raises(CheckpointError, match=r"(evil.pth|file) holds (posix|nt).system"):
            load()
        assert not folder.exists()
    torch.load(path, weights_only=False)
    assert folder.exists(), "the payload would not have worked anyway"


class Call:
    """Unpickling it calls ``getattr`` on an object."""

    def __init__(self, *args):
        self.args = args

    def __reduce__(self):
        return getattr, self.args


@pytest.mark.parametrize(
    "args", [(torch.Tensor, "numpy"), (HistoryBuffer, "__init__"), (HistoryBuffer, "__class__")]
)
def test_getattr_is_for_functions_of_known_classes_only(args, tmp_path):
    torch.save({"x": Call(*args)}, tmp_path / "getattr.pth")
    with pytest.raises(CheckpointError, match=r"getattr.pth holds builtins.getattr\(.*'"):
        checkpoint.CheckpointLoader.load_checkpoint(str(tmp_path / "getattr.pth"))


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy format"])
def test_incomplete_files_are_named(zipped, tmp_path):
    path = tmp_path / "cut.pth"
    # large enough for the reader to look for the end of the archive before its start
    content = {"a": torch.zeros(50, 50), "b": torch.zeros(9)}
    torch.save(content, path, _use_new_zipfile_serialization=zipped)
    content = path.read_bytes()
    for length in [*range(0, len(content) - 1, len(content) // 40), len(content) - 1]:
        path.write_bytes(content[:length])
        # a legacy file that ends within a name seems to ask for an unknown class
        with pytest.raises(CheckpointError, match=r"cut.pth (cannot be read|holds)"):
            load_checkpoint(TinyModel(), str(path))


def test_other_files_are_named(tmp_path):
    path = tmp_path / "page.pth"
    path.write_text("<html>404 Not Found</html>")
    with pytest.raises(
        CheckpointError,
        match=r"page.pth cannot be read as a checkpoint: Unsupported operand 60\. If",
    ):
        load_checkpoint(TinyModel(), str(path))
    with pytest.raises(FileNotFoundError, match=r"absent.pth not found \(/.*load_from"):
        load_checkpoint(TinyModel(), str(tmp_path / "absent.pth"))


def test_troubles_of_the_network_are_left_as_they_are(tmp_path):
    with pytest.raises(OSError, match="urlopen error"):
        checkpoint.load_from_http(f"file://{tmp_path}/absent.pth", model_dir=str(tmp_path))


@pytest.mark.parametrize(("name", "parameters"), [("n", 75_856), ("s", 54_608)])
def test_released_weights_load_on_the_cpu(name, parameters, shared_data):
    path = str(shared_data / f"weights/yunet_{name}.pth")
    weights = checkpoint.CheckpointLoader.load_checkpoint(path, "cpu")["state_dict"]
    assert all(value.device.type == "cpu" for value in weights.values())
    statistics = ("running_mean", "running_var", "num_batches_tracked")
    assert parameters == sum(v.numel() for k, v in weights.items() if not k.endswith(statistics))


@pytest.mark.filterwarnings("ignore:dataset_meta or class names are not saved")
@pytest.mark.parametrize("kind", [BaseInferencer, DetInferencer])
def test_an_inferencer_takes_no_weights_that_are_not_finite(kind) -> None:
    load = partial(kind._load_weights_to_model, SimpleNamespace(palette="random"))
    model = TinyModel()
    model.register_buffer("mask", torch.tensor([0.0, -float("inf")]))
    weights = {key: value.clone() for key, value in model.state_dict().items()}
    load(model, {"state_dict": weights}, None)
    weights["layers.0.bias"][1] = float("nan")
    with pytest.raises(ValueError, match=r"not finite, in layers\.0\.bias: its training"):
        load(model, {"state_dict": weights}, None)
