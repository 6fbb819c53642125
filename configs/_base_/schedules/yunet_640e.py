# Recipe of the released weights: 640 epochs on 2 GPUs x 16 images.
train_cfg = dict(type="EpochBasedTrainLoop", max_epochs=640, val_interval=10)
val_cfg = dict(type="ValLoop")
test_cfg = dict(type="TestLoop")

optim_wrapper = dict(
    type="OptimWrapper", optimizer=dict(type="SGD", lr=0.01, momentum=0.9, weight_decay=0.0005)
)
param_scheduler = [
    dict(type="LinearLR", start_factor=0.001, by_epoch=False, begin=0, end=1500),
    dict(type="MultiStepLR", by_epoch=True, begin=0, end=640, milestones=[400, 544], gamma=0.1),
]
# `--auto-scale-lr` scales the rate for another number of GPUs or images.
auto_scale_lr = dict(enable=False, base_batch_size=32)
