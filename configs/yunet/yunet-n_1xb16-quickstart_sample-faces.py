_base_ = "./yunet-n_1xb16-120e_widerface-small.py"
data_root = "{{$MMEIOU_SAMPLE_FACES:data/sample_faces/}}"
max_epochs = 30
train_cfg = dict(max_epochs=max_epochs, val_interval=5)
param_scheduler = [
    dict(type="LinearLR", start_factor=0.001, by_epoch=False, begin=0, end=50),
    dict(
        type="CosineAnnealingLR",
        by_epoch=True,
        begin=0,
        end=max_epochs,
        eta_min=2e-4,
        convert_to_iter_based=True,
    ),
]
train_dataloader = dict(
    num_workers=1, dataset=dict(data_root=data_root, filter_cfg=dict(filter_empty_gt=False))
)
val_dataloader = dict(num_workers=1, dataset=dict(data_root=data_root))
test_dataloader = val_dataloader
val_evaluator = dict(gt_dir=None)
test_evaluator = val_evaluator
