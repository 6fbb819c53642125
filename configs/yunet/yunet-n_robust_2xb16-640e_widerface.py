# The released YuNet_n, trained for pictures as users have them: turned, dark, grey, blurred,
# compressed, resized by whatever their program does. Each part can be switched off alone:
#   --cfg-options train_dataloader.dataset.pipeline.5.prob=0
# tools/experiments/robust_ablation.py trains with one part at a time, and with all.
_base_ = "./yunet-n_2xb16-640e_widerface.py"

train_pipeline = [
    *_base_.train_pipeline[:2],
    dict(
        type="mmeiou.RandomSquareCrop",  # 2: faces from twice as large as released to 3/4
        crop_choice=(0.25, 0.35, 0.5, 0.7, 0.9, 1.1, 1.3, 1.5, 2.0),
        pad_value=128,
    ),
    dict(
        type="mmeiou.Resize",  # 3: interpolation="bilinear" is the released one
        scale=(640, 640),
        keep_ratio=False,
        interpolation=("nearest", "bilinear", "bicubic", "area", "lanczos"),
    ),
    dict(type="mmeiou.RandomFlip", prob=0.5),
    dict(type="mmeiou.RandomRotate", max_angle=45, prob=0.5),  # 5
    # 6: added to hue (of 180), saturation and value (of 255), at most; 0 switches each off. Behind
    # a Resize, because it writes into the image that it gets.
    dict(type="YOLOXHSVRandomAug", hue_delta=5, saturation_delta=30, value_delta=30),
    dict(type="mmeiou.RandomCorruption", kind="grey", strength=1, prob=0.1),  # 7
    dict(type="mmeiou.RandomCorruption", kind="darkness", strength=(0.05, 0.7), prob=0.2),  # 8
    dict(type="mmeiou.RandomCorruption", kind="gaussian_blur", strength=(0.5, 3), prob=0.1),  # 9
    dict(type="mmeiou.RandomCorruption", kind="jpeg", strength=(5, 60), prob=0.2),  # 10
    _base_.train_pipeline[-1],
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
# [] trains without.
custom_hooks = [dict(type="EMAHook", ema_type="ExpMomentumEMA", update_buffers=True)]
