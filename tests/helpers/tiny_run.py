"""Runs of two steps an epoch, of a model of a few numbers, by MMEngine's own runner."""

from itertools import count
from unittest.mock import patch

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import BaseDataset
from mmengine.evaluator import BaseMetric
from mmengine.model import BaseModel
from mmengine.registry import DATASETS, METRICS, MODELS
from mmengine.runner import Runner
from torch import nn

_NUMBERS = count()
SAVING = {"save_best": "tiny/AP", "rule": "greater"}


@MODELS.register_module()
class TinyModel(BaseModel):
    def __init__(self, init_cfg=None):
        super().__init__(init_cfg=init_cfg)
        self.layers = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 1))

    def forward(self, x, mode):
        y = self.layers(torch.stack(x))
        return {"loss": y.square().mean()} if mode == "loss" else [y]


@DATASETS.register_module()
class TinyDataset(BaseDataset):
    def load_data_list(self):
        return [{"index": i} for i in range(8)]

    def __getitem__(self, index):
        return {"x": torch.full((3,), float(index))}


@METRICS.register_module()
class TinyMetric(BaseMetric):
    default_prefix = "tiny"

    def process(self, _data_batch, _data_samples):
        self.results.append(0)

    def compute_metrics(self, _results):
        return {"AP": np.float32(0.5), "AP50": np.float64(0.25), "n": np.int64(3)}


def make_runner(work_dir, epochs, **options):
    """A runner with everything that puts objects of its own into a checkpoint."""
    loader = {
        "batch_size": 4,
        "num_workers": 0,
        "sampler": {"type": "DefaultSampler", "shuffle": True},
        "dataset": {
            "type": "TinyDataset",
            "metainfo": {"classes": ("a", "b"), "pairs": {"x": 1}},
            # Its garbage collection takes longer than such a run, in a large process.
            "serialize_data": False,
        },
    }
    config = {
        "model": {"type": "TinyModel"},
        "work_dir": str(work_dir),
        # Runs of one name share a message hub in one process, as no two trainings would.
        "experiment_name": f"{work_dir.name}_{epochs}_{next(_NUMBERS)}",
        "train_dataloader": loader,
        "val_dataloader": loader,
        "val_evaluator": {"type": "TinyMetric"},
        "train_cfg": {"by_epoch": True, "max_epochs": epochs},
        "val_cfg": {},
        "optim_wrapper": {"optimizer": {"type": "SGD", "lr": 0.1, "momentum": 0.9}},
        "param_scheduler": [
            {"type": "LinearLR", "start_factor": 0.1, "by_epoch": False, "end": 3},
            {"type": "MultiStepLR", "milestones": [1]},
            {"type": "OneCycleLR", "total_steps": 20, "eta_max": 0.1, "by_epoch": False},
            {"type": "ReduceOnPlateauLR", "monitor": "tiny/AP", "rule": "greater"},
        ],
        "default_hooks": {"checkpoint": {"type": "mmeiou.CheckpointHook", **SAVING}},
        "custom_hooks": [
            {"type": "EMAHook"},
            {"type": "EarlyStoppingHook", "monitor": "tiny/AP", "rule": "greater"},
        ],
        "randomness": {"seed": 0},
        "log_level": "WARNING",
        **options,
    }
    # Asking compilers and the like for their versions takes longer still.
    with patch.object(Runner, "_log_env"):
        return Runner.from_cfg(Config(config))
