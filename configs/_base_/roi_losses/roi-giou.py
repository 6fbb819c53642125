# Weight: see roi-iou.py.
bbox_head = dict(reg_decoded_bbox=True, loss_bbox=dict(type="GIoULoss", loss_weight=10.0))
