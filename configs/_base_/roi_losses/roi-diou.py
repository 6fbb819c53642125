# Weight: see roi-iou.py; MMDetection has no DIoU config, so that GIoU's is taken.
bbox_head = dict(reg_decoded_bbox=True, loss_bbox=dict(type="DIoULoss", loss_weight=10.0))
