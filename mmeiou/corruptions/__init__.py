"""What happens to pictures between a face and a detector: numpy and OpenCV only.

>>> import numpy as np
>>> picture = np.full((8, 8, 3), 200, np.uint8)
>>> int(corrupt(picture, "darkness", 0.25, rng_of("a.jpg"))[0, 0, 0])
50
"""

from mmeiou.corruptions.kinds import CORRUPTIONS, Corruption, corrupt, rng_of
from mmeiou.corruptions.rotate import rotate

__all__ = ["CORRUPTIONS", "Corruption", "corrupt", "rng_of", "rotate"]
