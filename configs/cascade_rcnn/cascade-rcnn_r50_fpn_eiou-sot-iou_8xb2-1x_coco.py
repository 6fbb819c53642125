_base_ = "./cascade-rcnn_r50_fpn_eiou_8xb2-1x_coco.py"
model = dict(roi_head=dict(bbox_head={{_base_.cascade_eiou_sot_iou}}))
