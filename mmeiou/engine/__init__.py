"""Hooks and optimizer wrappers."""

from mmeiou.engine.bfloat16_optim_wrapper import BFloat16OptimWrapper
from mmeiou.engine.checkpoint_guard_hook import CheckpointGuardHook
from mmeiou.engine.checkpoint_hook import CheckpointHook
from mmeiou.engine.compile_hook import CompileHook
from mmeiou.engine.det_visualization_hook import DetVisualizationHook
from mmeiou.engine.exact_resume_hook import ExactResumeHook
from mmeiou.engine.fold_batch_norm_hook import FoldBatchNormHook
from mmeiou.engine.nan_guard_hook import NaNGuardHook
from mmeiou.engine.resume_validation_hook import ResumeValidationHook
from mmeiou.engine.reuse_memory_hook import ReuseMemoryHook
from mmeiou.engine.stop_hook import StopHook
from mmeiou.engine.warm_up_hook import WarmUpHook

__all__ = [
    "BFloat16OptimWrapper",
    "CheckpointGuardHook",
    "CheckpointHook",
    "CompileHook",
    "DetVisualizationHook",
    "ExactResumeHook",
    "FoldBatchNormHook",
    "NaNGuardHook",
    "ResumeValidationHook",
    "ReuseMemoryHook",
    "StopHook",
    "WarmUpHook",
]
