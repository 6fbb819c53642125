"""Make a detector small enough to be trained on a CPU in a minute, whatever its config."""

from typing import Any

# Channels: ResNet-18 at a quarter of its width, everything behind it in proportion.
BASE_CHANNELS = 16
STAGE_CHANNELS = [BASE_CHANNELS * 2**stage for stage in range(4)]
_QUARTER = {256: 64}
SMALLER: dict[str, dict[Any, Any]] = {
    "in_channels": _QUARTER,
    "out_channels": _QUARTER,
    "feat_channels": _QUARTER,
    "conv_out_channels": _QUARTER,
    "fc_out_channels": {1024: 128},
    # DETR's transformer
    "embed_dims": _QUARTER,
    "num_feats": {128: 32},
    "feedforward_channels": {2048: 128},
    "num_layers": {6: 2},
    # proposals and samples
    "nms_pre": {2000: 300, 1000: 300},
    "max_per_img": {2000: 200, 1000: 200},
    "num": {512: 64, 256: 128},
}


def reduce_model(model: Any) -> None:
    """Shrink a detector's config in place; what is not in ``SMALLER`` stays.

    A ResNet becomes a narrow ResNet-18 with random weights. Its frozen stages stay frozen.

    Args:
        model: ``model`` of a config.
    """
    _shrink(model)
    backbone = model["backbone"]
    if backbone["type"].endswith("ResNet"):
        backbone.update(
            depth=18,
            base_channels=BASE_CHANNELS,
            init_cfg=None,
            zero_init_residual=False,  # it would begin with residual branches that do not learn
        )
        model["neck"]["in_channels"] = STAGE_CHANNELS[-len(model["neck"]["in_channels"]) :]


def unfreeze(model: Any) -> None:
    """Let all of a ResNet learn: without pretrained weights a frozen stage is noise."""
    backbone = model["backbone"]
    if backbone["type"].endswith("ResNet"):
        backbone.update(
            frozen_stages=-1, norm_eval=False, norm_cfg={"type": "BN", "requires_grad": True}
        )


def _shrink(node: Any) -> None:
    if isinstance(node, dict):
        for key, value in node.items():
            if isinstance(value, int) and value in SMALLER.get(key, {}):
                node[key] = SMALLER[key][value]
            else:
                _shrink(value)
    elif isinstance(node, list | tuple):
        for one in node:
            _shrink(one)
