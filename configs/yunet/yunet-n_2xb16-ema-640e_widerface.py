_base_ = "./yunet-n_2xb16-640e_widerface.py"
custom_hooks = [
    dict(type="mmeiou.CheckpointGuardHook"),
    dict(type="EMAHook", ema_type="ExpMomentumEMA", momentum=0.0002, update_buffers=True),
]
