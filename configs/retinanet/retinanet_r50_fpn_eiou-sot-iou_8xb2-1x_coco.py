_base_ = "./retinanet_r50_fpn_eiou_8xb2-1x_coco.py"
model = dict(bbox_head=dict(type="mmeiou.IoURetinaHead", loss_bbox=dict(sot="prior")))
