_base_ = ["./faster-rcnn_mobilenet-v2_fpn_l1_1xb64-6e_voc07-256.py"]
# Weight: docs/reproduction.md.
bbox_head = dict(
    reg_decoded_bbox=True,
    loss_bbox=dict(type="CIoULoss", loss_weight=12.0),
)
model = dict(roi_head=dict(bbox_head=bbox_head))
