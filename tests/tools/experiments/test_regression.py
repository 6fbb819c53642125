"""The laboratory of box losses: its cases, its descent, what it counts and what it writes."""

import csv
import sys
from collections.abc import Iterator
from math import exp
from pathlib import Path
from types import ModuleType

import pytest
import torch
from helpers.boxes import naive_iou
from torch import Tensor


@pytest.fixture(scope="module")
def laboratory(repo: Path) -> Iterator[ModuleType]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(repo / "tools" / "experiments"))
        import regression  # noqa: PLC0415

        yield regression


def test_cases_are_those_that_are_described(laboratory: ModuleType) -> None:
    cases = laboratory.make_cases(4000, 3)
    targets = cases.targets
    area = (targets[:, 2:] - targets[:, :2]).prod(1)
    torch.testing.assert_close(area, torch.full_like(area, 32.0**2))
    middle = (targets[:, :2] + targets[:, 2:]) / 2
    torch.testing.assert_close(middle, torch.full_like(middle, 320.0))
    distance = cases.offset.norm(dim=1)
    assert 2.9 < distance.max() <= 3.001
    # uniform on the disk: a quarter of it within half the radius
    assert (distance < 1.5).float().mean() == pytest.approx(0.25, abs=0.03)
    assert len(cases.scale.mul(100).round().unique()) == 7
    assert cases.scale.min() == pytest.approx(0.5, abs=1e-3)
    assert cases.scale.max() == pytest.approx(2, abs=1e-3)
    assert cases.aspect.min() == pytest.approx(1, abs=1e-3)
    assert cases.aspect.max() == pytest.approx(16, abs=0.01)
    naive = [naive_iou(p, t) for p, t in zip(*(b.tolist() for b in cases), strict=True)]
    torch.testing.assert_close(cases.iou, torch.tensor(naive), rtol=1e-4, atol=1e-5)
    assert torch.equal(laboratory.make_cases(4000, 3).priors, cases.priors)
    assert not torch.equal(laboratory.make_cases(4000, 4).priors, cases.priors)


def test_descent_takes_the_steps_that_it_says(laboratory: ModuleType) -> None:
    """L1 on deltas: each goes to its goal by the length of a step, ten of them and two short."""
    prior, target = [0.0, 0.0, 10.0, 10.0], [0.0, 0.0, 40.0, 10.0]  # deltas 1.5, 0, log 4, 0
    cases = laboratory.Cases(torch.tensor([prior]), torch.tensor([target]))
    outcome = laboratory.descend(laboratory.CONTENDERS["L1"], cases, 0.1, 10)
    for steps, iou in ((0, outcome.curve[0]), (5, outcome.half), (10, outcome.final)):
        moved = 0.1 * min(steps, 8) + 0.01 * max(0, steps - 8)
        centre, width = 5 + 10 * moved, 10 * exp(moved)
        box = [centre - width / 2, 0, centre + width / 2, 10]
        assert float(iou) == pytest.approx(naive_iou(box, target), abs=1e-5)
    assert len(outcome.curve) == 11


@pytest.mark.parametrize("name", ["GIoU", "EIoU, SOT by prior", "NWD"])
def test_each_box_descends_by_itself(laboratory: ModuleType, name: str) -> None:
    """Among others it ends where it does alone."""
    cases = laboratory.make_cases(50, 0)
    together = laboratory.descend(laboratory.CONTENDERS[name], cases, 0.1, 20).final
    for index in (0, 17):
        alone = laboratory.Cases(*(boxes[index : index + 1] for boxes in cases))
        final = laboratory.descend(laboratory.CONTENDERS[name], alone, 0.1, 20).final
        torch.testing.assert_close(final, together[index : index + 1], rtol=1e-3, atol=1e-4)


def test_what_becomes_of_losses_that_are_known(laboratory: ModuleType) -> None:
    """Smooth L1 brings all home; the IoU moves no box that is apart, GIoU does."""
    cases = laboratory.make_cases(500, 0)
    apart = cases.iou == 0
    final = {
        name: laboratory.descend(laboratory.CONTENDERS[name], cases, step, 100).final
        for name, step in (("smooth L1", 0.3), ("IoU", 0.03), ("GIoU", 0.1))
    }
    assert final["smooth L1"].min() > 0.99
    assert final["IoU"][apart].max() == 0
    assert final["IoU"][~apart].mean() > cases.iou[~apart].mean() + 0.2
    assert final["GIoU"][apart].mean() > 0.3


def test_every_contender_descends(laboratory: ModuleType) -> None:
    cases = laboratory.make_cases(20, 0)
    for contender in laboratory.CONTENDERS.values():
        outcome = laboratory.descend(contender, cases, 0.03, 2)
        assert outcome.final.isfinite().all()
        assert not torch.equal(outcome.final, cases.iou)


def test_a_box_that_is_no_number_has_no_iou(laboratory: ModuleType) -> None:
    cases = laboratory.make_cases(20, 0)
    outcome = laboratory.descend(laboratory.CONTENDERS["L1"], cases, float("inf"), 3)
    assert outcome.final.max() == 0


def result(laboratory: ModuleType, half: list, final: list) -> object:
    return laboratory.Result(0.1, Tensor(), torch.tensor(half), torch.tensor(final))


def test_stuck_is_far_from_home_and_no_longer_getting_nearer(laboratory: ModuleType) -> None:
    found = result(laboratory, [0.2, 0.2, 0.6, 0.2], [0.205, 0.3, 0.6, 0.1])
    assert found.stuck.tolist() == [True, False, False, True]
    numbers = laboratory.summary(found, torch.tensor([True, True, True, False]))
    assert numbers == pytest.approx(((0.205 + 0.3 + 0.6) / 3, 0, 1 / 3))


def test_each_case_is_in_one_group_of_each_kind(laboratory: ModuleType) -> None:
    cases = laboratory.make_cases(5000, 1)
    kinds: dict[str, Tensor] = {}
    for (kind, _), mask in laboratory.groups(cases).items():
        assert mask.any()
        kinds[kind] = kinds.get(kind, 0) + mask.long()
    assert set(kinds) == {"all", "distance", "IoU", "scale", "aspect"}
    for count in kinds.values():
        assert (count == 1).all()


def test_the_step_with_the_best_end_is_chosen(
    laboratory: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    def work(task: object) -> object:
        best = {"GIoU": 0.1, "NWD": 1.0}[task.name]
        final = torch.tensor([1.0 if task.step == best else 0.5])
        return laboratory.Outcome(final, final, final)

    monkeypatch.setattr(laboratory, "work", work)
    found = laboratory.best_steps(["GIoU", "NWD"], 10, 5, 0, 1)
    assert found == pytest.approx({"GIoU": 0.1, "NWD": 1.0})


def test_searched_cases_are_not_reported(
    laboratory: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    searched = []

    def work(task: object) -> object:
        searched.append(task)
        final = torch.ones(1)
        return laboratory.Outcome(final, final, final)

    monkeypatch.setattr(laboratory, "work", work)
    laboratory.best_steps(["GIoU"], 50, 5, 7, 1)
    assert len(searched) == len(laboratory.GRID)
    reported = {seed for seed, _ in laboratory.chunks(10**7, 7)}
    for task in searched:
        assert task.seed not in reported
        priors = laboratory.make_cases(50, task.seed).priors
        assert not torch.equal(priors, laboratory.make_cases(50, task.seed % 2**31).priors)


def test_chunks_make_up_the_cases(laboratory: ModuleType) -> None:
    sizes = [size for _, size in laboratory.chunks(40_000, 0)]
    assert sum(sizes) == 40_000
    assert len(sizes) == 3


def test_another_process_changes_nothing(laboratory: ModuleType) -> None:
    task = laboratory.Task("GIoU", 0.1, 3, 20, 5)  # one, for which one process starts
    ((of_one, here),), ((of_two, there),) = (
        laboratory.run([task], workers, "") for workers in (1, 2)
    )
    assert of_one == of_two == task
    torch.testing.assert_close(here.final, there.final)


def test_the_whole_of_it(
    laboratory: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of two losses, in chunks of which the last is smaller."""
    page = tmp_path / "docs" / "losses.md"
    page.parent.mkdir()
    page.write_text("Before\n<!-- laboratory -->\nold\n<!-- /laboratory -->\nafter\n")
    (page.parent / "images").mkdir()
    arguments = ["--losses", "GIoU", "NWD", "--cases", "60", "--search-cases", "20"]
    arguments += ["--steps", "8", "--cost-seconds", "0.1", "--workers", "1"]
    program = ["regression.py", *arguments, "--out", str(tmp_path), "--page", str(page)]
    monkeypatch.setattr(laboratory, "CHUNK", 25)
    monkeypatch.setattr(sys, "argv", program)
    laboratory.main()
    for name in ("curves", "groups", "map"):
        assert (tmp_path / f"regression_{name}.png").read_bytes().startswith(b"\x89PNG")
    with (tmp_path / "regression.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["loss"] for row in rows if row["start"] == "all"] == ["GIoU", "NWD"]
    assert rows[0]["cases"] == "60"
    step = {row["loss"]: float(row["step"]) for row in rows}
    cases = laboratory.all_cases(60, 0)
    for row in (row for row in rows if row["start"] == "all"):
        contender = laboratory.CONTENDERS[row["loss"]]
        grid_step = min(laboratory.GRID, key=lambda s: abs(s - step[row["loss"]]))
        expected = laboratory.descend(contender, cases, grid_step, 8).final.mean()
        assert float(row["mean_iou"]) == pytest.approx(float(expected), abs=2e-4)
    with (tmp_path / "regression_curves.csv").open() as file:
        curves = list(csv.reader(file))
    assert curves[0] == ["steps", "GIoU", "NWD"]
    assert [int(row[0]) for row in curves[1:]] == list(range(9))
    assert float(curves[1][1]) == pytest.approx(float(cases.iou.mean()), abs=1e-4)
    text = page.read_text()
    assert text.startswith("Before\n")
    assert "old" not in text
    assert "| NWD | `mmeiou.NWDLoss(constant=32)` | [2110.13389]" in text
    assert (page.parent / "images/regression_groups.png").exists()


def test_the_page_has_every_contender_as_it_is(laboratory: ModuleType, repo: Path) -> None:
    text = (repo / "docs/losses.md").read_text()
    for name, contender in laboratory.CONTENDERS.items():
        row = f"| {name} | `{contender.written}` | {contender.source} | {contender.needs} |"
        assert row in text, row
