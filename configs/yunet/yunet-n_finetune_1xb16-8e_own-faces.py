# One's own faces from the released weights: docs/finetuning.md.
_base_ = [
    "../_base_/models/yunet-n.py",
    "../_base_/datasets/own_faces.py",
    "../_base_/schedules/yunet_finetune_8e.py",
]

# A file or a URL. The authors' repository has both as weights/yunet_{n,s}.pth.
load_from = "{{$MMEIOU_WEIGHTS:yunet_n.pth}}"
