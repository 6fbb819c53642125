"""Runs of several arms and seeds: means, and what each arm brings, as Markdown tables."""

import statistics
from collections import defaultdict
from collections.abc import Sequence

from mmeiou.evaluation.paired import PairedDifference, paired_difference

# What runs that are compared have in common, beside their seed.
BUDGET = ("side", "iters", "lr", "init", "options", "device")
Row = dict[str, str]


def by_budget(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """The runs that can be compared, by a line that says what they have in common."""
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        side, iters, lr, init, options, device = (row[name] for name in BUDGET)
        what = f"{iters} steps of 16 crops of {side} pixels, from {init or 'nothing'}, rate {lr}"
        groups[", ".join(filter(None, (what, options, device)))].append(row)
    return dict(groups)


def by_arm(rows: Sequence[Row], key: str) -> dict[str, dict[str, Row]]:
    """The runs of one budget, by arm and seed; ``key`` is that of the arm."""
    arms: dict[str, dict[str, Row]] = defaultdict(dict)
    for row in rows:
        arms[row[key]][row["seed"]] = row
    return arms


def gain(base: dict[str, Row], other: dict[str, Row], measure: str) -> PairedDifference | None:
    """In points, over the seeds that both have; None if there are none."""
    seeds = sorted(base.keys() & other.keys())
    if not seeds:
        return None
    first, second = ([100 * float(of[seed][measure]) for seed in seeds] for of in (base, other))
    return paired_difference(first, second)


def gains(
    rows: Sequence[Row], key: str, arms: Sequence[str], base: str, *tables: Sequence[str]
) -> str:
    """Means and deviations of each arm, and what it brings against the base, seed by seed.

    Intervals that leave 0 out are bold.

    Args:
        rows: Of a table of runs; runs of different budgets go to different tables.
        key: Of the arm.
        arms: All that there may be, in the order of the lines.
        base: One of them.
        tables: For each table the keys of what is compared; shown in percent.
    """
    parts = []
    for budget, runs in by_budget(rows).items():
        parts += [f"{budget}:", *(_table(by_arm(runs, key), key, arms, base, of) for of in tables)]
    return "\n\n".join(parts)


def _table(
    runs: dict[str, dict[str, Row]],
    key: str,
    arms: Sequence[str],
    base: str,
    measures: Sequence[str],
) -> str:
    heads = " | ".join(f"{name.replace('_', ' ')} | gain" for name in measures)
    lines = [f"| {key} | runs | {heads} |", f"|---|---:|{'---:|---:|' * len(measures)}"]
    for arm in (arm for arm in arms if arm in runs):
        cells = []
        for name in measures:
            values = [100 * float(run[name]) for run in runs[arm].values()]
            spread = f" ± {statistics.stdev(values):.2f}" if len(values) > 1 else ""
            cells.append(f"{statistics.mean(values):.2f}{spread}")
            found = None if arm == base else gain(runs.get(base, {}), runs[arm], name)
            cells.append(_shown(found) if found else "")
        lines.append(f"| {arm} | {len(runs[arm])} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _shown(found: PairedDifference) -> str:
    if found.number == 1:
        return f"{found.mean:+.2f}"
    text = f"{found.mean:+.2f} [{found.low:+.2f}, {found.high:+.2f}]"
    return f"**{text}**" if found.low > 0 or found.high < 0 else text
