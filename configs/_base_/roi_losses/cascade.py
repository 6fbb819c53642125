# The three box heads of MMDetection's Cascade R-CNN with an IoU-type loss. A list replaces a list
# as a whole, so that they are stated in full, each variant made from the same terms.
# Weight: see roi-iou.py; stage_loss_weights (1, 0.5, 0.25) multiply it.
cascade_eiou, cascade_eiou_sot_iou = (
    [
        dict(
            type=head_type,
            in_channels=256,
            fc_out_channels=1024,
            roi_feat_size=7,
            num_classes=80,
            bbox_coder=dict(type="DeltaXYWHBBoxCoder", target_stds=stds),
            reg_class_agnostic=True,
            reg_decoded_bbox=True,
            loss_cls=dict(type="CrossEntropyLoss"),
            loss_bbox=dict(type="mmeiou.EIoULoss", sot=sot, loss_weight=10.0),
        )
        for stds in (
            [0.1, 0.1, 0.2, 0.2],
            [0.05, 0.05, 0.1, 0.1],
            [0.033, 0.033, 0.067, 0.067],
        )
    ]
    for head_type, sot in (("Shared2FCBBoxHead", None), ("mmeiou.Shared2FCIoUBBoxHead", "prior"))
)
