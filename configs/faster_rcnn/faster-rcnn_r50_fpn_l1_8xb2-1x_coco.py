# MMDetection's loss for RPN and RoI head is L1. The other rungs change the RoI head's alone.
_base_ = [
    "mmdet::_base_/models/faster-rcnn_r50_fpn.py",
    "../_base_/datasets/coco_detection.py",
    "mmdet::_base_/schedules/schedule_1x.py",
    "../_base_/default_runtime.py",
]
default_hooks = dict(checkpoint=dict(interval=1))
