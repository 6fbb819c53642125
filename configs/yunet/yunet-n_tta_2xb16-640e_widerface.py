# The released YuNet_n with test-time augmentation: tools/test.py CONFIG CHECKPOINT --tta
_base_ = "./yunet-n_2xb16-640e_widerface.py"

tta_model = dict(type="mmeiou.YuNetTTA", voting=True)
tta_pipeline = [
    dict(type="mmeiou.LoadImageFromFile"),
    dict(
        type="TestTimeAug",
        transforms=[
            # Half size for faces of hundreds of pixels, enlarged for those of a few.
            [
                dict(type="mmeiou.Resize", scale_factor=factor, keep_ratio=True)
                for factor in (0.5, 1.0, 1.5)
            ],
            [dict(type="mmeiou.RandomFlip", prob=prob) for prob in (0.0, 1.0)],
            [
                dict(
                    type="mmeiou.PackDetInputs",
                    meta_keys=(*_base_.test_pipeline[-1].meta_keys, "keypoint_flip_pairs"),
                )
            ],
        ],
    ),
]
