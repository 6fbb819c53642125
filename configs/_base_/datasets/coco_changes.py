# What this package changes in MMDetection's COCO configs: where the data are, and the metric.
#   MMEIOU_COCO=/somewhere/coco/ mim train mmeiou ...
coco_root = "{{$MMEIOU_COCO:data/coco/}}"
coco_loader = dict(dataset=dict(data_root=coco_root))
# One run gives AP and AP50 to AP90 (coco/bbox_mAP, coco/bbox_mAP_50, ...).
coco_evaluator = dict(
    type="mmeiou.CocoStrictMetric", ann_file=coco_root + "/annotations/instances_val2017.json"
)
guard = dict(
    checkpoint=dict(save_best="auto", rule="greater"),
    # See default_runtime.py.
    checkpoint_guard=dict(type="mmeiou.CheckpointGuardHook"),
    exact_resume=dict(type="mmeiou.ExactResumeHook"),
    resume_validation=dict(type="mmeiou.ResumeValidationHook"),
)
