_base_ = ["mmdet::atss/atss_r50_fpn_1x_coco.py", "../_base_/datasets/coco_changes.py"]
# GIoU's weight there. ATSS decodes before its box loss in any case.
model = dict(bbox_head=dict(loss_bbox=dict(type="mmeiou.EIoULoss", loss_weight=2.0)))
train_dataloader = val_dataloader = test_dataloader = {{_base_.coco_loader}}
val_evaluator = test_evaluator = {{_base_.coco_evaluator}}
default_hooks = {{_base_.guard}}
