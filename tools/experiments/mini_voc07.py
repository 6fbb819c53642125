"""Does the box loss help? One small detector, many losses and seeds, on the real Pascal VOC 2007.

Trains the configs of configs/mini_voc07, which differ in the loss of the boxes alone, with the data
in the device's memory; each finished run is a row of OUT/runs.csv, and is not run again.

    python tools/experiments/mini_voc07.py --claim
    python tools/experiments/mini_voc07.py --seeds 0 1 2 --jobs 6 --device cuda
    python tools/experiments/mini_voc07.py --holdout 1250 --rungs eiou --weights 5 10 20
    python tools/experiments/mini_voc07.py --detector retinanet

The data: MMEIOU_VOC_256; the backbone's weights: MMEIOU_MOBILENET_V2 (docs/reproduction.md).
"""

import argparse
import hashlib
import json
import sys
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from mmengine.registry import init_default_scope
from run_cells import DONE, finish, run_missing

from mmeiou.config import parse_cfg_options, read_config
from mmeiou.whole_files import replacing

ROOT = Path(__file__).resolve().parents[2]
CONFIGS = ROOT / "configs" / "mini_voc07"
# In the order in which they are run: what decides comes first.
RUNGS = (
    "smooth-l1",
    "eiou-sot-iou",
    "smooth-l1-iou",
    "eiou-sot",
    "eiou",
    "giou",
    "l1",
    "iou",
    "ciou",
    "diou",
)
# Of each detector: where its box head is, and the rung whose config the others inherit: what they
# share with it begins alike.
HEADS = {"faster-rcnn": "model.roi_head.bbox_head", "retinanet": "model.bbox_head"}
BASES = {"faster-rcnn": "l1", "retinanet": "smooth-l1"}
CANVAS = (256, 256)
# The shortest form of the question: smooth-L1 against the whole method, an hour on two cores. In
# two epochs smaller batches get further; AdamW's rate goes with the square root of their size.
CLAIM = {
    "rungs": RUNGS[:2],
    "seeds": [0, 1],
    "epochs": 2,
    "cfg_options": ["train_dataloader.batch_size=16", "optim_wrapper.optimizer.lr=1e-3"],
}


@dataclass(frozen=True)
class Cell:
    """One run.

    Attributes:
        rung: Ending of the config's name.
        seed: Of weights, order and samples.
        weight: Of the box loss; None for the config's.
        holdout: Number of trainval's last images that are evaluated on and not trained on; 0 to
            train on trainval and evaluate on test.
        epochs: Of training; None for the config's.
        options: ``KEY=VALUE`` changes of the config.
        detector: One of :data:`HEADS`.
    """

    rung: str
    seed: int
    weight: float | None
    holdout: int
    epochs: int | None
    options: tuple[str, ...]
    detector: str = "faster-rcnn"

    @property
    def base(self) -> "Cell":
        """Whose first weights it takes, where both have the same ones."""
        return replace(self, rung=BASES[self.detector], weight=None, epochs=None)

    def config(self) -> Any:
        """The config, with the cell's changes."""
        cfg = read_config(config_file(self.detector, self.rung))
        cfg.merge_from_dict(parse_cfg_options(self.options))
        init_default_scope(cfg.default_scope)
        if self.epochs is not None:
            cfg.train_cfg.max_epochs = cfg.param_scheduler[-1].T_max = self.epochs
        if self.weight is not None:
            self.box_loss(cfg).loss_weight = self.weight
        return cfg

    def box_loss(self, cfg: Any) -> Any:
        """Config of the box loss within the cell's config."""
        for key in HEADS[self.detector].split("."):
            cfg = cfg[key]
        return cfg.loss_bbox

    def config_hash(self) -> str:
        """See :func:`hash_of`."""
        return hash_of(self.config())

    def key(self) -> str:
        """Name of the run and of its folder."""
        holdout = f"_holdout{self.holdout}" if self.holdout else ""
        other = "" if self.detector == "faster-rcnn" else f"{self.detector}_"
        return f"{other}{self.rung}_seed{self.seed}{holdout}_{self.config_hash()}"


def hash_of(cfg: Any) -> str:
    """Of what is trained and how, wherever data and weights are."""
    cfg = cfg.to_dict()
    what = [cfg[key] for key in ("model", "optim_wrapper", "param_scheduler", "train_cfg")]
    what[0]["backbone"].pop("init_cfg", None)
    for split in ("train", "test"):
        loader = cfg[f"{split}_dataloader"]
        what += [loader["batch_size"], {**loader["dataset"], "data_root": ""}]
    text = json.dumps(what, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:10]


def config_file(detector: str, rung: str) -> Path:
    """Where the config is."""
    return CONFIGS / f"{detector}_mobilenet-v2_fpn_{rung}_1xb64-6e_voc07-256.py"


def rungs_of(detector: str) -> list[str]:
    """Rungs for which the detector has a config, in the ladder's order."""
    return [rung for rung in RUNGS if config_file(detector, rung).exists()]


def run_cell(cell: Cell, device: str, out: Path, *, keep_weights: bool = False) -> None:
    """Train, detect, evaluate.

    Args:
        cell: The run.
        device: Name of the device.
        out: Its folder ``cell.key()`` gets ``run.json``, ``losses.json`` of the epochs,
            ``detections.npz`` and ``weights.pth``.
        keep_weights: Write the last one.
    """
    import numpy as np  # noqa: PLC0415 - the parent process needs none of these
    import torch  # noqa: PLC0415
    from mmengine.logging import MMLogger  # noqa: PLC0415
    from resident_training import detect, evaluate, train  # noqa: PLC0415

    from mmeiou.engine.reuse_memory_hook import reuse_memory  # noqa: PLC0415

    MMLogger.get_current_instance().setLevel("WARNING")  # or every weight is listed
    torch.set_float32_matmul_precision("high")  # TF32 on a GPU, as its convolutions are by default
    if device == "cpu":
        reuse_memory()
    cfg = cell.config()
    folder = out / cell.key()
    learned, judged = datasets(cell, cfg, out)
    trained = train(cfg, learned.to(device), cell.seed, device, cell.key(), cell.base.config())
    start = time.perf_counter()
    found = detect(trained.detector, judged.to(device))
    seconds = time.perf_counter() - start
    classes = trained_classes(cfg)
    metrics = evaluate(
        found, judged, cfg.test_evaluator, {"classes": classes, "dataset_type": "VOC2007"}
    )
    if keep_weights:
        with replacing(folder / "weights.pth") as temporary:
            torch.save(trained.detector.model.state_dict(), temporary)
    with replacing(folder / "detections.npz") as temporary:
        np.savez_compressed(temporary, **compact(found))
    row = {
        **asdict(cell),
        "weight": cell.box_loss(cfg).get("loss_weight", 1.0),
        "options": " ".join(cell.options),
        "epochs": cfg.train_cfg.max_epochs,
        "config": cell.config_hash(),
        "train_images": len(learned),
        "test_images": len(judged),
        "device": torch.cuda.get_device_name() if device == "cuda" else "cpu",
        "torch": torch.__version__,
        "train_seconds": round(trained.seconds, 1),
        "detect_seconds": round(seconds, 1),
        **{key.removeprefix("voc/"): round(value, 5) for key, value in metrics.items()},
    }
    for name, content in (("losses.json", trained.losses), (DONE, row)):
        with replacing(folder / name) as temporary:
            temporary.write_text(json.dumps(content, indent=1) + "\n")


def check_files() -> None:
    """Say what to do where the data or the backbone's weights are not there."""
    cfg = Cell(RUNGS[0], 0, None, 0, None, ()).config()
    data, weights = cfg.data_root, cfg.model.backbone.init_cfg.checkpoint
    if not Path(data, cfg.train_dataloader.dataset.ann_file).exists():
        raise SystemExit(
            f"{data}: no small VOC 2007: tools/dataset_converters/shrink_voc.py makes it, "
            "MMEIOU_VOC_256 says where it is"
        )
    if not Path(weights).exists():
        raise SystemExit(
            f"{weights} not found: tools/experiments/mobilenet_v2.py writes it, "
            "MMEIOU_MOBILENET_V2 says where it is"
        )


def trained_classes(cfg: Any) -> tuple[str, ...]:
    """Names of the classes."""
    from mmeiou.registry import DATASETS  # noqa: PLC0415

    return tuple(DATASETS.get(cfg.train_dataloader.dataset.type).METAINFO["classes"])


def compact(found: dict[str, Any]) -> dict[str, Any]:
    """Detections in a fifth of the space: 1/100 pixel, 1/10000 of score and IoU."""
    import numpy as np  # noqa: PLC0415

    scales = {"bboxes": 100, "scores": 10000, "iou_scores": 10000}
    return {
        key: np.round(values * scales[key]).clip(0, 65535).astype(np.uint16)
        if key in scales
        else values.astype(np.uint16)
        for key, values in found.items()
    }


def datasets(cell: Cell, cfg: Any, out: Path) -> Any:
    """What is trained on and what is judged; decoded once and kept in OUT."""
    from resident_data import load  # noqa: PLC0415

    def kept(name: str, source: Any) -> Any:
        import torch  # noqa: PLC0415

        text = json.dumps(source.to_dict(), sort_keys=True)
        path = out / f"{name}_{hashlib.sha256(text.encode()).hexdigest()[:10]}.pt"
        if not path.exists():
            with replacing(path) as temporary:
                torch.save(load(source, CANVAS), temporary)
        return torch.load(path, weights_only=False)  # written by the lines above

    trainval = kept("trainval", cfg.train_dataloader.dataset)
    if cell.holdout:
        border = len(trainval) - cell.holdout
        return trainval.part(0, border), trainval.part(border, len(trainval))
    return trainval, kept("test", cfg.test_dataloader.dataset)


def parse_args() -> argparse.Namespace:
    """Arguments of the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--claim",
        action="store_true",
        help="smooth-L1 against the whole method, two seeds, two epochs: an hour on two cores",
    )
    parser.add_argument("--detector", choices=list(HEADS), default="faster-rcnn")
    parser.add_argument("--rungs", nargs="+", choices=RUNGS, help="default: all that there are")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--weights", nargs="+", type=float, default=[None], help="of the box loss")
    parser.add_argument("--holdout", type=int, default=0, help="see above; default: judge on test")
    parser.add_argument("--epochs", type=int, help="default: the config's")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--jobs", type=int, default=1, help="runs at a time")
    parser.add_argument("--seconds", type=float, help="no run starts that would end later")
    parser.add_argument("--out", type=Path, default=ROOT / "work_dirs" / "mini_voc07")
    parser.add_argument("--cfg-options", nargs="+", default=[], metavar="KEY=VALUE")
    parser.add_argument("--keep-weights", action="store_true", help="for mini_voc07_heads.py")
    parser.add_argument("--cell", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.claim:
        for name, value in CLAIM.items():
            if getattr(args, name) != parser.get_default(name):
                option = name.replace("_", "-")
                parser.error(f"--claim says what --{option} is: leave one of them out")
            setattr(args, name, value)
    known = rungs_of(args.detector)
    args.rungs = args.rungs or known
    for rung in args.rungs:
        if rung not in known:
            parser.error(f"{args.detector} has no config of {rung}, but of {', '.join(known)}")
    return args


def main() -> None:
    """Run what is missing."""
    args = parse_args()
    if args.cell:
        values = json.loads(args.cell)
        cell = Cell(**{**values, "options": tuple(values["options"])})
        run_cell(cell, args.device, args.out, keep_weights=args.keep_weights)
        return
    cells = [
        Cell(
            rung,
            seed,
            weight,
            args.holdout,
            args.epochs,
            tuple(args.cfg_options),
            args.detector,
        )
        for seed in args.seeds
        for rung in args.rungs
        for weight in args.weights
    ]
    check_files()
    args.out.mkdir(parents=True, exist_ok=True)
    datasets(cells[0], cells[0].config(), args.out)  # decoded once, and not by each run
    command = [sys.executable, __file__, "--device", args.device, "--out", str(args.out)]
    command += ["--keep-weights"] * args.keep_weights
    problems = run_missing(
        {cell.key(): [*command, "--cell", json.dumps(asdict(cell))] for cell in cells},
        args.out,
        args.jobs,
        args.seconds,
        lambda row: ", ".join(f"{name} {row[name]:.4f}" for name in ("AP", "AP50", "AP90")),
        (DONE, "weights.pth") if args.keep_weights else (DONE,),
    )
    finish(problems)


if __name__ == "__main__":
    main()
