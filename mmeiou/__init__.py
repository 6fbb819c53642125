"""Extended-IoU training and face detection for MMDetection 3.x.

Importing this package imports neither torch nor the MM stack: it only arranges, through
:mod:`mmeiou.compat`, what happens when they are imported.
"""

from mmeiou import compat as _compat

__version__ = "0.1.0"

_compat.install()
