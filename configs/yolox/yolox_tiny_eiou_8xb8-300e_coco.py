_base_ = ["mmdet::yolox/yolox_tiny_8xb8-300e_coco.py", "../_base_/datasets/coco_changes.py"]
# In the place of the squared IoU loss, at its weight and reduction (the head divides the sum by the
# positives); on decoded boxes in pixels. The eps of 1e-16 there is not for EIoU: hence _delete_.
model = dict(
    bbox_head=dict(
        loss_bbox=dict(_delete_=True, type="mmeiou.EIoULoss", reduction="sum", loss_weight=5.0)
    )
)
train_dataloader = dict(dataset={{_base_.coco_loader}})  # mosaic is one dataset around another
val_dataloader = test_dataloader = {{_base_.coco_loader}}
val_evaluator = test_evaluator = {{_base_.coco_evaluator}}
default_hooks = {{_base_.guard}}
