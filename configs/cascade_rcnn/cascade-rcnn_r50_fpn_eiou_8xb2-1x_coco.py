_base_ = [
    "mmdet::_base_/models/cascade-rcnn_r50_fpn.py",
    "../_base_/roi_losses/cascade.py",
    "../_base_/datasets/coco_detection.py",
    "mmdet::_base_/schedules/schedule_1x.py",
    "../_base_/default_runtime.py",
]
model = dict(roi_head=dict(bbox_head={{_base_.cascade_eiou}}))
default_hooks = dict(checkpoint=dict(interval=1))
