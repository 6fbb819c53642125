"""Compare finished trainings by their work folders, and note them in the metafiles.

    python tools/analysis/collect_results.py work_dirs/*
    python tools/analysis/collect_results.py work_dirs/* --metafiles

A folder belongs to the config that lies in it; several of one config are its seeds. Configs that
differ in the loss of the RoI head alone (configs/faster_rcnn, configs/mini_voc07) become one table:
means and deviations over seeds, paired differences from smooth-L1 with 95 % intervals, and what
the paper's abstract claims. Others get a line each. ``--metafiles`` writes the means into the
metafile of each config, in place of what this command wrote before.
"""

import argparse
from collections import defaultdict
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import yaml
from finished_runs import FinishedRun, read_run
from metafile_results import noted

from mmeiou.evaluation.paired import paired_difference
from mmeiou.evaluation.strict_ap import COCO_NAMES
from mmeiou.whole_files import replacing

ROOT = Path(__file__).resolve().parents[2]
BASELINE, WHOLE = "smooth-l1", "eiou-sot-iou"
# Longest first: a name is told by the first that fits.
RUNGS = (
    *("eiou-sot-iou", "smooth-l1-iou", "smooth-l1", "eiou-sot"),
    *("giou", "diou", "ciou", "eiou", "iou", "l1"),
)
# By the end of a config's name: what is judged, and the set that the paper's gain is stated for.
JUDGED = {
    "voc07": ("VOC2007 test", "VOC2007"),
    "voc0712": ("VOC2007 test", None),
    "voc07-256": ("every second image of VOC2007 test, 256 pixels", None),
    "coco": ("COCO2017 val", "COCO2017"),
    "widerface": ("WIDER FACE val", None),
}
SHOWN = ("AP", "AP50", "AP75", "AP90", "easy", "medium", "hard")
Runs = dict[str, list[FinishedRun]]


def by_config(runs: list[FinishedRun]) -> Runs:
    """Runs of each config.

    Raises:
        ValueError: Two of one config have the same seed: they are no two samples.
    """
    found: Runs = defaultdict(list)
    for run in runs:
        for other in found[run.config]:
            if run.seed is not None and other.seed == run.seed:
                raise ValueError(
                    f"{other.folder} and {run.folder} are {run.config} with seed {run.seed}, both: "
                    "leave one out, or train with randomness.seed of another number"
                )
        found[run.config].append(run)
    return dict(found)


def rung_of(config: str) -> tuple[str, str]:
    """A config's name without its loss of the RoI head, and that loss; ``(config, "")`` if none."""
    for rung in RUNGS:
        before, found, after = config.partition(f"_{rung}_")
        if found and "faster-rcnn" in before:
            return f"{before}_*_{after}", rung
    return config, ""


def values(runs: list[FinishedRun], name: str) -> list[float]:
    """A metric in percent, of each run that has it."""
    found = []
    for run in runs:
        short = {key.rpartition("/")[2]: value for key, value in reversed(run.metrics.items())}
        value = short.get(name, short.get(COCO_NAMES.get(name, "")))
        if value is not None:
            found.append(100 * value)
    return found


def tables(runs: Runs, published: dict[str, dict[str, float]]) -> str:
    """One Markdown table for each family of configs."""
    families: dict[str, dict[str, list[FinishedRun]]] = defaultdict(dict)
    for config, found in runs.items():
        family, rung = rung_of(config)
        families[family][rung or config] = found
    return "\n".join(_table(family, rungs, published) for family, rungs in families.items())


def _table(
    family: str, rungs: dict[str, list[FinishedRun]], published: dict[str, dict[str, float]]
) -> str:
    shown = [n for n in SHOWN if any(values(found, n) for found in rungs.values())]
    base = rungs.get(BASELINE, [])
    gains = [f"{name}, gain" for name in shown] if base and len(rungs) > 1 else []
    claim = published.get(JUDGED.get(_dataset(family), ("", None))[1] or "", {})
    claims = [f"{name}, published gain" for name in claim] if gains else []
    heads = ["config" if rungs.keys() == {family} else "loss", "runs", *shown, *gains, *claims]
    heads += ["s/iteration", "memory, GiB"]
    lines = [f"{family}\n", f"| {' | '.join(heads)} |", "|---|" + "---:|" * (len(heads) - 1)]
    for rung, found in rungs.items():
        cells = [rung, str(len(found)), *(_mean(values(found, name)) for name in shown)]
        if gains:
            cells += ["" if found is base else _gain(base, found, name) for name in shown]
        if claims:
            cells += [f"{value:+.1f}" if rung == WHOLE else "" for value in claim.values()]
        memory = [run.memory for run in found if run.memory is not None]
        cells += [f"{mean(run.seconds for run in found):.3f}"]
        cells += [f"{max(memory) / 1024:.1f}" if memory else ""]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _dataset(config: str) -> str:
    return config.rpartition("_")[2]


def _mean(found: list[float]) -> str:
    if not found:
        return ""
    return f"{mean(found):.2f}" + (f" ± {stdev(found):.2f}" if len(found) > 1 else "")


def _gain(base: list[FinishedRun], found: list[FinishedRun], name: str) -> str:
    seeds = sorted({run.seed for run in base} & {run.seed for run in found} - {None})  # type: ignore[type-var]

    def in_order(runs: list[FinishedRun]) -> list[float]:
        return [v for seed in seeds for v in values([r for r in runs if r.seed == seed], name)]

    first, second = in_order(base), in_order(found)
    if not first or len(first) != len(second):
        both = values(base, name), values(found, name)
        return f"{mean(both[1]) - mean(both[0]):+.2f}, unpaired" if all(both) else ""
    gain = paired_difference(first, second)
    if gain.number == 1:
        return f"{gain.mean:+.2f}"
    return f"{gain.mean:+.2f} [{gain.low:+.2f}, {gain.high:+.2f}]"


def _entry(runs: list[FinishedRun]) -> dict[str, Any]:
    config = runs[0].config
    found = {name: values(runs, name) for name in SHOWN}
    return {
        "Task": "Face Detection" if found["easy"] else "Object Detection",
        "Dataset": JUDGED.get(_dataset(config), (_dataset(config), None))[0],
        "Runs": len(runs),
        "Metrics": {name: round(mean(v) / 100, 4) for name, v in found.items() if v},
    }


def metafile_of(config: str) -> Path:
    """The metafile that lists a config.

    Raises:
        ValueError: There is none.
    """
    for path in sorted((ROOT / "configs").glob(f"*/{config}.py")):
        return path.parent / "metafile.yml"
    raise ValueError(f"{config}: not a config of {ROOT / 'configs'}; its line is in the table only")


def published_gains() -> dict[str, dict[str, float]]:
    """The paper's gains by dataset, from the metafile that states them."""
    content = yaml.safe_load((ROOT / "configs/faster_rcnn/metafile.yml").read_text())
    return dict(content["Collections"][0]["Metadata"]["Published Gain"])


def main() -> None:
    """Print the tables; write the metafiles."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("work_dirs", type=Path, nargs="+", metavar="WORK_DIR")
    parser.add_argument("--metafiles", action="store_true", help="see above")
    args = parser.parse_args()
    try:
        runs = by_config([read_run(folder) for folder in args.work_dirs])
        texts: dict[Path, str] = {}
        for config, found in runs.items() if args.metafiles else ():
            path = metafile_of(config)
            texts[path] = noted(texts.get(path, path.read_text()), config, _entry(found), path)
    except (OSError, ValueError) as error:
        raise SystemExit(f"collect_results: {error}") from error
    print(tables(runs, published_gains()))
    for path, text in texts.items():
        with replacing(path) as temporary:
            temporary.write_text(text)
        print(f"{path}: written")


if __name__ == "__main__":
    main()
