# A few hundred images on a laptop: a quarter of the pixels and a one-cycle-like schedule.
_base_ = "./yunet-n_2xb16-640e_widerface.py"

train_cfg = dict(max_epochs=120, val_interval=20)
optim_wrapper = dict(optimizer=dict(lr=0.02))
param_scheduler = [
    dict(type="LinearLR", start_factor=0.001, by_epoch=False, begin=0, end=200),
    dict(
        type="CosineAnnealingLR",
        by_epoch=True,
        begin=0,
        end=120,
        eta_min=2e-4,
        convert_to_iter_based=True,
    ),
]
# Without it the first hundreds of steps go into unlearning 2100 false faces an image.
model = dict(bbox_head=dict(prior_prob=0.01))

train_pipeline = _base_.train_pipeline
train_pipeline[2].update(crop_choice=(0.3, 0.45, 0.6, 0.8, 1.0))
train_pipeline[3].update(scale=(320, 320))
train_dataloader = dict(num_workers=2, dataset=dict(pipeline=train_pipeline))
default_hooks = dict(logger=dict(interval=10))
auto_scale_lr = dict(base_batch_size=16)
