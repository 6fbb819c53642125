# The released YuNet_s, and its smaller crops. It is the model that OpenCV Zoo ships as
# face_detection_yunet_2023mar.
_base_ = [
    "../_base_/models/yunet-s.py",
    "../_base_/datasets/widerface.py",
    "../_base_/schedules/yunet_640e.py",
    "../_base_/yunet_runtime.py",
]

train_pipeline = _base_.train_pipeline
train_pipeline[2].update(crop_choice=(0.3, 0.45, 0.6, 0.8, 1.0))
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
