# The smaller one: half the channels early on, no shared DP unit in the head.
_base_ = "./yunet-n_finetune_1xb16-8e_own-faces.py"

load_from = "{{$MMEIOU_WEIGHTS:yunet_s.pth}}"
model = dict(
    backbone=dict(stage_channels=((3, 16, 16), (16, 32), (32, 64), (64, 64), (64, 64), (64, 64))),
    bbox_head=dict(shared_stacked_convs=0),
)
