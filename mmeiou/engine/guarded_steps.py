"""An optimizer wrapper that leaves out steps with losses or gradients that are not finite."""

from functools import wraps
from typing import Any

import torch
from mmengine.dist import all_reduce
from mmengine.optim import OptimWrapper
from torch import Tensor, nn

from mmeiou.functional.finite import nonfinite_names, squares_finite


class GuardedSteps:
    """Stands between a model's ``train_step`` and any ``OptimWrapper``.

    A step of the optimizer is left out, with all gradients that were accumulated for it, if a loss,
    a gradient or a buffer is not finite, in any process; weights and optimizer state stay as they
    are. Buffers, as the running statistics of norms, go back to what they were before the forward
    pass whose loss, or which themselves, are not finite.

    Overflow that a smaller scale of the loss may cure is left to the scaler of ``AmpOptimWrapper``;
    a static scale, and one of 1 or less, cure nothing.

    Args:
        wrapper: Its ``update_params`` and ``step`` are replaced until :meth:`release`.
        model: Without a wrapper.
    """

    def __init__(self, wrapper: OptimWrapper, model: nn.Module) -> None:
        self.wrapper, self.model = wrapper, model
        # What is infinite from the start is meant so, as are masks.
        self.buffers = [
            one for one in model.buffers() if one.is_floating_point() and one.isfinite().all()
        ]
        self.before = [one.clone() for one in self.buffers]
        self.last_finite = True
        """Whether loss and buffers of the last forward pass are finite, in this process."""
        self.skipped: bool | None = None
        """Whether the last pass ended in a step that was left out; None where it ended in none."""
        self.bad_gradients: list[str] = []
        """Parameters whose gradients are not finite, of the last step that was left out."""
        self._passes: list[Tensor] = []  # for the coming step; to read them waits for the device
        self._update_params, self._step = wrapper.update_params, wrapper.step

        # With the attributes of what it replaces: schedules ask whether they count it already.
        @wraps(wrapper.step)
        def step(**kwargs: Any) -> None:
            self._guarded_step(**kwargs)

        wrapper.update_params, wrapper.step = self._guarded_update, step

    def release(self) -> None:
        """Leave the optimizer wrapper as it was."""
        del self.wrapper.update_params, self.wrapper.step

    def remember(self) -> None:
        """Keep the buffers: to be called before each forward pass."""
        if self.buffers:
            torch._foreach_copy_(self.before, self.buffers)

    def _guarded_update(self, loss: Tensor, *args: Any, **kwargs: Any) -> None:
        self.skipped = None
        finite = loss.detach().isfinite().all()
        if self.buffers:
            finite = finite & squares_finite(self.buffers)
        self._passes.append(finite)
        # Backward all the same: other processes wait for these gradients.
        self._update_params(loss, *args, **kwargs)
        self.last_finite = bool(finite)
        if self.buffers and not self.last_finite:
            torch._foreach_copy_(self.buffers, self.before)

    def _guarded_step(self, **kwargs: Any) -> None:
        gradients = [
            parameter.grad
            for group in self.wrapper.param_groups
            for parameter in group["params"]
            if parameter.grad is not None
        ]
        passes = torch.stack(self._passes).all()
        self._passes.clear()
        # Optimizers keep squares: one that overflows would stop its parameter for ever.
        finite = squares_finite(gradients) if gradients else torch.ones_like(passes)
        flags = torch.stack([passes, finite]).int()
        all_reduce(flags, "min")
        passes_finite, gradients_finite = flags.tolist()
        self.skipped = not (passes_finite and (gradients_finite or self._scale_too_large()))
        if self.skipped:
            self.bad_gradients = list(
                nonfinite_names({name: one.grad for name, one in self.model.named_parameters()})
            )
        else:
            self._step(**kwargs)

    def _scale_too_large(self) -> bool:
        scaler = getattr(self.wrapper, "loss_scaler", None)
        static = getattr(self.wrapper, "_scale_update_param", None) is not None
        return scaler is not None and not static and scaler.get_scale() > 1
