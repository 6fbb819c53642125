"""Dense heads."""

from mmeiou.models.dense_heads.iou_atss_head import IoUATSSHead
from mmeiou.models.dense_heads.iou_fcos_head import IoUFCOSHead
from mmeiou.models.dense_heads.iou_retina_head import IoURetinaHead
from mmeiou.models.dense_heads.yunet_head import YuNetHead
from mmeiou.models.dense_heads.yunet_iou_head import YuNetIoUHead

__all__ = ["IoUATSSHead", "IoUFCOSHead", "IoURetinaHead", "YuNetHead", "YuNetIoUHead"]
