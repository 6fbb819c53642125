# The IoU branch in the place of centerness.
_base_ = "./atss_r50_fpn_eiou_8xb2-1x_coco.py"
model = dict(bbox_head=dict(type="mmeiou.IoUATSSHead", loss_bbox=dict(sot="prior")))
