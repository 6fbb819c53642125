# The paper's baseline: smooth-L1 with beta 1 on encoded deltas, as in Fast R-CNN.
bbox_head = dict(loss_bbox=dict(type="SmoothL1Loss", beta=1.0, loss_weight=1.0))
