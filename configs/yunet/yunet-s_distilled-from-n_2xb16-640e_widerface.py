# YuNet_s learns from the labels and from the released YuNet_n: docs/distillation.md.
_base_ = "./yunet-s_2xb16-640e_widerface.py"

model = dict(
    type="mmeiou.DistilledYuNet",
    teacher=dict(
        config="yunet-n_2xb16-640e_widerface.py",
        # A file or a URL. The authors' repository has it as weights/yunet_n.pth.
        checkpoint="{{$MMEIOU_TEACHER:yunet_n.pth}}",
    ),
    score_weight=1.0,  # of the divergence of the scores of all priors
    bbox_weight=5.0,  # of the teacher's boxes, as that of the labelled ones
    kps_weight=0.1,  # of its landmarks, likewise
    score_thr=0.1,  # of a box to learn from; the teacher's score weighs it
)
