# The released YuNet_n.
_base_ = [
    "../_base_/models/yunet-n.py",
    "../_base_/datasets/widerface.py",
    "../_base_/schedules/yunet_640e.py",
    "../_base_/yunet_runtime.py",
]
