_base_ = ["mmdet::detr/detr_r50_8xb2-150e_coco.py", "../_base_/datasets/coco_changes.py"]
# Loss and matching cost change together, at GIoU's weight; both see boxes in pixels. The other two
# costs are as they were: a list replaces a list as a whole.
model = dict(
    bbox_head=dict(loss_iou=dict(type="mmeiou.EIoULoss", loss_weight=2.0)),
    train_cfg=dict(
        assigner=dict(
            match_costs=[
                dict(type="ClassificationCost", weight=1.0),
                dict(type="BBoxL1Cost", weight=5.0, box_format="xywh"),
                dict(type="mmeiou.ExtendedIoUCost", weight=2.0),
            ]
        )
    ),
)
train_dataloader = val_dataloader = test_dataloader = {{_base_.coco_loader}}
val_evaluator = test_evaluator = {{_base_.coco_evaluator}}
default_hooks = {{_base_.guard}}
