# The IoU branch in the place of centerness.
_base_ = "./fcos_r50-caffe_fpn_eiou_8xb2-1x_coco.py"
model = dict(bbox_head=dict(type="mmeiou.IoUFCOSHead"))
