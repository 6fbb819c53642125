_base_ = [
    "mmdet::_base_/models/faster-rcnn_r50_fpn.py",
    "../_base_/datasets/voc07.py",
    "../_base_/schedules/voc_1x.py",
    "../_base_/default_runtime.py",
]
# MMDetection's loss for RPN and RoI head is L1. The other rungs change the RoI head's alone.
model = dict(roi_head=dict(bbox_head=dict(num_classes=20)))
default_hooks = dict(checkpoint=dict(interval=3))
