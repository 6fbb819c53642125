# YuNet_n, 75,856 parameters.
model = dict(
    type="mmeiou.YuNet",
    data_preprocessor=dict(
        type="mmeiou.DetDataPreprocessor",  # BGR, 0-255, no mean, no standard deviation
        pad_size_divisor=32,
    ),
    backbone=dict(
        type="mmeiou.YuNetBackbone",
        stage_channels=((3, 16, 16), (16, 64), (64, 64), (64, 64), (64, 64), (64, 64)),
        downsample_idx=(0, 2, 3, 4),
        out_idx=(3, 4, 5),
    ),
    neck=dict(type="mmeiou.TFPN", in_channels=(64, 64, 64)),
    bbox_head=dict(
        type="mmeiou.YuNetHead",
        num_classes=1,
        in_channels=64,
        feat_channels=64,
        num_keypoints=5,
        shared_stacked_convs=1,
        stacked_convs=0,
        strides=(8, 16, 32),
        loss_cls=dict(type="CrossEntropyLoss", use_sigmoid=True, loss_weight=1.0),
        loss_obj=dict(type="CrossEntropyLoss", use_sigmoid=True, loss_weight=1.0),
        loss_bbox=dict(type="mmeiou.EIoULoss", smooth_point=0.1, loss_weight=5.0),
        loss_kps=dict(type="SmoothL1Loss", beta=1 / 9, loss_weight=0.1),
    ),
    train_cfg=dict(
        assigner=dict(
            type="mmeiou.SimOTAAssigner",
            center_radius=2.5,
            candidate_topk=10,
            iou_weight=3.0,
            cls_weight=1.0,
        )
    ),
    test_cfg=dict(
        score_thr=0.02, nms=dict(type="nms", iou_threshold=0.45), nms_pre=-1, max_per_img=-1
    ),
)
