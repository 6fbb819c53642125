_base_ = "./yunet-n_2xb16-640e_widerface.py"
optim_wrapper = dict(type="AmpOptimWrapper", loss_scale="dynamic")
