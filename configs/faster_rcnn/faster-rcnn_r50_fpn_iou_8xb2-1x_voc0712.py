_base_ = ["./faster-rcnn_r50_fpn_l1_8xb2-1x_voc0712.py", "../_base_/roi_losses/roi-iou.py"]
model = dict(roi_head=dict(bbox_head={{_base_.bbox_head}}))
