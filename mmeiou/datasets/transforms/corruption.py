"""Corrupted pixels, for detectors that will see such pictures."""

from typing import Any

import numpy as np
from mmcv.transforms import BaseTransform

from mmeiou.corruptions.kinds import CORRUPTIONS, check
from mmeiou.registry import TRANSFORMS


@TRANSFORMS.register_module()
class RandomCorruption(BaseTransform):
    """Spoil an image, now and then, by a strength between two; boxes and landmarks stay.

    Required and modified key: ``img``, uint8.

    Args:
        kind: One of :data:`mmeiou.corruptions.CORRUPTIONS`: ``noise``, ``gaussian_blur``,
            ``motion_blur``, ``jpeg``, ``darkness``, ``overexposure``, ``low_contrast``, ``grey``,
            ``downscale``.
        strength: Two strengths in the unit that stands there; between them, their logarithm is
            uniform, so that half as bright and a quarter as bright are as frequent. Or one.
        prob: Of a corruption.

    Raises:
        ValueError: No such kind, or a strength or probability that has no meaning.
    """

    def __init__(self, kind: str, strength: Any, prob: float = 0.1) -> None:
        bounds = (strength, strength) if isinstance(strength, (int, float)) else tuple(strength)
        if len(bounds) != 2 or not 0 < bounds[0] <= bounds[1]:  # noqa: PLR2004 - low and high
            raise ValueError(
                f"strength={strength!r}: expected one positive number, or low and high"
            )
        if not 0 <= prob <= 1:
            raise ValueError(f"prob={prob}: expected 0 to 1")
        check(kind, *bounds)
        self.kind = kind
        self.strength = bounds
        self.prob = prob

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Corrupt the image, or leave it."""
        # As many draws in either case: what follows does not depend on the probability.
        drawn, where, seed = np.random.random(3)  # noqa: NPY002 - seeded by MMEngine
        if drawn < self.prob:
            low, high = np.log(self.strength)
            rng = np.random.default_rng(int(seed * (1 << 53)))
            strength = float(np.exp(low + where * (high - low)).clip(*self.strength))
            results["img"] = CORRUPTIONS[self.kind].apply(results["img"], strength, rng)
        return results

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(kind={self.kind!r}, strength={self.strength}, prob={self.prob})"
        )
