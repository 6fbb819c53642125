# MMDetection's VOC recipe: 12 epochs on 8 GPUs x 2 images, the rate reduced after 9.
train_cfg = dict(type="EpochBasedTrainLoop", max_epochs=12, val_interval=3)
val_cfg = dict(type="ValLoop")
test_cfg = dict(type="TestLoop")

optim_wrapper = dict(
    type="OptimWrapper", optimizer=dict(type="SGD", lr=0.01, momentum=0.9, weight_decay=0.0001)
)
param_scheduler = [
    dict(type="MultiStepLR", by_epoch=True, begin=0, end=12, milestones=[9], gamma=0.1)
]
# `--auto-scale-lr` scales the rate for another number of GPUs or images.
auto_scale_lr = dict(enable=False, base_batch_size=16)
