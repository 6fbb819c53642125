_base_ = "./yunet-n_2xb16-640e_widerface.py"
custom_hooks = [dict(type="EMAHook", ema_type="ExpMomentumEMA", update_buffers=True)]
