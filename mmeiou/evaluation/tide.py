"""What kinds of errors cost a detector how much AP: TIDE.

Bolya, Foley, Hays, Hoffman, "TIDE: A General Toolbox for Identifying Object Detection Errors", ECCV
2020. Every false detection and every missed object is given one kind of error; dAP of a kind is how
much AP would rise if its errors alone were repaired. The dAPs do not add up to what AP lacks.

=====  ======================================================  =======================
kind   what it is                                              repaired
=====  ======================================================  =======================
Loc    right class, IoU with an object in [0.1, 0.5]           it finds the object
Cls    IoU of 0.5 or more with an object of another class      it finds the object
Dupe   right, but a better one found the object                it is removed
Bkg    IoU of at most 0.1 with everything                      it is removed
Both   none of these: wrong class, badly placed                it is removed
Miss   object that none of Loc and Cls could find              it need not be found
=====  ======================================================  =======================

Of several detections that would find one object the best does and the others are removed; all are
where the object has been found. FP: every false detection scores less than every true one. FN: no
object is missed.

The authors' package ``tidecv`` has had no release since August 2020 and requires pandas, seaborn
and opencv-python, whichever OpenCV is there. These are its numbers, in parts of 1 in place of 100,
but that classes without any object, which count as 0 there, are left out of the mean, as by COCO.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from mmeiou.evaluation.image_overlaps import Bools, Floats, ImageOverlaps, Ints

KINDS = ("Loc", "Cls", "Dupe", "Bkg", "Both")
_NONE = -1
# By division, as there, so that a recall of 3/10 reaches its point.
_RECALLS = np.arange(101) / 100


class Errors(NamedTuple):
    """Detections of a set with their kinds of error, and the objects.

    Attributes:
        scores: (n,) scores.
        labels: (n,) classes.
        true: (n,) whether it found an object.
        counted: (n,) whether it takes part in AP: not excused.
        kind: (n,) index of ``KINDS``; -1 for true ones.
        repaired: (n,) class as which it finds an object once its error is repaired; -1 if it is
            removed instead.
        truth_labels: (m,) classes of the objects.
        unfound: (m,) whether no detection found it.
        missed: (m,) whether none would, with Loc and Cls repaired.
    """

    scores: Floats
    labels: Ints
    true: Bools
    counted: Bools
    kind: Ints
    repaired: Ints
    truth_labels: Ints
    unfound: Bools
    missed: Bools


def classify(
    images: Sequence[ImageOverlaps], foreground: float = 0.5, background: float = 0.1
) -> Errors:
    """Find the kind of each error.

    Detections go by falling score; each finds the object of its class that it overlaps most of
    those not yet found.

    Args:
        images: The set.
        foreground: Smallest IoU at which an object is found.
        background: Largest IoU of what lies on nothing.
    """
    parts = [_classify_image(image.best_first(), foreground, background) for image in images]
    return Errors(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def _classify_image(image: ImageOverlaps, foreground: float, background: float) -> Errors:
    n, m = image.ious.shape
    same = image.labels[:, None] == image.truth_labels
    own = np.where(same, image.ious, 0.0)
    true, found = np.zeros(n, dtype=bool), np.zeros(m, dtype=bool)
    for one in range(n if m else 0):
        free = np.where(found, 0.0, own[one])
        if free[best := int(free.argmax())] >= foreground:
            true[one] = found[best] = True

    kind, repaired = np.full(n, _NONE), np.full(n, _NONE)
    findable = np.zeros(m, dtype=bool)
    for one in np.flatnonzero(~true):
        name, target = _kind(own[one], image.ious[one], same[one], foreground, background)
        kind[one] = KINDS.index(name)
        if target != _NONE and not found[target] and not findable[target]:
            findable[target] = True
            repaired[one] = image.truth_labels[target]
    counted = true | ~image.excused
    return Errors(
        image.scores, image.labels, true, counted, kind, repaired,
        image.truth_labels, ~found, ~found & ~findable,
    )  # fmt: skip


def _kind(
    own: Floats, ious: Floats, same: Bools, foreground: float, background: float
) -> tuple[str, int]:
    """Kind of error of a detection that is not true, and the object that it should have found."""
    if not len(own):
        return "Bkg", _NONE
    if background <= own.max() <= foreground:
        return "Loc", int(own.argmax())
    other = np.where(same, 0.0, ious)
    if other.max() >= foreground:
        return "Cls", int(other.argmax())
    if own.max() >= foreground:  # and yet it is not true: the object was no longer free
        return "Dupe", _NONE
    return ("Bkg" if ious.max() <= background else "Both"), _NONE


def error_costs(errors: Errors) -> dict[str, float]:
    """AP, and how much it would rise without the errors of each kind.

    Returns:
        ``AP`` with 101 points as COCO's, and ``Loc``, ``Cls``, ``Dupe``, ``Bkg``, ``Both``,
        ``Miss``, ``FP`` and ``FN``, none below 0; all in [0, 1]. NaN without objects, for ``Miss``
        and ``FN`` also where they leave neither an object nor a detection.
    """
    e = errors
    occurring = np.unique(e.truth_labels)
    objects = _count(e.truth_labels)

    def mean_ap(  # the set as it is, but for what is given
        labels: Ints = e.labels,
        scores: Floats = e.scores,
        true: Bools = e.true,
        counted: Bools = e.counted,
        removed: Bools | None = None,
    ) -> float:
        gone = _count(e.truth_labels[removed]) if removed is not None else {}
        order = np.argsort(-scores, kind="stable")
        order = order[counted[order]]
        labels, true = labels[order], true[order]
        aps = [
            _sampled_ap(true[labels == one], objects[one] - gone.get(one, 0)) for one in occurring
        ]
        known = [ap for ap in aps if not np.isnan(ap)]
        return float(np.mean(known)) if known else float("nan")

    repairs = {}
    for index, name in enumerate(KINDS):
        wrong, found = e.kind == index, (e.kind == index) & (e.repaired != _NONE)
        repairs[name] = mean_ap(
            labels=np.where(found, e.repaired, e.labels),
            true=e.true | found,
            counted=np.where(wrong, found, e.counted),
        )
    repairs["Miss"] = mean_ap(removed=e.missed)
    repairs["FP"] = mean_ap(scores=e.true.astype(float))
    repairs["FN"] = mean_ap(removed=e.unfound)
    ap = mean_ap()
    # Sampling at 101 points can make a repair cost a little.
    return {"AP": ap} | {name: max(new - ap, 0.0) for name, new in repairs.items()}


def tide_report(images: Sequence[ImageOverlaps]) -> dict[str, float]:
    """:func:`error_costs` by the names under which the metrics report them."""
    costs = error_costs(classify(images))
    ap = costs.pop("AP")
    return {"TIDE_AP50": ap} | {f"dAP_{name}": cost for name, cost in costs.items()}


def _count(labels: Ints) -> dict[int, int]:
    return {
        int(one): int(number)
        for one, number in zip(*np.unique(labels, return_counts=True), strict=True)
    }


def _sampled_ap(true: Bools, num_truths: int) -> float:
    """Mean over the recalls 0, 0.01, ..., 1 of the best precision at that recall or a higher one.

    A class whose objects have all been taken away has NaN, or 0 if something is still detected.
    """
    if not num_truths:
        return 0.0 if len(true) else float("nan")
    hits = true.cumsum()
    precision = hits / np.arange(1, len(true) + 1)
    envelope = np.append(np.maximum.accumulate(precision[::-1])[::-1], 0.0)
    return float(envelope[np.searchsorted(hits / num_truths, _RECALLS)].mean())
