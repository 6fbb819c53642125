# Weight: MMDetection's for CIoU; otherwise see roi-iou.py.
bbox_head = dict(reg_decoded_bbox=True, loss_bbox=dict(type="CIoULoss", loss_weight=12.0))
