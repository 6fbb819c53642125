# One's own labels, converted by tools/dataset_converters/convert.py (docs/custom_dataset.md), which
# prints this line for the place where they are:
#   export MMEIOU_OWN_DATA=/somewhere/ MMEIOU_OWN_IMAGES=/somewhere/images/
_base_ = "./widerface.py"  # the training pipeline, and how data are loaded

data_root = "{{$MMEIOU_OWN_DATA:data/own/}}"
images = "{{$MMEIOU_OWN_IMAGES:images/}}"  # relative to data_root, or absolute
own = dict(
    type="mmeiou.CocoKeypointDataset",
    data_root=data_root,
    data_prefix=dict(img=images),
    path_hint="this config takes them from the environment: MMEIOU_OWN_DATA, MMEIOU_OWN_IMAGES",
    fallback_num_keypoints=5,  # boxes alone train all but the landmarks
)
# WIDER FACE's pictures are 1024 pixels wide: at that size the released weights know faces.
test_pipeline = [
    dict(type="mmeiou.LoadImageFromFile"),
    dict(type="mmeiou.Resize", scale=(1024, 1024), keep_ratio=True),
    _base_.test_pipeline[-1],
]

train_dataloader = dict(
    num_workers=2,
    dataset=dict(
        **own,
        ann_file="train.json",
        filter_cfg=dict(filter_empty_gt=False),  # pictures without a face are there to learn from
    ),
)
val_dataloader = dict(dataset=dict(**own, ann_file="val.json", pipeline=test_pipeline))
test_dataloader = val_dataloader

# COCO's AP of the boxes (coco/bbox_mAP, coco/bbox_mAP_50), on the labels that the dataset reads.
val_evaluator = dict(_delete_=True, type="CocoMetric", metric="bbox")
test_evaluator = dict(_delete_=True, type="CocoMetric", metric="bbox")
