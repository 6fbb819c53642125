_base_ = [
    "mmdet::fcos/fcos_r50-caffe_fpn_gn-head-center-normbbox-centeronreg-giou_1x_coco.py",
    "../_base_/datasets/coco_changes.py",
]
# GIoU's weight there. The loss sees boxes, in strides (norm_on_bbox); EIoU has no unit.
model = dict(bbox_head=dict(loss_bbox=dict(type="mmeiou.EIoULoss", loss_weight=1.0)))
train_dataloader = val_dataloader = test_dataloader = {{_base_.coco_loader}}
val_evaluator = test_evaluator = {{_base_.coco_evaluator}}
default_hooks = {{_base_.guard}}
