"""Does a teacher help? YuNet_s with and without one, many seeds, labels of all or some pictures.

    python tools/dataset_converters/shrink_widerface.py data/widerface --out data/widerface_640
    python tools/experiments/distillation.py data/widerface_640 --teacher yunet_n.pth --shares 1 .25
    python tools/experiments/distillation.py data/widerface_640 --teacher yunet_n.pth \
        --device cuda --jobs 6 --workers 2 --iters 3000

Trains each arm with each seed for the same number of steps; OUT/runs.csv has a line for each
finished run. A run that is there already is not run again. A share of the training pictures, drawn
by the seed, keeps its labels; the arms differ in what becomes of the others:

    labels     they are left out
    pseudo     they are labelled by the teacher: faces of a score of 0.5, ignored ones of 0.2
    distilled  the teacher is asked about them, and about the labelled ones, in each step
    both       they are labelled by the teacher, and it is asked in each step
"""

import argparse
import hashlib
import json
import statistics
import sys
import time
from collections import defaultdict
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from hard_faces import hard_faces
from run_cells import DONE, collect, finish, run_missing
from short_yunet import (
    BATCH,
    FULL,
    ShortRun,
    budget_hash,
    default_lr,
    endless_loader,
    identity_of,
    require_budget,
    require_wider,
    set_crops,
    shorten,
)

from mmeiou.config import read_config
from mmeiou.evaluation.paired import paired_difference
from mmeiou.labels import ImageLabels, LabelSet, read_labels
from mmeiou.labels.formats import coco, faces_json
from mmeiou.labels.pseudo import Rule, pseudo_labels, unlabelled
from mmeiou.whole_files import replacing

ROOT = Path(__file__).resolve().parents[2]
CONFIG = "yunet-s_distilled-from-n_2xb16-640e_widerface.py"
ARMS = ("labels", "pseudo", "distilled", "both")
GUESSED, TAUGHT = ("pseudo", "both"), ("distilled", "both")  # labels of the others; each step
METRICS = {"AP": "WIDERFace/AP", "mAP": "coco/bbox_mAP", "mAP_75": "coco/bbox_mAP_75"}
# What runs of several seeds share; tables of earlier runs have no teacher.
GROUP = ("init", "side", "iters", "lr", "options", "share", "teacher", "arm")
# Times the shorter side, for crops of 640 pixels: faces keep their scale whatever the side.
CROPS = (1.0, 1.5, 2.0)
TRAIN_LABELS = "labelv2/train/labelv2.txt"
TRAIN_IMAGES, VAL_IMAGES = "WIDER_train/images", "WIDER_val/images"
TRAIN, VAL = "train.json", "val.json"  # in the folder of a run
RULE = Rule(sure=0.5, doubtful=0.2)


@dataclass(frozen=True)
class Cell(ShortRun):
    """One run.

    Attributes:
        share: Of the training pictures, whose labels are known; the seed says which.
        teacher: Its weights; empty for the arm that has none.
    """

    share: float
    teacher: str

    def key(self) -> str:
        """Name of the run and of its folder."""
        taught = [identity_of(self.teacher)] if self.teacher else []
        return f"{self.arm}_share{self.share:g}_seed{self.seed}_{budget_hash(self, *taught)}"


def training_labels(cell: Cell, known: LabelSet, guessed: dict[str, ImageLabels]) -> LabelSet:
    """What the arm trains on.

    Args:
        cell: Arm, share and seed.
        known: The labels of all training pictures.
        guessed: The teacher's, by the path of the picture.
    """
    count = round(cell.share * len(known))
    chosen = set(np.random.default_rng(cell.seed).permutation(len(known))[:count].tolist())
    images = []
    for index, image in enumerate(known.images):
        if index in chosen:
            images.append(image)
        elif cell.arm in GUESSED:
            images.append(guessed[image.file])
        elif cell.arm == "distilled":
            assert image.size is not None
            images.append(unlabelled(image.file, image.size, len(known.landmarks)))
    return replace(known, images=images)


def config(cell: Cell, data: Path, folder: Path, args: argparse.Namespace) -> Any:
    """The shipped config on small pictures, for so many steps."""
    cfg = read_config(CONFIG)
    if cell.arm in TAUGHT:
        cfg.model.teacher.checkpoint = cell.teacher
    else:
        cfg.model.teacher = None
    pipeline = cfg.train_pipeline
    set_crops(pipeline, cell.side, [choice * cell.side / FULL for choice in CROPS])
    dataset = {"type": "mmeiou.CocoKeypointDataset"}
    loader = endless_loader(args.workers)
    cfg.train_dataloader = {
        **loader,
        "dataset": {
            **dataset,
            "ann_file": str(folder / TRAIN),
            "data_prefix": {"img": f"{data / TRAIN_IMAGES}/"},
            "pipeline": pipeline,
        },
    }
    cfg.val_dataloader = {
        **loader,
        "batch_size": 1,
        "sampler": {"type": "DefaultSampler", "shuffle": False},
        "dataset": {
            **dataset,
            "ann_file": str(folder / VAL),
            "data_prefix": {"img": f"{data / VAL_IMAGES}/"},
            "pipeline": cfg.test_pipeline,
            "test_mode": True,
        },
    }
    cfg.val_evaluator = [{"type": "mmeiou.WIDERFaceMetric"}, {"type": "CocoMetric"}]
    cfg.val_cfg = {"type": "ValLoop"}
    for key in ("test_dataloader", "test_evaluator", "test_cfg", "auto_scale_lr"):
        cfg.pop(key)
    cfg.log_level = "WARNING"
    shorten(cfg, cell, folder)
    return cfg


def run_cell(cell: Cell, args: argparse.Namespace) -> None:
    """Train, evaluate, write ``run.json``."""
    from mmeiou.cli import select_device  # noqa: PLC0415

    select_device(args.device)
    import torch  # noqa: PLC0415 - after the device is chosen
    from mmengine.runner import Runner  # noqa: PLC0415

    folder = args.out / cell.key()
    folder.mkdir(parents=True, exist_ok=True)
    known = read_labels(args.data / TRAIN_LABELS)
    labels = training_labels(cell, known, guesses(args, known))
    for name, written in ((TRAIN, labels), (VAL, hard_faces(args.data))):
        with replacing(folder / name) as unfinished:
            coco.write(written, unfinished)
    runner = Runner.from_cfg(config(cell, args.data.absolute(), folder.absolute(), args))
    start = time.perf_counter()
    runner.train()
    seconds = time.perf_counter() - start
    metrics = runner.val()
    row = {
        **asdict(cell),
        "init": identity_of(cell.init),
        "teacher": identity_of(cell.teacher),
        "options": " ".join(cell.options),
        "images": len(labels),
        # CocoMetric reports nothing where nothing was detected.
        **{name: round(float(metrics.get(key, 0)), 5) for name, key in METRICS.items()},
        "images_per_second": round(cell.iters * BATCH / seconds, 1),
        "device": torch.cuda.get_device_name() if args.device == "cuda" else "cpu",
        "torch": torch.__version__,
    }
    with replacing(folder / DONE) as unfinished:
        unfinished.write_text(json.dumps(row, indent=1) + "\n")


def guesses(args: argparse.Namespace, known: LabelSet) -> dict[str, ImageLabels]:
    """The teacher's labels of the training pictures; detected once and kept in OUT."""
    from mmeiou.apis import FaceDetector  # noqa: PLC0415 - loads the MM stack

    pictures = json.dumps([(image.file, image.size) for image in known.images])
    digest = hashlib.sha256(args.teacher.read_bytes() + pictures.encode()).hexdigest()[:8]
    file = args.out / f"teacher_{digest}.json"
    if not file.exists():
        teacher = read_config(CONFIG).model.teacher
        detector = FaceDetector(teacher.config, args.teacher, args.device, score_thr=RULE.doubtful)
        found = []
        for image in known.images:
            faces = detector(args.data / TRAIN_IMAGES / image.file)
            columns = (faces.boxes, faces.scores, faces.landmarks)
            keys = ("box", "score", "landmarks")
            rows = zip(*(column.tolist() for column in columns), strict=True)
            found.append(
                {"image": image.file, "faces": [dict(zip(keys, row, strict=True)) for row in rows]}
            )
        with replacing(file) as unfinished:
            faces_json.write(found, unfinished)
    guessed = {}
    for record, image in zip(json.loads(file.read_text()), known.images, strict=True):
        assert image.size is not None
        faces = record["faces"]
        guessed[image.file] = pseudo_labels(
            image.file,
            image.size,
            np.array([face["box"] for face in faces]).reshape(-1, 4),
            np.array([face["score"] for face in faces]),
            np.array([face["landmarks"] for face in faces]).reshape(
                len(faces), len(known.landmarks), 2
            ),
            np.zeros(len(faces), dtype=np.int64),
            RULE,
        )
    return guessed


def cells(args: argparse.Namespace) -> list[Cell]:
    """All runs that are asked for, seed by seed; arms that would be equal or empty left out."""
    lr = args.lr or default_lr(args.init)
    return [
        Cell(
            arm,
            seed,
            args.side,
            args.iters,
            lr,
            args.init,
            tuple(args.cfg_options),
            share,
            "" if arm == "labels" else str(args.teacher),
        )
        for seed in args.seeds
        for share in args.shares
        for arm in args.arms
        if not (arm in GUESSED and share == 1) and not (arm == "labels" and share == 0)
    ]


def summary(rows: list[dict[str, str]]) -> str:
    """A Markdown table: means +- deviations, and what an arm brings against labels alone."""
    groups: dict[tuple[str, ...], dict[str, dict[str, str]]] = defaultdict(dict)
    for row in rows:
        groups[tuple(row.get(key, "") for key in GROUP)][row["seed"]] = row
    lines = [
        "| from | crop | steps | labelled | arm | seeds | AP | mAP | AP at 0.75 | AP over labels |",
        "|---|---:|---:|---:|---|---:|---|---|---|---|",
    ]
    for what, runs in groups.items():
        init, side, iters, _, options, share, teacher, arm = what
        base = groups.get((*what[:-2], "", "labels"), {})
        seeds = sorted(base.keys() & runs.keys())
        change = ""
        if arm != "labels" and seeds:
            first, second = ([float(of[seed]["AP"]) for seed in seeds] for of in (base, runs))
            change = str(paired_difference(first, second))
        trained = " ".join(filter(None, (arm, options, teacher and f"by {teacher}")))
        cells = [init or "nothing", side, iters, f"{float(share):.0%}", trained]
        cells += [
            str(len(runs)),
            *(_spread([float(run[m]) for run in runs.values()]) for m in METRICS),
        ]
        lines.append(f"| {' | '.join([*cells, change])} |")
    return "\n".join(lines)


def _spread(values: list[float]) -> str:
    deviation = f" ± {statistics.stdev(values):.4f}" if len(values) > 1 else ""
    return f"{statistics.mean(values):.4f}{deviation}"


def parse_args() -> argparse.Namespace:
    """Arguments of the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "data", type=Path, metavar="WIDERFACE", help="as shrink_widerface.py makes it"
    )
    parser.add_argument("--teacher", type=Path, required=True, help="weights of YuNet_n")
    parser.add_argument("--init", default="", help="weights of YuNet_s to start from")
    parser.add_argument("--arms", nargs="+", choices=ARMS, default=ARMS)
    parser.add_argument("--shares", nargs="+", type=float, default=[1.0, 0.25])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--iters", type=int, default=600, help="steps of 16 pictures (600)")
    parser.add_argument("--side", type=int, default=320, help="of a training crop (320)")
    parser.add_argument("--lr", type=float, help="0.008, or 0.0003 with --init")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--jobs", type=int, default=1, help="runs at a time")
    parser.add_argument("--workers", type=int, default=0, help="of a run, to load pictures (0)")
    parser.add_argument("--seconds", type=float, help="no run starts that would end later")
    parser.add_argument("--out", type=Path, default=ROOT / "work_dirs" / "distillation")
    parser.add_argument("--cfg-options", nargs="+", default=[], metavar="KEY=VALUE")
    parser.add_argument("--cell", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if not all(0 <= share <= 1 for share in args.shares):
        parser.error("--shares: expected numbers from 0 to 1")
    require_wider(args.data, parser)
    if not args.teacher.is_file():
        parser.error(f"{args.teacher} not found")
    require_budget(args, parser)
    return args


def main() -> None:
    """Run what is missing."""
    args = parse_args()
    if args.cell:
        values = json.loads(args.cell)
        run_cell(Cell(**{**values, "options": tuple(values["options"])}), args)
        return
    args.out.mkdir(parents=True, exist_ok=True)
    wanted = cells(args)
    if not all((args.out / cell.key() / DONE).exists() for cell in wanted):
        guesses(args, read_labels(args.data / TRAIN_LABELS))
    command = [sys.executable, __file__, str(args.data), "--teacher", str(args.teacher)]
    command += ["--device", args.device, "--workers", str(args.workers), "--out", str(args.out)]
    problems = run_missing(
        {cell.key(): [*command, "--cell", json.dumps(asdict(cell))] for cell in wanted},
        args.out,
        args.jobs,
        args.seconds,
        lambda row: f"AP {row['AP']:.4f}",
    )
    print(summary(collect(args.out)))
    finish(problems)


if __name__ == "__main__":
    main()
