"""What names and versions alone tell: the family, what was tested, and conflicts."""

# An old Python should reach the finding that says so.
from __future__ import annotations

import platform
import re
from importlib.metadata import distributions
from typing import TYPE_CHECKING

from .remedies import OLD_SETUPTOOLS, REINSTALL
from .report import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# Family: role: distribution and version with which the whole test suite passed.
TESTED = {
    "onedl": {
        "torch": ("torch", "2.13.0"),
        "mmdet": ("onedl-mmdetection", "3.5.1"),
        "mmcv": ("onedl-mmcv", "2.3.6"),
        "mmengine": ("onedl-mmengine", "0.10.12"),
        "mim": ("onedl-mim", "0.5.1"),
    },
    "openmmlab": {
        "torch": ("torch", "2.13.0"),
        "mmdet": ("mmdet", "3.3.0"),
        "mmcv": ("mmcv-lite", "2.1.0"),
        "mmengine": ("mmengine", "0.10.7"),
        "mim": ("openmim", "0.3.9"),
    },
}
# Import name: the distributions that provide it. Two of a line overwrite each other's files.
PROVIDERS = {
    "mmdet": ("onedl-mmdetection", "mmdet"),
    "mmcv": ("onedl-mmcv", "mmcv", "mmcv-lite"),
    "mmengine": ("onedl-mmengine", "mmengine", "mmengine-lite"),
    "mim": ("onedl-mim", "openmim"),
}
OPENCV = (
    "opencv-python",
    "opencv-python-headless",
    "opencv-contrib-python",
    "opencv-contrib-python-headless",
)
# Other distributions to show, and the extra that brings those one can do without.
OTHERS = {
    "torch": "",
    "torchvision": "optional",
    "numpy": "",
    "scipy": "",
    "wrapt": "",
    "pycocotools": "",
    "setuptools": "",
    "onnx": "mmeiou[deploy]",
    "onnxruntime": "mmeiou[deploy]",
    "matplotlib": "mmeiou[sample]",
    "tensorboard": "optional",
}
LEAST_PYTHON, LEAST_TORCH = (3, 10), (2, 6)


def tested_table() -> str:
    """The tested versions as a Markdown table, a line for each family."""
    roles = list(next(iter(TESTED.values())))
    lines = [f"| | {' | '.join(roles)} |", "|---" * (len(roles) + 1) + "|"]
    for family, versions in TESTED.items():
        cells = (
            version if role == "torch" else f"{name} {version}"
            for role, (name, version) in versions.items()
        )
        lines.append(f"| `{family}` | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def installed_distributions() -> dict[str, str]:
    """Version of everything that is installed, by its normalised name."""
    return {
        re.sub(r"[-_.]+", "-", name).lower(): distribution.version
        for distribution in distributions()
        if (name := distribution.metadata["Name"])
    }


def family_of(installed: Mapping[str, str]) -> str:
    """``onedl``, ``openmmlab``, ``both`` or ``none``, by the distributions that are there."""
    present = {name for names in PROVIDERS.values() for name in names if name in installed}
    families = {"onedl" if name.startswith("onedl-") else "openmmlab" for name in present}
    return families.pop() if len(families) == 1 else "both" if families else "none"


def shown_versions(installed: Mapping[str, str]) -> dict[str, str]:
    """Versions to show, with the tested ones where they differ."""
    shown = {"python": f"{platform.python_version()} on {platform.platform()}"}
    tested = TESTED.get(family_of(installed), {})
    for role, names in PROVIDERS.items():
        found = [f"{name} {installed[name]}" for name in names if name in installed]
        shown[role] = " and ".join(found) or "not installed"
        wanted = " ".join(tested.get(role, ()))
        if found and wanted and found != [wanted]:
            shown[role] += f" (tested: {wanted})"
    shown["opencv"] = (
        _listed({n: installed[n] for n in OPENCV if n in installed}) or "not installed"
    )
    for name, extra in OTHERS.items():
        missing = f"not installed ({extra})" if extra else "not installed"
        shown[name] = installed.get(name, missing)
        wanted = tested.get(name, ("", ""))[1]
        if wanted and name in installed and installed[name].partition("+")[0] != wanted:
            shown[name] += f" (tested: {wanted})"
    return shown


def conflicts(installed: Mapping[str, str], *, pkg_resources: bool) -> Iterator[Finding]:
    """What can be told from the names and versions alone.

    Args:
        installed: As :func:`installed_distributions` gives it.
        pkg_resources: Whether setuptools still brings that module.
    """
    for name, version, least in (
        ("Python", platform.python_version(), LEAST_PYTHON),
        ("torch", installed.get("torch", "inf"), LEAST_TORCH),
    ):
        if tuple(map(int, re.findall(r"\d+", version)[:2] or [99])) < least:
            wanted = ".".join(map(str, least))
            yield Finding("error", f"{name} {version} is older than {wanted}", REINSTALL)
    present = {
        role: [name for name in names if name in installed] for role, names in PROVIDERS.items()
    }
    missing = [role for role, names in present.items() if not names]
    if missing:
        level = "warning" if missing == ["mim"] else "error"  # the scripts do without
        remedy = "pip install 'mmeiou[onedl]' (or 'mmeiou[openmmlab]')"
        yield Finding(level, f"not installed: {', '.join(missing)}", remedy)
    doubled = {role: names for role, names in present.items() if len(names) > 1}
    for role, names in doubled.items():
        yield Finding(
            "error",
            f"{' and '.join(names)} both provide `{role}`: whose files are there depends on the "
            "order of installation",
            f"pip uninstall -y {' '.join(names)}, then install the one that you want again",
        )
    if family_of(installed) == "both" and not doubled:
        yield Finding("warning", "packages of both families are mixed: untested", REINSTALL)
    if not pkg_resources and ("mmengine" in installed or "openmim" in installed):
        yield Finding(
            "error",
            f"setuptools {installed.get('setuptools', '(missing)')} has no pkg_resources, which "
            "openmim and mmengine.is_installed import: mim fails, and configs based on 'mmdet::'",
            OLD_SETUPTOOLS,
        )
    opencv = {name: installed[name] for name in OPENCV if name in installed}
    if len(set(opencv.values())) > 1:
        yield Finding(
            "warning",
            f"{_listed(opencv)} share the folder of cv2, which now holds files of each",
            f"pip uninstall -y {' '.join(opencv)}, then pip install opencv-python",
        )


def _listed(versions: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {version}" for name, version in versions.items())
