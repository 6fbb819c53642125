# The smaller one from its released weights.
_base_ = [
    "../_base_/models/yunet-s.py",
    "../_base_/datasets/own_faces.py",
    "../_base_/schedules/yunet_finetune_8e.py",
]

load_from = "{{$MMEIOU_WEIGHTS:yunet_s.pth}}"
