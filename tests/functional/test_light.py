import subprocess
import sys

SCRIPT = """
import pkgutil, importlib, sys
import mmeiou.functional
for module in pkgutil.iter_modules(mmeiou.functional.__path__, "mmeiou.functional."):
    importlib.import_module(module.name)
tops = {name.partition(".")[0] for name in sys.modules}
print(sorted(tops & {"mmdet", "mmcv", "mmengine", "cv2"}))
"""


def test_imports_nothing_of_the_mm_stack() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
