_base_ = ["./retinanet_mobilenet-v2_fpn_smooth-l1_1xb64-6e_voc07-256.py"]
# Weight: docs/reproduction.md.
model = dict(
    bbox_head=dict(
        type="mmeiou.IoURetinaHead",
        reg_decoded_bbox=True,
        loss_bbox=dict(_delete_=True, type="mmeiou.EIoULoss", sot="prior", loss_weight=0.92),
        loss_iou=dict(type="SmoothL1Loss", beta=1.0, loss_weight=1.0),
        iou_target="decoded",
        detach_iou_target=True,
        iou_fusion=0.5,
    )
)
val_evaluator = dict(extras=["lrp", "tide", "calibration"])
test_evaluator = val_evaluator
