# The released YuNet_n.
_base_ = [
    "../_base_/models/yunet-n.py",
    "../_base_/datasets/widerface.py",
    "../_base_/schedules/yunet_640e.py",
    "../_base_/default_runtime.py",
]

default_hooks = dict(
    checkpoint=dict(save_best="WIDERFace/hard"),
    fold_batch_norm=dict(type="mmeiou.FoldBatchNormHook"),  # validation and test only
)
