"""Extended-IoU training and face detection for MMDetection 3.x.

Importing this package imports neither torch nor the MM stack: it only arranges, through
:mod:`mmeiou.compat` and :mod:`mmeiou.threads`, what happens when they are imported.
"""

from mmeiou import compat as _compat
from mmeiou import threads as _threads

__version__ = "0.1.0"

_compat.install()
_threads.set_defaults()
