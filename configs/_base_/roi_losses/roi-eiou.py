# Extended IoU with the convexification (CT). Weight: see roi-iou.py.
bbox_head = dict(reg_decoded_bbox=True, loss_bbox=dict(type="mmeiou.EIoULoss", loss_weight=10.0))
