"""Hooks."""

from mmeiou.engine.checkpoint_guard_hook import CheckpointGuardHook
from mmeiou.engine.reuse_memory_hook import ReuseMemoryHook

__all__ = ["CheckpointGuardHook", "ReuseMemoryHook"]
