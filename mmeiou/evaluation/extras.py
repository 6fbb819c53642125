"""What the strict metrics can report beside AP, and the sizes of objects they tell apart."""

from collections.abc import Sequence

EXTRAS = ("lrp", "tide", "calibration")
# IoU at which a detection is true in everything that is reported beside AP.
IOU_THR = 0.5
# COCO's: where medium and large objects begin, in pixels.
AREA_LIMITS = (32.0**2, 96.0**2)


def checked_extras(extras: Sequence[str]) -> frozenset[str]:
    """The names as a set.

    Raises:
        ValueError: If one is unknown.
    """
    names = (extras,) if isinstance(extras, str) else extras
    if unknown := set(names) - set(EXTRAS):
        raise ValueError(f"extras must be of {EXTRAS}, got {', '.join(sorted(unknown))}")
    return frozenset(names)


def area_ranges(limits: Sequence[float]) -> dict[str, tuple[float, float]]:
    """Least and first too large area of small, medium and large objects, by suffix of their keys.

    Raises:
        ValueError: If there are not two limits, rising and above 0.
    """
    if len(limits) != 2 or not 0 < limits[0] < limits[1]:  # noqa: PLR2004
        raise ValueError(f"area_limits must be two rising areas in pixels, got {limits}")
    low, high = limits
    return {"_s": (0.0, low), "_m": (low, high), "_l": (high, float("inf"))}
