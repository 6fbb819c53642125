"""The script for a GPU, in full on the CPU at small sizes."""

import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn


@pytest.fixture(scope="module")
def tools(repo: Path) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(repo / "tools/benchmark"))
        import gpu  # noqa: PLC0415
        import gpu_page  # noqa: PLC0415
        from gpu_sections import losses as gpu_losses  # noqa: PLC0415
        from gpu_sections import networks as gpu_networks  # noqa: PLC0415
        from gpu_sections import report as gpu_report  # noqa: PLC0415
        from gpu_sections import waits as gpu_waits  # noqa: PLC0415

        yield SimpleNamespace(
            gpu=gpu,
            losses=gpu_losses,
            networks=gpu_networks,
            page=gpu_page,
            report=gpu_report,
            waits=gpu_waits,
        )


def run(repo: Path, out: Path, *arguments: str) -> tuple[dict[str, Any], str]:
    """What the script wrote, and what it printed."""
    command = [sys.executable, repo / "tools/benchmark/gpu.py", "--device", "cpu", "--small"]
    done = subprocess.run(
        [*command, "--out", out, *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(out.read_text())["sections"], done.stdout


@pytest.mark.slow
def test_all_sections(repo: Path, tmp_path: Path, tools: SimpleNamespace) -> None:
    sections, printed = run(repo, tmp_path / "gpu.json", "--max-seconds", "400")
    assert list(sections) == list(tools.gpu.SECTIONS)
    for name, section in sections.items():
        assert section["errors"] == [], name
        assert section["status"] == "done", name
        assert all(table["rows"] for table in section["tables"]), name
        assert f"### On a GPU: {name}\n" in printed
    checks = {check["what"]: check for one in sections.values() for check in one["checks"]}
    assert len(checks) > 20
    # One device with itself: what is equal at all is equal in every bit.
    assert {what: one["difference"] for what, one in checks.items() if one["difference"]} == {}
    counts = {(row[0], row[1]): row[2] for row in sections["waits"]["tables"][0]["rows"]}
    assert counts["ours", 4] == counts["ours", 1]
    assert counts["MMDetection's", 4] > 2 * counts["MMDetection's", 1]
    said = [note for one in sections.values() for note in one["notes"] if "only a GPU" in note]
    assert len(said) >= 5


def test_what_is_late_is_skipped_and_said(repo: Path, tmp_path: Path) -> None:
    sections, printed = run(repo, tmp_path / "gpu.json", "--max-seconds", "0")
    assert {section["status"] for section in sections.values()} == {"skipped: no time left"}
    assert "**skipped: no time left**" in printed


def results(tools: SimpleNamespace, path: Path) -> Any:
    return tools.report.Results(path)


def use_section(tools: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, function: Any) -> None:
    module = ModuleType("a_section")
    module.measure = function  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "a_section", module)
    monkeypatch.setattr(tools.gpu, "SECTIONS", {"one": tools.gpu.Section("a_section:measure", 5)})


@pytest.mark.parametrize(
    ("message", "usable"), [("no such thing", True), ("CUDA error: illegal access", False)]
)
def test_a_section_that_fails_is_written_with_what_it_had(
    tools: SimpleNamespace,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    message: str,
    usable: bool,
) -> None:
    def measure(_setting: Any, report: Any) -> None:
        report.table("what", "is")("first", 1)
        with report.trying("a part"):
            raise RuntimeError(message)
        with report.trying("another"):
            report.check("differs", 2.0, 1.0)
        raise RuntimeError("at last")

    use_section(tools, monkeypatch, measure)
    path = tmp_path / "gpu.json"
    assert tools.gpu.run_section("one", None, results(tools, path)) is usable
    content = json.loads(path.read_text())
    section = content["sections"]["one"]
    assert section["status"] == "failed"
    assert section["tables"][0]["rows"] == [["first", 1]]
    text = tools.page.markdown(content)
    assert "**failed**" in text
    assert f"RuntimeError: {message}" in text
    assert "| first | 1 |" in text
    assert ("**too much**" in text) == usable  # after the other nothing is tried


@pytest.mark.parametrize(("limit", "end"), [(0.0, "ended: too slow"), (99.0, "no time left")])
def test_a_section_that_hangs_is_ended(
    tools: SimpleNamespace,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    limit: float,
    end: str,
) -> None:
    path = tmp_path / "gpu.json"
    monkeypatch.setattr(tools.gpu, "SECTIONS", {"one": tools.gpu.Section("", limit)})
    tools.report.Report(results(tools, path), "one")
    process = subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True
    )
    deadline = tools.gpu.time.monotonic() + (99 if limit == 0 else 0)
    assert end in tools.gpu.follow(process, path, deadline, 1)
    assert process.poll() is not None


def test_a_process_that_dies_says_how(tools: SimpleNamespace, tmp_path: Path) -> None:
    path = tmp_path / "gpu.json"
    results(tools, path).write()
    process = subprocess.Popen([sys.executable, "-c", "raise SystemExit(3)"])
    deadline = tools.gpu.time.monotonic() + 60
    assert tools.gpu.follow(process, path, deadline, 1) == "ended: exit status 3"


def test_the_page_gets_the_section(
    tools: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, page = tmp_path / "gpu.json", tmp_path / "page.md"
    report = tools.report.Report(results(tools, path), "device")
    report.table("what", "is")("GPU", 0.123456)
    report.note("one")
    report.note("two")
    report.results.end("device", "done")
    page.write_text("top\n<!-- gpu -->\nold\n<!-- /gpu -->\nend\n")
    monkeypatch.setattr(sys, "argv", ["gpu_page.py", str(path), "--page", str(page)])
    tools.page.main()
    assert page.read_text().startswith(
        "top\n<!-- gpu -->\n\n### On a GPU: device\n\n| what | is |\n| --- | ---: |\n"
        "| GPU | 0.123 |\n\n- one\n- two\n\n("
    )
    assert page.read_text().endswith(" s)\n\n<!-- /gpu -->\nend\n")


def test_a_later_run_fills_what_is_missing(tools: SimpleNamespace) -> None:
    def run(**sections: dict[str, Any]) -> dict[str, Any]:
        device = {"status": "done", "tables": [{"head": [], "rows": [["GPU", "A"]]}]}
        return {"sections": {"device": device, **sections}}

    table = [{"head": ["a"], "rows": [[1]]}]
    first = run(losses={"status": "done", "tables": table}, waits={"status": "skipped"})
    second = run(losses={"status": "skipped"}, waits={"status": "done", "tables": table})
    sections = tools.page.merged([first, second])["sections"]
    assert list(sections) == ["device", "losses", "waits"]
    assert all(section["status"] == "done" for section in sections.values())
    second["sections"]["device"]["tables"][0]["rows"] = [["GPU", "B"]]
    with pytest.raises(ValueError, match="different machines"):
        tools.page.merged([first, second])


def test_docs_have_the_markers(repo: Path, tools: SimpleNamespace) -> None:
    assert repo / "docs/performance.md" == tools.page.PAGE
    text = tools.page.PAGE.read_text()
    assert tools.page.replace_section(text, "gpu", "new\n", tools.page.PAGE) != text


def test_a_loss_that_differs_is_seen(tools: SimpleNamespace) -> None:
    one = torch.tensor([1.0, 100.0, 0.0])
    other = one + torch.tensor([0.0, 1.0, 0.004])
    assert tools.losses.difference(other, one, 1) == pytest.approx(0.01)
    assert tools.losses.difference(other, one, 0.1) == pytest.approx(0.04)
    assert not tools.losses.difference(other * float("nan"), one, 1) <= 1


def test_detections_that_differ_are_seen(tools: SimpleNamespace) -> None:
    from mmengine.structures import InstanceData  # noqa: PLC0415

    boxes = torch.tensor([[0.0, 0, 10, 10], [50, 50, 60, 60]])
    expected = InstanceData(bboxes=boxes, scores=torch.tensor([0.9, 0.5]))
    moved = InstanceData(bboxes=boxes.flip(0) + 0.25, scores=torch.tensor([0.5, 0.875]))
    others, far, scores = tools.networks.unlike(moved, expected)
    assert (others, far) == (0, 0.25)
    assert scores == pytest.approx(0.025)
    assert tools.networks.unlike(moved, expected[:1])[0] == 1
    assert tools.networks.unlike(moved, expected[:0])[0] == 2


def test_operators_that_ask_are_counted(tools: SimpleNamespace) -> None:
    values = torch.rand(4, requires_grad=True)

    def quiet() -> None:
        nn.functional.relu(values[1:]).sum().backward()

    def asking() -> None:
        kept = values[values > 0.5]  # its shape
        kept.sum().item()
        (values > 0.5).nonzero()
        if (values > 0).all():
            values.detach()[values.detach() > 2] = 0

    assert tools.waits.asked(quiet) == 0
    assert tools.waits.asked(asking) == 5
