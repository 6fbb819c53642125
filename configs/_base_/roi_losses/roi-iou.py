# An IoU-type loss compares boxes, hence reg_decoded_bbox. Its weight is 10, MMDetection's figure:
# the RoI head divides by all sampled RoIs, of which few are positive, and an IoU loss is at most 1
# or 2 where a delta (divided by its standard deviation of 0.1 or 0.2) is off by several.
bbox_head = dict(reg_decoded_bbox=True, loss_bbox=dict(type="IoULoss", loss_weight=10.0))
