# The full method: Extended IoU with CT and SOT, and the IoU-predicting head.
bbox_head = dict(
    type="mmeiou.Shared2FCIoUBBoxHead",
    reg_decoded_bbox=True,
    loss_bbox=dict(type="mmeiou.EIoULoss", sot="prior", loss_weight=10.0),
    loss_iou=dict(type="SmoothL1Loss", beta=1.0, loss_weight=1.0),
    iou_target="decoded",  # of the box predicted at this moment,
    detach_iou_target=True,  # which loss_iou does not move
    iou_fusion=0.5,  # score = sqrt(cls * iou), before NMS
)
