# The released YuNet_s, 54,608 parameters: half the channels early on, no shared DP unit in the
# head, and smaller crops. It is the model that OpenCV Zoo ships as face_detection_yunet_2023mar.
_base_ = "./yunet-n_2xb16-640e_widerface.py"

model = dict(
    backbone=dict(stage_channels=((3, 16, 16), (16, 32), (32, 64), (64, 64), (64, 64), (64, 64))),
    bbox_head=dict(shared_stacked_convs=0),
)

train_pipeline = [
    dict(type="mmeiou.LoadImageFromFile"),
    dict(type="mmeiou.LoadAnnotations", with_bbox=True, with_keypoints=True),
    dict(type="mmeiou.RandomSquareCrop", crop_choice=(0.3, 0.45, 0.6, 0.8, 1.0), pad_value=128),
    dict(type="mmeiou.Resize", scale=(640, 640), keep_ratio=False),
    dict(type="mmeiou.RandomFlip", prob=0.5),
    dict(type="mmeiou.PackDetInputs"),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
