# WIDER FACE in the layout of docs/face_detection.md. Another place for the data:
#   MMEIOU_WIDERFACE=/somewhere/widerface/ mim train mmeiou ...
data_root = "{{$MMEIOU_WIDERFACE:data/widerface/}}"
dataset_type = "mmeiou.WIDERFaceDataset"
path_hint = "this config takes the root from the environment: MMEIOU_WIDERFACE"

train_pipeline = [
    # Where memory has room for all decoded images (height x width x 3 bytes each),
    # cache=dict(folder="/dev/shm/faces", max_bytes=40 << 30) saves decoding them in each epoch.
    dict(type="mmeiou.LoadImageFromFile"),
    dict(type="mmeiou.LoadAnnotations", with_bbox=True, with_keypoints=True),
    dict(
        type="mmeiou.RandomSquareCrop",
        crop_choice=(0.5, 0.7, 0.9, 1.1, 1.3, 1.5),  # times the short side of the image
        pad_value=128,
    ),
    dict(type="mmeiou.Resize", scale=(640, 640), keep_ratio=False),
    dict(type="mmeiou.RandomFlip", prob=0.5),
    dict(type="mmeiou.PackDetInputs"),
]
# Original size: the data preprocessor pads to a multiple of 32.
test_pipeline = [
    dict(type="mmeiou.LoadImageFromFile"),
    dict(
        type="mmeiou.PackDetInputs",
        meta_keys=(
            "img_id",
            "img_path",
            "ori_shape",
            "img_shape",
            "scale_factor",
            "flip",
            "flip_direction",
            "instances",
        ),
    ),
]

train_dataloader = dict(
    batch_size=16,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type="DefaultSampler", shuffle=True),
    # The same lists, in fewer pieces on their way from a worker: docs/performance.md.
    collate_fn=dict(type="mmeiou.compact_collate"),
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        ann_file="labelv2/train/labelv2.txt",
        data_prefix=dict(img="WIDER_train/images/"),
        path_hint=path_hint,
        filter_cfg=dict(filter_empty_gt=True),
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    batch_size=1,
    num_workers=2,
    persistent_workers=True,
    drop_last=False,
    sampler=dict(type="DefaultSampler", shuffle=False),
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        ann_file="labelv2/val/labelv2.txt",
        data_prefix=dict(img="WIDER_val/images/"),
        path_hint=path_hint,
        test_mode=True,
        pipeline=test_pipeline,
    ),
)
test_dataloader = val_dataloader

# Official protocol, easy / medium / hard.
val_evaluator = dict(type="mmeiou.WIDERFaceMetric", gt_dir=data_root + "/labelv2/val/gt")
test_evaluator = val_evaluator
