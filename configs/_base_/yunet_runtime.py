_base_ = "./default_runtime.py"

default_hooks = dict(
    checkpoint=dict(save_best="WIDERFace/hard"),
    fold_batch_norm=dict(type="mmeiou.FoldBatchNormHook"),  # validation and test only
)
