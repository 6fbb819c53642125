_base_ = [
    "mmdet::_base_/models/mask-rcnn_r50_fpn.py",
    "../_base_/roi_losses/roi-eiou.py",
    "../_base_/datasets/coco_instance.py",
    "mmdet::_base_/schedules/schedule_1x.py",
    "../_base_/default_runtime.py",
]
model = dict(roi_head=dict(bbox_head={{_base_.bbox_head}}))
val_evaluator = dict(metric=["bbox", "segm"])
test_evaluator = val_evaluator
default_hooks = dict(checkpoint=dict(interval=1))
