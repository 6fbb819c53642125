_base_ = "./mask-rcnn_r50_fpn_eiou_8xb2-1x_coco.py"
model = dict(
    roi_head=dict(bbox_head=dict(type="mmeiou.Shared2FCIoUBBoxHead", loss_bbox=dict(sot="prior")))
)
