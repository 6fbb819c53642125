"""Mixed precision that needs no GPU and no loss scaling."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from mmengine.optim import OptimWrapper
from torch import nn

from mmeiou.registry import OPTIM_WRAPPERS


@OPTIM_WRAPPERS.register_module()
class BFloat16OptimWrapper(OptimWrapper):
    """MMEngine's ``OptimWrapper`` with the forward pass in bfloat16 where PyTorch deems it safe.

    MMEngine's ``AmpOptimWrapper`` refuses the CPU. bfloat16 has the exponents of float32, so
    gradients do not vanish and nothing is scaled. Faster only where the processor computes in it
    (AVX512_BF16, AMX, Ampere and later GPUs); weights, optimizer and losses stay float32.
    """

    @contextmanager
    def optim_context(self, model: nn.Module) -> Iterator[None]:
        """The forward pass of a training step."""
        device = next(model.parameters()).device.type
        with super().optim_context(model), torch.autocast(device, torch.bfloat16):
            yield
