# Unprefixed types are MMDetection's; ours say `mmeiou.`.
default_scope = "mmdet"

default_hooks = dict(
    timer=dict(type="IterTimerHook"),
    logger=dict(type="LoggerHook", interval=50),
    param_scheduler=dict(type="ParamSchedulerHook"),
    checkpoint=dict(
        type="mmeiou.CheckpointHook",
        interval=10,
        max_keep_ckpts=3,
        save_best="auto",
        rule="greater",
    ),
    sampler_seed=dict(type="DistSamplerSeedHook"),
    visualization=dict(type="DetVisualizationHook"),
    # Refuses a checkpoint that does not fit the model, instead of loading what happens to match.
    checkpoint_guard=dict(type="mmeiou.CheckpointGuardHook"),
    # Skips steps whose loss or gradient is NaN or infinite; so many in a row end the training.
    nan_guard=dict(type="mmeiou.NaNGuardHook", stop_after=10),
    # SIGTERM, SIGINT, SIGUSR1: saves behind the current step and exits with 75.
    stop=dict(type="mmeiou.StopHook"),
    # A resumed run ends with the weights of an uninterrupted one, and makes up for a
    # validation that was cut short.
    exact_resume=dict(type="mmeiou.ExactResumeHook"),
    resume_validation=dict(type="mmeiou.ResumeValidationHook"),
    # On the CPU: activations are not mapped anew from the system at every step. The process keeps
    # its peak of memory until it ends; default_hooks.reuse_memory.enable=False refuses that.
    reuse_memory=dict(type="mmeiou.ReuseMemoryHook", enable=True),
)

env_cfg = dict(
    cudnn_benchmark=False,
    mp_cfg=dict(mp_start_method="fork", opencv_num_threads=0),
    # Seconds after which a process that waits for one that died or hangs ends with an error. Longer
    # than the first process takes for the metric of a validation.
    dist_cfg=dict(backend="nccl", timeout=600),
)

# MMEIOU_TENSORBOARD=1 mim train mmeiou ... writes for TensorBoard, too (pip install tensorboard).
vis_backends = [dict(type="LocalVisBackend")]
vis_backends += [dict(type="TensorboardVisBackend")] * int("{{$MMEIOU_TENSORBOARD:0}}")
visualizer = dict(type="DetLocalVisualizer", vis_backends=vis_backends, name="visualizer")
log_processor = dict(type="LogProcessor", window_size=50, by_epoch=True)

log_level = "INFO"
load_from = None
resume = False
