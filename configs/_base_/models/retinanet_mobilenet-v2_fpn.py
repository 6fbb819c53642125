# RetinaNet small enough for images of 256 pixels on a processor: MobileNetV2, an FPN of 64
# channels, two convolutions a branch, anchors of 24 to 305 pixels.
_base_ = "./faster-rcnn_mobilenet-v2_fpn.py"
model = dict(
    _delete_=True,
    type="RetinaNet",
    data_preprocessor={{_base_.model.data_preprocessor}},
    backbone={{_base_.model.backbone}},
    neck=dict(
        type="FPN",
        in_channels=[24, 32, 96, 320],
        out_channels=64,
        start_level=1,  # strides 8, 16, 32
        add_extra_convs="on_output",  # and 64
        num_outs=4,
        norm_cfg={{_base_.norm}},
    ),
    bbox_head=dict(
        type="RetinaHead",
        num_classes=20,
        in_channels=64,
        feat_channels=64,
        stacked_convs=2,
        norm_cfg={{_base_.norm}},
        anchor_generator=dict(
            type="AnchorGenerator",
            octave_base_scale=3,
            scales_per_octave=3,
            ratios=[0.5, 1.0, 2.0],
            strides=[8, 16, 32, 64],
        ),
        bbox_coder=dict(type="DeltaXYWHBBoxCoder"),
        loss_cls=dict(type="FocalLoss", use_sigmoid=True, gamma=2.0, alpha=0.25),
        loss_bbox=dict(type="SmoothL1Loss", beta=0.11, loss_weight=1.0),  # of RetinaNet's paper
    ),
    train_cfg=dict(
        assigner=dict(type="MaxIoUAssigner", pos_iou_thr=0.5, neg_iou_thr=0.4, min_pos_iou=0),
        sampler=dict(type="PseudoSampler"),
        allowed_border=-1,
        pos_weight=-1,
    ),
    test_cfg=dict(
        nms_pre=300,
        min_bbox_size=0,
        score_thr=0.05,
        nms=dict(type="nms", iou_threshold=0.5),
        max_per_img=100,
    ),
)
