"""MMDetection's Faster R-CNN on whatever ops there are: of mmeiou without compiled ones."""

import torch
from mmdet.registry import MODELS
from mmdet.structures import DetDataSample
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.structures import InstanceData

# a smaller backbone to save time; all that uses ops is as in the original
CONFIG = """
_base_ = "mmdet::faster_rcnn/faster-rcnn_r50_fpn_1x_coco.py"
model = dict(
    backbone=dict(depth=18, init_cfg=None),
    neck=dict(in_channels=[64, 128, 256, 512]),
    roi_head=dict(bbox_head=dict(num_classes=3)),
)
"""


def test_trains_and_predicts():
    torch.manual_seed(0)
    init_default_scope("mmdet")
    model = MODELS.build(Config.fromstring(CONFIG, ".py").model)
    sample = DetDataSample(
        metainfo={"img_shape": (320, 320), "ori_shape": (640, 640), "scale_factor": (0.5, 0.5)}
    )
    sample.gt_instances = InstanceData(
        bboxes=torch.tensor([[10.0, 20, 200, 180], [100, 50, 150, 300]]),
        labels=torch.tensor([0, 2]),
    )
    image = torch.randint(256, (3, 320, 320), dtype=torch.uint8)
    data = {"inputs": [image], "data_samples": [sample]}

    batch = model.data_preprocessor(data, training=True)
    loss, _ = model.parse_losses(model(**batch, mode="loss"))
    loss.backward()
    trainable = [p for p in model.parameters() if p.requires_grad]
    assert all(p.grad is not None and p.grad.isfinite().all() for p in trainable)
    assert model.roi_head.bbox_head.shared_fcs[0].weight.grad.any()
    assert model.neck.lateral_convs[0].conv.weight.grad.any()

    model.eval()
    for nms in ("nms", "soft_nms"):
        model.roi_head.test_cfg.nms = {"type": nms, "iou_threshold": 0.5}
        with torch.no_grad():
            prediction = model.test_step(data)[0].pred_instances
        assert len(prediction) == 100
        assert prediction.bboxes.isfinite().all()
        assert (prediction.scores[:-1] >= prediction.scores[1:]).all()
        assert prediction.bboxes.max() > 320, "not rescaled to the original image"
