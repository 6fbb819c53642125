# The box loss times the union over the area of the face, as the authors' trainings before 2022-10
# had it over the area of the prior. Their priors were anchors of the size of faces; YuNet's are
# points, whose cells are so much smaller that sot="prior" would make the loss ten times larger.
_base_ = "./yunet-n_2xb16-640e_widerface.py"
model = dict(bbox_head=dict(loss_bbox=dict(sot="target")))
# A box far from a small face has a loss of millions, from which a training may not recover.
optim_wrapper = dict(clip_grad=dict(max_norm=35.0))
