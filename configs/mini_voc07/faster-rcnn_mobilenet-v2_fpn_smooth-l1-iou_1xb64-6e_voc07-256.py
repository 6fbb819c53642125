_base_ = ["./faster-rcnn_mobilenet-v2_fpn_l1_1xb64-6e_voc07-256.py"]
# Weight: docs/reproduction.md.
bbox_head = dict(
    type="mmeiou.Shared2FCIoUBBoxHead",
    loss_bbox=dict(type="SmoothL1Loss", beta=1.0, loss_weight=2.0),
    loss_iou=dict(type="SmoothL1Loss", beta=1.0, loss_weight=1.0),
    iou_target="decoded",
    detach_iou_target=True,
    iou_fusion=0.5,
)
model = dict(roi_head=dict(bbox_head=bbox_head))
val_evaluator = dict(extras=["lrp", "tide", "calibration"])
test_evaluator = val_evaluator
