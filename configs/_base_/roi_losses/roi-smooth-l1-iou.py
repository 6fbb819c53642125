# The baseline's loss with the IoU-predicting head alone, to tell what each of the two gains.
bbox_head = dict(
    type="mmeiou.Shared2FCIoUBBoxHead",
    loss_bbox=dict(type="SmoothL1Loss", beta=1.0, loss_weight=1.0),
    loss_iou=dict(type="SmoothL1Loss", beta=1.0, loss_weight=1.0),
    iou_target="decoded",
    detach_iou_target=True,
    iou_fusion=0.5,
)
