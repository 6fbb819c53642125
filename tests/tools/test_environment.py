"""What tools/check_env.py says of environments, whole and broken."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from environment import TESTED, Environment, Finding, check, tested_table
from environment.remedies import remedy_for
from environment.versions import (
    conflicts,
    family_of,
    installed_distributions,
    shown_versions,
)

GOOD = {
    family: dict(versions.values()) | {"opencv-python": "4.12.0"}
    for family, versions in TESTED.items()
}


def problems(installed: dict[str, str], *, pkg_resources: bool = True) -> list[tuple[str, str]]:
    found = conflicts(installed, pkg_resources=pkg_resources)
    return [(finding.level, f"{finding.problem} -> {finding.remedy}") for finding in found]


def test_the_readme_has_the_tested_versions(repo: Path) -> None:
    assert tested_table() in (repo / "README.md").read_text()


def test_the_extras_install_what_was_tested(repo: Path) -> None:
    extras = (repo / "pyproject.toml").read_text()
    for versions in TESTED.values():
        for role, (name, version) in versions.items():
            wanted = rf'"{name}[=>]={re.escape(version)}"'
            assert role == "torch" or re.search(wanted, extras), wanted


@pytest.mark.parametrize("family", TESTED)
def test_the_tested_versions_have_no_conflict(family: str) -> None:
    assert family_of(GOOD[family]) == family
    assert problems(GOOD[family]) == []


@pytest.mark.parametrize(
    ("installed", "level", "words"),
    [
        ({}, "error", "not installed: mmdet, mmcv, mmengine, mim -> pip install 'mmeiou"),
        (
            GOOD["onedl"] | {"mmcv-lite": "2.1.0"},
            "error",
            "onedl-mmcv and mmcv-lite both provide `mmcv`.*pip uninstall -y onedl-mmcv mmcv-lite",
        ),
        (
            {**GOOD["openmmlab"], "mmcv": "2.1.0"},
            "error",
            "mmcv and mmcv-lite both provide `mmcv`",
        ),
        (
            {k: v for k, v in GOOD["onedl"].items() if k != "onedl-mim"} | {"openmim": "0.3.9"},
            "warning",
            "both families are mixed",
        ),
        (
            {k: v for k, v in GOOD["onedl"].items() if k != "onedl-mim"},
            "warning",
            "not installed: mim",
        ),
        (GOOD["onedl"] | {"torch": "2.5.1+cu121"}, "error", r"torch 2\.5\.1\+cu121 is older"),
        (
            GOOD["onedl"] | {"opencv-python-headless": "4.13.0"},
            "warning",
            "share the folder of cv2.*pip uninstall -y opencv-python opencv-python-headless",
        ),
    ],
)
def test_conflicts(installed: dict[str, str], level: str, words: str) -> None:
    ((found_level, text),) = problems(installed)
    assert found_level == level
    assert re.search(words, text), text


def test_opencv_twice_in_one_version_is_what_the_packages_ask_for() -> None:
    assert problems(GOOD["onedl"] | {"opencv-python-headless": "4.12.0"}) == []


def test_setuptools_without_pkg_resources_breaks_openmmlab_only() -> None:
    assert problems(GOOD["onedl"], pkg_resources=False) == []
    installed = GOOD["openmmlab"] | {"setuptools": "82.0"}
    ((level, text),) = problems(installed, pkg_resources=False)
    assert level == "error"
    assert re.search(r"setuptools 82\.0 has no pkg_resources.*'setuptools<81'", text)


def test_versions_that_were_not_tested_are_marked() -> None:
    shown = shown_versions(GOOD["onedl"] | {"torch": "2.13.0+cpu", "onedl-mmcv": "2.4.0"})
    assert shown["torch"] == "2.13.0+cpu"
    assert shown["mmcv"] == "onedl-mmcv 2.4.0 (tested: onedl-mmcv 2.3.6)"
    assert shown["onnx"] == "not installed (mmeiou[deploy])"
    assert shown_versions({})["mmdet"] == "not installed"


@pytest.mark.parametrize(
    ("message", "remedy"),
    [
        ("AssertionError: MMCV==2.3.6 is used but incompatible. Please install", "mmcv-lite==2.1"),
        ("ImportError: libGL.so.1: cannot open shared object file", "opencv-python-headless"),
        ("ImportError: /x/mmcv/_ext.so: undefined symbol: _ZN3c1017", "MMCV_WITH_OPS=1"),
        ("ModuleNotFoundError: No module named 'mmcv._ext'", "MMCV_WITH_OPS=1"),
        ("ModuleNotFoundError: No module named 'pkg_resources'", "setuptools<81"),
        ("ValueError: numpy.dtype size changed, may indicate binary", "numpy<2"),
        ("ModuleNotFoundError: No module named 'wrapt'", "-e '.[onedl]'"),
        ("RuntimeError: never seen before", "new environment"),
    ],
)
def test_remedies(message: str, remedy: str) -> None:
    assert remedy in remedy_for(message)


def test_this_environment_is_sound() -> None:
    found = check()
    assert found.usable, found
    assert re.match(r"mmeiou's PyTorch stand-ins|compiled", found.abilities["MMCV's ops"])
    assert "weights_only=True" in found.abilities["checkpoints"]
    assert re.match(r"\d+ cores, \d+ threads", found.abilities["CPU"])
    assert re.search(r"^0 errors, \d warnings?$", str(found), re.MULTILINE)


def test_a_second_family_and_a_package_that_fails_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = "mmdet" if family_of(installed_distributions()) == "onedl" else None
    other = other or "onedl-mmdetection"
    metadata = tmp_path / f"{other.replace('-', '_')}-9.0.dist-info/METADATA"
    vision = tmp_path / "torchvision-0.1.dist-info/METADATA"
    for file, name in ((metadata, other), (vision, "torchvision")):
        file.parent.mkdir()
        file.write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 9.0\n")
    (tmp_path / "torchvision.py").write_text("raise OSError('built for another torch')")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "torchvision", raising=False)
    found = check()
    assert not found.usable
    assert found.family == "both"
    both, vision_ = (finding for finding in found.findings)
    assert both.level == "error"
    assert "both provide `mmdet`" in both.problem
    assert vision_.level == "warning"
    assert "OSError: built for another torch" in vision_.problem


def test_checkpoints_that_cannot_be_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    from mmengine.runner import CheckpointLoader  # noqa: PLC0415

    def refuse(*_args: object, **_options: object) -> None:
        raise RuntimeError("weights only")

    monkeypatch.setattr(CheckpointLoader, "load_checkpoint", refuse)
    found = check()
    assert not found.usable
    assert found.abilities["checkpoints"] == "cannot be loaded"


def test_text_of_a_report() -> None:
    finding = Finding("error", "all is lost", "begin anew")
    text = str(Environment({"python": "3.1"}, "none", {"CPU": "1 core"}, [finding]))
    assert text == (
        "python  3.1\nfamily  none\nCPU     1 core\n\nerror: all is lost\n    begin anew\n\n"
        "1 error, 0 warnings"
    )


def run_bare(repo: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The tool in a Python without any package."""
    return subprocess.run(
        [sys.executable, "-S", "-E", repo / "tools/check_env.py", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )


def test_nothing_installed_is_reported_not_met_with_a_crash(repo: Path) -> None:
    done = run_bare(repo)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "error: not installed: mmdet, mmcv, mmengine, mim" in done.stdout
    assert "error: import mmeiou fails: ModuleNotFoundError" in done.stdout
    result = json.loads(run_bare(repo, "--json").stdout)
    assert result["family"] == "none"
    assert result["versions"]["torch"] == "not installed"
    assert {finding["level"] for finding in result["findings"]} == {"error"}


def test_the_table_needs_nothing(repo: Path) -> None:
    done = run_bare(repo, "--table")
    assert (done.returncode, done.stdout) == (0, tested_table())
