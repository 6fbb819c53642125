# Extended IoU with CT and steady optimization (SOT) in the original frame, the proposal's area. The
# head is MMDetection's but for handing these areas to the loss: loss_iou=None, no IoU branch.
bbox_head = dict(
    type="mmeiou.Shared2FCIoUBBoxHead",
    reg_decoded_bbox=True,
    loss_bbox=dict(type="mmeiou.EIoULoss", sot="prior", loss_weight=10.0),
    loss_iou=None,
)
