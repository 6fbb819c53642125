"""Necks."""

from mmeiou.models.necks.tfpn import TFPN

__all__ = ["TFPN"]
