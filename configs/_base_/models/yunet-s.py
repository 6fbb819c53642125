# YuNet_s, 54,608 parameters: half the channels early on, no shared DP unit in the head.
_base_ = "./yunet-n.py"

model = dict(
    backbone=dict(stage_channels=((3, 16, 16), (16, 32), (32, 64), (64, 64), (64, 64), (64, 64))),
    bbox_head=dict(shared_stacked_convs=0),
)
