_base_ = [
    "mmdet::_base_/models/retinanet_r50_fpn.py",
    "../_base_/datasets/coco_detection.py",
    "mmdet::_base_/schedules/schedule_1x.py",
    "../_base_/default_runtime.py",
]
# Averaged over positives alone, unlike in a RoI head; 2 is ATSS's weight for GIoU, not tuned here.
model = dict(
    bbox_head=dict(reg_decoded_bbox=True, loss_bbox=dict(type="mmeiou.EIoULoss", loss_weight=2.0))
)
optim_wrapper = dict(optimizer=dict(lr=0.01))
default_hooks = dict(checkpoint=dict(interval=1))
