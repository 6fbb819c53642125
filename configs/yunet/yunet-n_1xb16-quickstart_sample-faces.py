# `make train`: YuNet_n from scratch on the embedded sample set, minutes on two CPU cores.
_base_ = "./yunet-n_1xb16-120e_widerface-small.py"

# What tools/quickstart.py asks of the result. Seed 0 gave an AP of 0.972 and an IoU of 0.67; the
# range leaves room for other machines, whose sums differ.
quickstart = dict(
    expected_ap=(0.95, 0.98),
    min_ap=0.90,
    min_iou=0.5,  # of the best box on scikit-image's astronaut with her face:
    astronaut_face=(178, 65, 269, 176),
)

# Another place for the set: MMEIOU_SAMPLE_FACES=/somewhere/sample_faces/ make train
data_root = "{{$MMEIOU_SAMPLE_FACES:data/sample_faces/}}"
path_hint = "this config takes the root from the environment: MMEIOU_SAMPLE_FACES"

# 32 iterations an epoch. At so few iterations AdamW gets much further than SGD.
max_epochs = 21
train_cfg = dict(max_epochs=max_epochs, val_interval=7)
optim_wrapper = dict(optimizer=dict(_delete_=True, type="AdamW", lr=0.008, weight_decay=0.01))
param_scheduler = [
    dict(type="LinearLR", start_factor=0.01, by_epoch=False, begin=0, end=60),
    dict(
        type="CosineAnnealingLR",
        by_epoch=True,
        begin=0,
        end=max_epochs,
        eta_min=8e-5,
        convert_to_iter_based=True,
    ),
]

train_pipeline = _base_.train_pipeline
train_pipeline[2].update(crop_choice=(0.5, 0.7, 0.9, 1.1))
train_pipeline[3].update(scale=(256, 256))
# One worker: MMEngine leaves a process with more of them a single thread for the network.
train_dataloader = dict(
    num_workers=1,
    dataset=dict(
        data_root=data_root,
        path_hint=path_hint,
        filter_cfg=dict(filter_empty_gt=False),  # pictures without a face are there to learn from
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(num_workers=1, dataset=dict(data_root=data_root, path_hint=path_hint))
test_dataloader = val_dataloader
val_evaluator = dict(gt_dir=None)  # one AP, from the set's own boxes
test_evaluator = val_evaluator

default_hooks = dict(checkpoint=dict(interval=7, save_best="WIDERFace/AP"))
randomness = dict(seed=0)
