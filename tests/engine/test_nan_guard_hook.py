import re
import socket
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from helpers.nan_run import KINDS, Watch, faulty_runner
from mmengine.logging import MessageHub
from mmengine.optim import AmpOptimWrapper, OptimWrapper
from mmengine.optim.optimizer import amp_optimizer_wrapper
from mmengine.runner import Runner
from torch import nn

from mmeiou.engine import NaNGuardHook
from mmeiou.engine.guarded_steps import GuardedSteps
from mmeiou.functional.finite import nonfinite_names

SGD = {"type": "SGD", "lr": 0.1, "momentum": 0.9}


def warnings_of(runner: Runner, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    said: list[str] = []
    monkeypatch.setattr(
        runner.logger,
        "warning",
        lambda text, *values: said.append(text % values if values else text),
    )
    return said


@pytest.mark.parametrize("kind", KINDS)
def test_a_bad_step_changes_nothing_and_is_reported(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runner = faulty_runner(tmp_path, {3: kind})
    said = warnings_of(runner, monkeypatch)
    runner.train()
    assert Watch.moved == [0, 1, 2, 4, 5, 6, 7]
    assert list(nonfinite_names(runner.model.state_dict())) == []
    assert runner.message_hub.get_info("skipped_steps") == 1
    skipped = [one for one in said if one.startswith("skipped step")]
    # The second pass of the second epoch, over the second half of the images.
    assert len(skipped) == 1
    assert skipped[0].startswith("skipped step 4 of epoch 2: not finite: ")
    assert skipped[0].endswith("images: faces/4.jpg, faces/5.jpg, faces/6.jpg, faces/7.jpg")
    assert "learning rate 0.1; 1 skipped in all, 1 in a row" in skipped[0]
    cause = {
        "nan loss": "loss=nan, loss_bbox=nan;",
        "inf loss": "loss=inf, loss_bbox=inf;",
        "nan gradient": "gradient of layers.0.weight;",
        "huge gradient": "gradient of squares;",
    }.get(kind, "")
    assert cause in skipped[0]
    assert "loss_sound" not in skipped[0]


def test_without_the_hook_such_a_step_destroys_the_weights(tmp_path: Path) -> None:
    """What the others test: each fault is one."""
    once = {"by_epoch": True, "max_epochs": 1, "val_begin": 2}
    for kind in KINDS:
        runner = faulty_runner(tmp_path / kind, {1: kind}, epochs=1, train_cfg=once)
        runner._hooks = [one for one in runner.hooks if not isinstance(one, NaNGuardHook)]
        runner.optim_wrapper = runner.build_optim_wrapper(
            {"optimizer": {"type": "Adam", "lr": 0.1}}
        )
        runner.train()
        state = {"model": runner.model.state_dict(), **runner.optim_wrapper.state_dict()}
        assert list(nonfinite_names(state)), kind


def test_gradients_accumulated_with_a_bad_one_are_dropped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = {"optim_wrapper": {"optimizer": SGD, "accumulative_counts": 2}}
    runner = faulty_runner(tmp_path, {2: "nan loss"}, **options)
    said = warnings_of(runner, monkeypatch)
    runner.train()
    assert Watch.moved == [1, 5, 7]
    # The pass that went wrong is the first of the two.
    assert any(re.search(r"images: faces/0\.jpg, .*faces/3\.jpg$", one) for one in said)


def test_running_statistics_stay_finite_between_two_steps(tmp_path: Path) -> None:
    """Gradients are accumulated: the pass goes wrong, a validation comes before the step."""
    options = {"optim_wrapper": {"optimizer": SGD, "accumulative_counts": 4}}
    runner = faulty_runner(tmp_path, {1: "nan input"}, epochs=1, **options)
    runner.train()
    assert list(nonfinite_names(runner.model.state_dict())) == []
    saved = torch.load(tmp_path / "epoch_1.pth", weights_only=False)
    assert list(nonfinite_names(saved["state_dict"])) == []


def test_so_many_in_a_row_end_the_training(tmp_path: Path) -> None:
    faults = {1: "nan loss", 3: "nan loss", 4: "nan gradient", 5: "nan loss"}
    runner = faulty_runner(tmp_path, faults, guard={"stop_after": 3})
    expected = (
        r"^3 steps in a row were skipped, the last step 6 of epoch 3: not finite: loss=nan, "
        r"loss_bbox=nan; learning rate 0\.1; 4 skipped in all, 3 in a row; images: faces/4\.jpg, "
    )
    with pytest.raises(FloatingPointError, match=expected):
        runner.train()
    assert Watch.moved == [0, 2]
    with pytest.raises(ValueError, match="stop_after must be at least 1"):
        NaNGuardHook(stop_after=0)


def test_the_count_goes_on_when_resumed(tmp_path: Path) -> None:
    faulty_runner(tmp_path, {1: "nan loss"}, epochs=1).train()
    runner = faulty_runner(tmp_path, {0: "inf loss"}, epochs=2, resume=True)
    runner.train()
    assert runner.message_hub.get_info("skipped_steps") == 2


def test_moving_averages_stay_finite(tmp_path: Path) -> None:
    hook = {"type": "EMAHook", "update_buffers": True}
    runner = faulty_runner(tmp_path, {3: "nan input", 5: "huge input"}, custom_hooks=[hook])
    runner.train()
    saved = torch.load(tmp_path / "epoch_4.pth", weights_only=False)
    assert "ema_state_dict" in saved
    for key in ("state_dict", "ema_state_dict", "optimizer"):
        assert list(nonfinite_names(saved[key])) == []


def test_what_is_not_finite_is_neither_saved_nor_evaluated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An optimizer that breaks the weights by finite gradients."""
    runner = faulty_runner(tmp_path, {})
    runner.optim_wrapper = runner.build_optim_wrapper({"optimizer": SGD})
    weight = runner.model.layers[2].weight
    monkeypatch.setattr(
        runner.optim_wrapper.optimizer, "step", lambda: weight.data.fill_(torch.inf)
    )
    with pytest.raises(FloatingPointError, match=r"not saved: state_dict .* layers\.2\.weight"):
        runner.train()
    assert not list(tmp_path.glob("*.pth"))
    for evaluate in (runner.val_loop.run, lambda: runner.call_hook("before_test_epoch")):
        with pytest.raises(FloatingPointError, match=r"not evaluated: .* layers\.2\.weight"):
            evaluate()


@pytest.mark.parametrize("key", ["state_dict", "ema_state_dict", "optimizer"])
def test_each_part_of_a_checkpoint_is_looked_at(key: str) -> None:
    checkpoint = {key: {"module.a": torch.ones(1), "b": {"c": [torch.tensor([1, torch.inf])]}}}
    with pytest.raises(FloatingPointError, match=rf"{key} .* in b\.c\.0\."):
        NaNGuardHook().before_save_checkpoint(SimpleNamespace(), checkpoint)


def test_a_buffer_that_is_infinite_from_the_start_is_meant_so(tmp_path: Path) -> None:
    runner = faulty_runner(tmp_path, {1: "nan input"}, epochs=1, custom_hooks=[{"type": "EMAHook"}])
    runner.model.register_buffer("mask", torch.tensor([0, -torch.inf]))
    runner.train()
    assert Watch.moved == [0]
    assert "mask" in torch.load(tmp_path / "epoch_1.pth", weights_only=False)["state_dict"]


def amp_wrapper(monkeypatch: pytest.MonkeyPatch, model: nn.Module, **options: Any) -> Any:
    """MMEngine's, whose scaler of the CPU does what that of a GPU does."""
    monkeypatch.setattr(amp_optimizer_wrapper, "is_cuda_available", lambda: True)
    monkeypatch.setattr(
        amp_optimizer_wrapper, "GradScaler", lambda **given: torch.amp.GradScaler("cpu", **given)
    )
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    return AmpOptimWrapper(optimizer=optimizer, **options)


def steps_of(wrapper: Any, model: nn.Module, kinds: str) -> list[bool | None]:
    """Whether steps are left out: with a fine gradient (.), a NaN one (g), a NaN loss (l)."""
    steps = GuardedSteps(wrapper, model)
    skipped = []
    for kind in kinds:
        loss = model(torch.ones(1, 1)).sum()
        if kind == "l":
            loss = loss * torch.nan
        if kind == "g":
            handle = model.weight.register_hook(lambda gradient: gradient * torch.nan)
        wrapper.update_params(loss)
        if kind == "g":
            handle.remove()
        skipped.append(steps.skipped)
        assert model.weight.isfinite().all()
    return skipped


def test_overflow_that_a_smaller_scale_cures_is_left_to_the_scaler(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = nn.Linear(1, 1, bias=False)
    wrapper = amp_wrapper(monkeypatch, model, loss_scale={"init_scale": 4.0})
    # 4 and 2 may be too large a scale, 1 is not. A loss is no matter of the scale.
    assert steps_of(wrapper, model, ".lggg.") == [False, True, False, False, True, False]
    assert wrapper.loss_scaler.get_scale() == 1


def test_a_static_scale_cures_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    model = nn.Linear(1, 1, bias=False)
    wrapper = amp_wrapper(monkeypatch, model, loss_scale=4.0)
    assert steps_of(wrapper, model, "g.") == [True, False]


def test_a_released_wrapper_is_as_it_was() -> None:
    model = nn.Linear(1, 1)
    wrapper = OptimWrapper(torch.optim.SGD(model.parameters(), 0.1))
    before = wrapper.step, wrapper.update_params
    GuardedSteps(wrapper, model).release()
    assert (wrapper.step, wrapper.update_params) == before


def test_all_processes_skip_together(tmp_path: Path) -> None:
    """The loss is NaN in one, its gradient is not; both know whose images they were."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    processes = torch.multiprocessing.spawn(_train_one, (port, tmp_path), nprocs=2, join=False)
    if not any(processes.join(timeout=10) for _ in range(12)):
        for process in processes.processes:  # gloo may stand still while it is taken down
            process.kill()
    first, second = (torch.load(tmp_path / f"{rank}.pth") for rank in range(2))
    assert first["moved"] == second["moved"] == [0, 2]
    assert all(map(torch.equal, first["weights"], second["weights"]))
    for one in (first, second):
        assert one["said"].endswith("images: rank1.jpg")
        assert "loss_bbox=nan" in one["said"]


def _train_one(rank: int, port: int, folder: Path) -> None:
    torch.distributed.init_process_group(
        "gloo",
        init_method=f"tcp://127.0.0.1:{port}",
        rank=rank,
        world_size=2,
        timeout=timedelta(seconds=60),
    )
    torch.manual_seed(0)
    net = nn.Linear(2, 1)
    model = nn.parallel.DistributedDataParallel(net)
    wrapper = OptimWrapper(torch.optim.SGD(net.parameters(), 0.1))
    said: list[str] = []
    runner = SimpleNamespace(
        model=net,
        optim_wrapper=wrapper,
        logger=SimpleNamespace(warning=lambda text, *values: said.append(text % values)),
        message_hub=MessageHub.get_instance("test"),
        iter=0,
        epoch=0,
    )
    hook = NaNGuardHook()
    hook.before_train(runner)
    batch = [SimpleNamespace(img_path=f"rank{rank}.jpg")]
    moved = []
    for step in range(3):
        before = net.weight.detach().clone()
        hook.before_train_iter(runner)
        loss = model(torch.full((1, 2), float(rank + step + 1))).sum()
        if step == 1 and rank == 1:
            loss = loss + torch.tensor(torch.nan)  # its gradient is 1 all the same
        wrapper.update_params(loss)
        hook.after_train_iter(runner, step, batch, {"loss_bbox": loss.item()})
        if not torch.equal(before, net.weight):
            moved.append(step)
    torch.save(
        {"moved": moved, "weights": list(net.state_dict().values()), "said": said[0]},
        folder / f"{rank}.pth",
    )
    torch.distributed.barrier()
    del model  # its reducer holds the group
    torch.distributed.destroy_process_group()
