_base_ = ["./retinanet_mobilenet-v2_fpn_smooth-l1_1xb64-6e_voc07-256.py"]
# Weight: docs/reproduction.md.
model = dict(
    bbox_head=dict(
        reg_decoded_bbox=True,
        loss_bbox=dict(_delete_=True, type="GIoULoss", loss_weight=1.1),
    )
)
