# The released YuNet_n, trained for pictures as users have them: resized by whatever their program
# does, turned, dark, grey, blurred, compressed. Each part can be switched off alone:
#   --cfg-options train_dataloader.dataset.pipeline.5.prob=0
# They are what tools/experiments/robust_ablation.py found to help, of six: docs/robustness.md.
_base_ = "./yunet-n_2xb16-640e_widerface.py"

train_pipeline = [
    *_base_.train_pipeline[:3],
    dict(
        type="mmeiou.Resize",  # 3: interpolation="bilinear" is the released one
        scale=(640, 640),
        keep_ratio=False,
        interpolation=("nearest", "bilinear", "bicubic", "area", "lanczos"),
    ),
    _base_.train_pipeline[4],
    dict(type="mmeiou.RandomRotate", max_angle=45, prob=0.5),  # 5
    dict(type="mmeiou.RandomCorruption", kind="grey", strength=1, prob=0.1),  # 6
    dict(type="mmeiou.RandomCorruption", kind="darkness", strength=(0.05, 0.7), prob=0.2),  # 7
    dict(type="mmeiou.RandomCorruption", kind="gaussian_blur", strength=(0.5, 3), prob=0.1),  # 8
    dict(type="mmeiou.RandomCorruption", kind="jpeg", strength=(5, 60), prob=0.2),  # 9
    _base_.train_pipeline[-1],
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
