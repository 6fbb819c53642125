"""Runs of several arms and seeds: means, and what each arm brings, as a Markdown table."""

import statistics
from collections import defaultdict
from collections.abc import Sequence

from mmeiou.evaluation.paired import paired_difference

# What two runs share that are compared, beside their arm.
PAIRED = ("seed", "side", "iters", "lr", "init", "options")


def gains(
    rows: list[dict[str, str]], key: str, arms: Sequence[str], base: str, measures: Sequence[str]
) -> str:
    """Means and deviations of each arm, and what it brings against the base, seed by seed.

    Args:
        rows: Of a table of runs.
        key: Of the arm.
        arms: All that there may be, in the order of the lines.
        base: One of them.
        measures: Keys of what is compared; shown in percent.
    """
    groups: dict[str, dict[tuple[str, ...], dict[str, str]]] = defaultdict(dict)
    for row in rows:
        groups[row[key]][tuple(row[name] for name in PAIRED)] = row
    heads = " | ".join(f"{name.replace('_', ' ')} | gain" for name in measures)
    lines = [f"| {key} | runs | {heads} |", f"|---|---:|{'---:|---:|' * len(measures)}"]
    for arm in (arm for arm in arms if arm in groups):
        cells = []
        for name in measures:
            values = [100 * float(run[name]) for run in groups[arm].values()]
            spread = f" ± {statistics.stdev(values):.2f}" if len(values) > 1 else ""
            cells.append(f"{statistics.mean(values):.2f}{spread}")
            pairs = sorted(groups[arm].keys() & groups.get(base, {}).keys())
            if arm == base or not pairs:
                cells.append("")
                continue
            first, second = (
                [100 * float(groups[of][pair][name]) for pair in pairs] for of in (base, arm)
            )
            gain = paired_difference(first, second)
            between = f" [{gain.low:+.2f}, {gain.high:+.2f}]" if gain.number > 1 else ""
            cells.append(f"{gain.mean:+.2f}{between}")
        lines.append(f"| {arm} | {len(groups[arm])} | {' | '.join(cells)} |")
    return "\n".join(lines)
