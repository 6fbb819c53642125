"""A training that is resumed stops early where the uninterrupted one does."""

import pytest
from helpers.drawing_run import drawing_runner
from helpers.tiny_run import TinyMetric

SCORES = [3.0, 2.0, 5.0, 4.0, 4.5, 4.5, 1.0, 1.0]
BY_EPOCH = {"interval": 1, "by_epoch": True, "save_best": "tiny/AP", "rule": "greater"}


@pytest.fixture(autouse=True)
def scores(monkeypatch) -> dict[str, int]:
    """Of the n-th validation of a training, whichever run does it."""
    place = {"epoch": 0}

    def compute(_self, _results):
        return {"AP": SCORES[place["epoch"] - 1]}

    monkeypatch.setattr(TinyMetric, "compute_metrics", compute)
    return place


def train(folder, scores, epochs=8, *, resume=None, **options) -> int:
    """Number of epochs that a training has in the end."""
    early = {"type": "EarlyStoppingHook", "monitor": "tiny/AP", "rule": "greater", **options}
    runner = drawing_runner(
        folder,
        epochs,
        checkpoint=BY_EPOCH,
        custom_hooks=[early],
        param_scheduler=[],
        resume=resume is not None,
        load_from=resume and str(resume),
    )
    run = runner.val_loop.run

    def validate():
        scores["epoch"] = runner.epoch
        return run()

    runner.val_loop.run = validate
    runner.train()
    return runner.epoch


@pytest.mark.parametrize(
    ("options", "last"), [({"patience": 3}, 6), ({"stopping_threshold": 4.9}, 3)]
)
def test_it_ends_with_the_same_epoch(tmp_path, scores, options, last) -> None:
    whole = tmp_path / "whole"
    assert train(whole, scores, **options) == last
    # 3 is saved again in its validation, as the best; the others before theirs
    for epoch in {1, 3, last - 1, last}:
        folder = tmp_path / f"resumed_{epoch}"
        assert train(folder, scores, resume=whole / f"epoch_{epoch}.pth", **options) == last


def test_more_patience_goes_on(tmp_path, scores) -> None:
    whole = tmp_path / "whole"
    assert train(whole, scores, patience=3) == 6
    last = whole / "epoch_6.pth"
    assert train(tmp_path / "resumed", scores, resume=last, patience=5) == 8
