_base_ = ["mmdet::_base_/datasets/coco_instance.py", "./coco_changes.py"]
train_dataloader = val_dataloader = test_dataloader = {{_base_.coco_loader}}
val_evaluator = test_evaluator = {{_base_.coco_evaluator}}
