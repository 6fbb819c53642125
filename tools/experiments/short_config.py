"""Make a config short: iterations instead of epochs, small images, the same for every detector."""

from dataclasses import dataclass, field
from typing import Any

from reduce_config import reduce_model, unfreeze


@dataclass(frozen=True)
class RunOptions:
    """What all runs of a ladder share; see the arguments of loss_ladder.py."""

    iters: int = 300
    batch_size: int = 4
    size: int = 256
    lr: float = 1e-3
    seed: int = 0
    splits: tuple[str, ...] = ("train", "val")
    full_size: bool = False
    load_from: str | None = None
    cfg_options: dict[str, Any] = field(default_factory=dict)


def short_config(cfg: Any, options: RunOptions) -> Any:
    """The config made short, in place.

    Augmentation is the flip alone; moving averages and changes of image size are left out, because
    they need longer runs.
    """
    if not options.full_size:
        reduce_model(cfg.model)
        if options.load_from is None:
            unfreeze(cfg.model)
    cfg.model.data_preprocessor.pop("batch_augments", None)
    if "score_thr" in cfg.model.get("test_cfg", {}):
        # One-stage detectors begin at scores of 0.01 or less; a short run leaves them near it.
        cfg.model.test_cfg.score_thr = 0.0
    _shorten_data(cfg, options)
    _shorten_schedule(cfg, options)
    for key in ("test_dataloader", "test_evaluator", "test_cfg", "auto_scale_lr"):
        cfg.pop(key, None)
    cfg.custom_hooks = []
    cfg.default_hooks.checkpoint = {
        "type": "CheckpointHook",
        "by_epoch": False,
        "interval": options.iters,
    }
    cfg.log_processor = {"type": "LogProcessor", "by_epoch": False}
    cfg.log_level = "WARNING"
    cfg.randomness = {"seed": options.seed}
    cfg.load_from = options.load_from
    cfg.merge_from_dict(options.cfg_options)
    return cfg


def _shorten_data(cfg: Any, options: RunOptions) -> None:
    masks = "mask_head" in cfg.model.get("roi_head", {})
    load = {"type": "LoadImageFromFile"}
    resize = {"type": "Resize", "scale": (options.size, options.size), "keep_ratio": True}
    pack = {
        "type": "PackDetInputs",
        "meta_keys": ("img_id", "img_path", "ori_shape", "img_shape", "scale_factor"),
    }
    train, val = (_innermost(cfg[f"{part}_dataloader"].dataset) for part in ("train", "val"))
    train.pipeline = [
        load,
        {"type": "LoadAnnotations", "with_bbox": True, "with_mask": masks},
        resize,
        {"type": "RandomFlip", "prob": 0.5},
        pack,
    ]
    # Annotations after Resize: the metric compares with boxes of the original image.
    val.pipeline = [load, resize, {"type": "LoadAnnotations", "with_bbox": True}, pack]
    loader = {"num_workers": 0, "persistent_workers": False}
    cfg.train_dataloader = {
        **loader,
        "batch_size": options.batch_size,
        "sampler": {"type": "InfiniteSampler", "shuffle": True},
        "dataset": train,
    }
    cfg.val_dataloader = {
        **loader,
        "batch_size": 1,
        "sampler": {"type": "DefaultSampler", "shuffle": False},
        "dataset": val,
    }


def _shorten_schedule(cfg: Any, options: RunOptions) -> None:
    warm_up = max(options.iters // 20, 1)
    cfg.train_cfg = {
        "type": "IterBasedTrainLoop",
        "max_iters": options.iters,
        "val_interval": options.iters + 1,  # evaluated once, after reloading
    }
    cfg.param_scheduler = [
        {"type": "LinearLR", "start_factor": 0.1, "by_epoch": False, "begin": 0, "end": warm_up},
        {"type": "CosineAnnealingLR", "by_epoch": False, "begin": warm_up, "end": options.iters},
    ]
    cfg.optim_wrapper = {
        "type": "OptimWrapper",
        "optimizer": {"type": "AdamW", "lr": options.lr, "weight_decay": 0.01},
        "clip_grad": {"max_norm": 10},
    }


def _innermost(dataset: Any) -> Any:
    """The dataset that reads files, inside mosaics; of several, the first."""
    while "dataset" in dataset or "datasets" in dataset:
        dataset = dataset["dataset"] if "dataset" in dataset else dataset["datasets"][0]
    return dataset
