_base_ = ["mmdet::_base_/datasets/coco_detection.py", "./coco_changes.py"]
train_dataloader = {{_base_.coco_loader}}
val_dataloader = {{_base_.coco_loader}}
test_dataloader = {{_base_.coco_loader}}
val_evaluator = {{_base_.coco_evaluator}}
test_evaluator = {{_base_.coco_evaluator}}
