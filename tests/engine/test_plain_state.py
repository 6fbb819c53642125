"""The size of MMDetection's batches, which changes in training, in a run that is resumed."""

import pytest
import torch
from helpers.drawing_run import DrawingModel, differences, drawing_runner
from mmdet.models.data_preprocessors import BatchSyncRandomResize
from mmengine.registry import MODELS

from mmeiou.engine.plain_state import plain_state, restore


@MODELS.register_module()
class ResizingModel(DrawingModel):
    """Its loss depends on the size that is drawn every five iterations."""

    def __init__(self) -> None:
        super().__init__()
        self.resize = BatchSyncRandomResize((32, 320), interval=5)

    def forward(self, x, mode):
        outputs = super().forward(x, mode)
        if mode != "loss":
            return outputs
        images, _ = self.resize(torch.zeros(1, 3, 32, 32), [])
        return {"loss": outputs["loss"] * images.shape[-1] / 100}


def runner(folder, **options):
    return drawing_runner(folder, model={"type": "ResizingModel"}, **options)


def resume(folder, source):
    resumed = runner(folder, resume=True, load_from=str(source))
    resumed.train()
    return resumed


def test_the_size_of_batches_is_the_same_when_resumed(tmp_path, capsys) -> None:
    whole, resumed = tmp_path / "whole", tmp_path / "resumed"
    runner(whole).train()
    resume(resumed, whole / "iter_12.pth")
    assert differences(whole / "iter_20.pth", resumed / "iter_20.pth") == []
    assert "begins anew" not in "".join(capsys.readouterr())


def test_a_checkpoint_without_it_is_said_by_name(tmp_path, capsys) -> None:
    whole, resumed = tmp_path / "whole", tmp_path / "resumed"
    runner(whole).train()
    saved = torch.load(whole / "iter_12.pth", weights_only=False)
    del saved["plain_state"]
    torch.save(saved, tmp_path / "old.pth")
    resume(resumed, tmp_path / "old.pth")
    assert "BatchSyncRandomResize begins anew" in "".join(capsys.readouterr())
    assert differences(whole / "iter_20.pth", resumed / "iter_20.pth")


@pytest.mark.parametrize(
    "planted",
    [None, [], {}, {"BatchSyncRandomResize": [["x"]]}, {"BatchSyncRandomResize": [[1, 2]]}],
)
def test_what_does_not_fit_is_not_taken(tmp_path, planted) -> None:
    one = runner(tmp_path / "run")
    before = plain_state(one)
    assert before == {"BatchSyncRandomResize": [[None]]}
    assert restore(one, planted) == ["BatchSyncRandomResize"]
    assert plain_state(one) == before
