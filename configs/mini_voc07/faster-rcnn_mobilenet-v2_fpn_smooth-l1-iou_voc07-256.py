_base_ = [
    "./faster-rcnn_mobilenet-v2_fpn_l1_voc07-256.py",
    "../_base_/roi_losses/roi-smooth-l1-iou.py",
]
model = dict(roi_head=dict(bbox_head={{_base_.bbox_head}}))
