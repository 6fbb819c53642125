# A branch that predicts the IoU of each box; the score is sqrt(cls * obj * iou).
_base_ = "./yunet-n_2xb16-640e_widerface.py"
model = dict(bbox_head=dict(type="mmeiou.YuNetIoUHead"))
