"""How the areas of the priors reach a loss that divides by them."""

from torch import Tensor, nn


def prior_area_kwargs(loss: nn.Module, area: Tensor) -> dict[str, Tensor]:
    """Keyword argument ``prior_area`` for a box loss that asks for it, nothing for any other.

    Args:
        loss: A box loss; it asks by an attribute ``needs_prior_area`` that is true.
        area: ``(n,)`` areas of the priors of the boxes, in squared pixels.
    """
    return {"prior_area": area} if getattr(loss, "needs_prior_area", False) else {}
