"""Assigners."""

from mmeiou.models.task_modules.simota_assigner import SimOTAAssigner

__all__ = ["SimOTAAssigner"]
