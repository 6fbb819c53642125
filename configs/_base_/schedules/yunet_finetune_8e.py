# From released weights, on one's own faces: 8 epochs of 16 images a step, and what is kept of them.
_base_ = "../yunet_runtime.py"

max_epochs = 8
train_cfg = dict(type="EpochBasedTrainLoop", max_epochs=max_epochs, val_interval=2)
val_cfg = dict(type="ValLoop")
test_cfg = dict(type="TestLoop")

# The rate at which training from scratch ends: the weights are good where they are. Faces unlike
# those of WIDER FACE take more: docs/finetuning.md.
optim_wrapper = dict(
    type="OptimWrapper", optimizer=dict(type="SGD", lr=0.0001, momentum=0.9, weight_decay=0.0005)
)
param_scheduler = [
    dict(type="LinearLR", start_factor=0.01, by_epoch=False, begin=0, end=50),
    dict(
        type="CosineAnnealingLR",
        by_epoch=True,
        begin=0,
        end=max_epochs,
        eta_min=1e-5,
        convert_to_iter_based=True,
    ),
]
auto_scale_lr = dict(enable=False, base_batch_size=16)

default_hooks = dict(
    checkpoint=dict(interval=2, save_best="coco/bbox_mAP"),
    logger=dict(interval=10),
    warm_up=dict(type="mmeiou.WarmUpHook"),  # says so if a small data set ends within the warm-up
    # With other classes or landmarks (model.bbox_head.num_classes, num_keypoints) these begin anew.
    checkpoint_guard=dict(
        ignore=["multi_level_(cls|kps)"],
        if_missing="Name the weights to start from, a file or a URL, by load_from or the "
        "environment variable MMEIOU_WEIGHTS: docs/finetuning.md",
    ),
)
custom_hooks = [
    dict(type="NumClassCheckHook"),
    # Averages over the whole run, the released weights included: the statistics of a few small
    # batches are noisy, and a mean of old and new weights keeps what the old ones knew.
    dict(type="EMAHook", ema_type="ExponentialMovingAverage", momentum=0.001, update_buffers=True),
]
