"""What helps against what fails."""

# An old Python should reach the finding that says so.
from __future__ import annotations

import re

REINSTALL = "make a new environment: pip install 'mmeiou[onedl]'"
OLD_SETUPTOOLS = "pip install 'setuptools<81'"
RECOMPILE = (
    "compile MMCV anew: MMCV_WITH_OPS=1 pip install --no-build-isolation --no-cache-dir "
    "--force-reinstall --no-deps onedl-mmcv (or mmcv==2.1.0), or install it without ops: mmeiou "
    "brings those that its configs need"
)
# What helps, and what the message of a failed import contains then.
_REMEDIES = {
    "pip install 'mmcv-lite==2.1.0' in place of this mmcv, or change to the family onedl": (
        r"MMCV==\S+ is used but incompatible"
    ),
    OLD_SETUPTOOLS: r"pkg_resources",
    "pip uninstall opencv-python, then pip install --force-reinstall opencv-python-headless": (
        r"lib(GL|gthread|SM|Xext)\b"
    ),
    RECOMPILE: r"mmcv\._ext|undefined symbol",
    "a package was compiled for another NumPy: upgrade it, or pip install 'numpy<2'": (
        r"NumPy 1\.x|numpy\.core\.multiarray|_ARRAY_API|numpy\.dtype size"
    ),
    "pip install 'mmeiou[onedl]' (in a checkout: pip install -e '.[onedl]')": (
        r"No module named '(torch|wrapt|mmeiou|cv2)'"
    ),
}


def remedy_for(message: str) -> str:
    """What helps against a failed import, by its message."""
    causes = (remedy for remedy, cause in _REMEDIES.items() if re.search(cause, message))
    return next(causes, REINSTALL)
