"""One short run of a config: train, save, load again, compare, evaluate."""

import math
import time
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from short_config import RunOptions, short_config

import mmeiou  # noqa: F401 - before MMDetection, which may need the op stand-ins
from mmeiou.evaluation.strict_ap import COCO_NAMES

COMPARED = 8  # images on which the trained and the reloaded network must agree


@dataclass(frozen=True)
class RunResult:
    """Outcome of a run.

    Attributes:
        name: Config file without its ending.
        first_loss: Mean loss of the first tenth of the iterations.
        last_loss: The same of the last tenth.
        same_after_reload: Whether the reloaded network predicts the same to the last bit.
        num_compared: Number of boxes in that comparison.
        seconds_per_iter: Mean time of an iteration, data included.
        aps: For each set of images, AP and AP50 to AP90.
        metrics: For each set of images, all that the metric reports.
    """

    name: str
    first_loss: float
    last_loss: float
    same_after_reload: bool
    num_compared: int
    seconds_per_iter: float
    aps: dict[str, dict[str, float]]
    metrics: dict[str, dict[str, float]]

    def problems(self) -> list[str]:
        """What went wrong, in words."""
        found = []
        if not self.last_loss < self.first_loss:  # also true of NaN
            found.append(f"the loss did not fall: {self.first_loss:.4f} to {self.last_loss:.4f}")
        if not self.same_after_reload:
            found.append("the reloaded checkpoint gives other predictions")
        if not self.num_compared:
            found.append("the trained network predicts no boxes, so that nothing was compared")
        return found


def run(path: Path, options: RunOptions, work_dir: Path) -> RunResult:
    """Train a config as the options say, and evaluate what was saved.

    Args:
        path: Config file.
        options: Length and size of the run.
        work_dir: Folder of logs and the checkpoint.
    """
    from mmengine.config import Config  # noqa: PLC0415 - after the device is chosen
    from mmengine.runner import Runner  # noqa: PLC0415

    cfg = short_config(Config.fromfile(path), options)
    cfg.work_dir = str(work_dir)
    cfg.experiment_name = f"{path.stem}_train_{time.time_ns()}"
    trainer = Runner.from_cfg(deepcopy(cfg))
    losses = _record_losses(trainer, options.iters)
    start = time.perf_counter()
    trainer.train()
    seconds = (time.perf_counter() - start) / options.iters
    expected = _predictions(trainer.model, trainer.val_dataloader)

    cfg.load_from = str(work_dir / f"iter_{options.iters}.pth")
    metrics = {}
    same = True
    for split in options.splits:
        tester = _tester(cfg, split)
        metrics[split] = {key: float(value) for key, value in tester.val().items()}
        same = same and expected == _predictions(tester.model, trainer.val_dataloader)
    tenth = max(options.iters // 10, 1)
    return RunResult(
        name=path.stem,
        first_loss=math.fsum(losses[:tenth]) / tenth,
        last_loss=math.fsum(losses[-tenth:]) / tenth,
        same_after_reload=same,
        num_compared=sum(len(scores) for _, scores, _ in expected),
        seconds_per_iter=seconds,
        aps={split: strict_aps(values) for split, values in metrics.items()},
        metrics=metrics,
    )


def strict_aps(metrics: dict[str, float]) -> dict[str, float]:
    """AP and AP50 to AP90 of what VOCStrictMetric or CocoStrictMetric reports.

    Raises:
        KeyError: If the config has another metric.
    """
    if "voc/AP" in metrics:
        return {name: metrics[f"voc/{name}"] for name in COCO_NAMES}
    if "coco/bbox_mAP_90" in metrics:
        return {name: metrics[f"coco/{key}"] for name, key in COCO_NAMES.items()}
    raise KeyError(
        "the config must evaluate with mmeiou.VOCStrictMetric or mmeiou.CocoStrictMetric, not a "
        f"metric that reports {sorted(metrics)}"
    )


def _tester(cfg: Any, split: str) -> Any:
    """A runner with a fresh network that loads the checkpoint and evaluates on a split."""
    from mmengine.runner import Runner  # noqa: PLC0415

    cfg = deepcopy(cfg)
    cfg.experiment_name = f"{Path(cfg.work_dir).name}_{split}_{time.time_ns()}"
    if split == "train":
        source = cfg.train_dataloader.dataset
        for key in ("ann_file", "data_prefix"):
            cfg.val_dataloader.dataset[key] = source[key]
        if "ann_file" in cfg.val_evaluator:
            cfg.val_evaluator.ann_file = str(Path(source.data_root) / source.ann_file)
    for key in ("train_dataloader", "train_cfg", "optim_wrapper", "param_scheduler"):
        cfg.pop(key)
    return Runner.from_cfg(cfg)


def _record_losses(runner: Any, iters: int) -> list[float]:
    """Let a runner note its loss of each iteration, and print ten of them."""
    from mmengine.hooks import Hook  # noqa: PLC0415

    losses: list[float] = []

    class RecordLosses(Hook):
        def after_train_iter(self, _runner: Any, /, outputs: Any, **_: Any) -> None:
            losses.append(float(outputs["loss"]))
            if len(losses) % max(iters // 10, 1) == 0:
                print(f"  iteration {len(losses)} of {iters}, loss {losses[-1]:.4f}", flush=True)

    runner.register_hook(RecordLosses())
    return losses


def _predictions(model: Any, loader: Any) -> list[list[Any]]:
    """Boxes, scores and labels of the first images of a loader, as plain numbers."""
    import torch  # noqa: PLC0415

    model.eval()
    found = []
    with torch.no_grad():
        for _, batch in zip(range(COMPARED), loader, strict=False):
            (sample,) = model.test_step(batch)
            instances = sample.pred_instances
            found.append([instances[key].tolist() for key in ("bboxes", "scores", "labels")])
    return found
