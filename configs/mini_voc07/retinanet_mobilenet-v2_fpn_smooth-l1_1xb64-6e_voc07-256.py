_base_ = [
    "../_base_/models/retinanet_mobilenet-v2_fpn.py",
    "../_base_/datasets/voc07_256.py",
    "../_base_/schedules/mini_voc.py",
    "../_base_/default_runtime.py",
]
default_hooks = dict(checkpoint=dict(interval=3))
# The last convolution of MobileNetV2 and the first lateral one of the FPN lead nowhere here.
find_unused_parameters = True
