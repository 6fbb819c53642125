"""The face detector, taught by labels and by another one."""

from typing import Any

from mmdet.models.utils import unpack_gt_instances
from mmdet.utils import reduce_mean
from torch import Tensor
from torch.nn.functional import smooth_l1_loss

from mmeiou.functional.distillation import score_divergence, teacher_weights
from mmeiou.functional.eiou_loss import eiou_loss
from mmeiou.models.dense_heads.yunet_outputs import FlatOutputs, flatten_outputs
from mmeiou.models.detectors.teacher import Teacher
from mmeiou.models.detectors.yunet import YuNet
from mmeiou.registry import MODELS


@MODELS.register_module()
class DistilledYuNet(YuNet):
    """A ``YuNet`` with losses that pull it towards a trained one, prior by prior.

    Everything but the training is YuNet's: parameters, checkpoints and predictions are the same,
    and the teacher's files are read when a training begins. To the head's losses are added, summed
    over the batch and divided by the sum of the teacher's weights ``w``, its scores above
    ``score_thr``:

    - ``loss_teacher_score`` on all priors:
      :func:`mmeiou.functional.distillation.score_divergence`;
    - ``loss_teacher_bbox``: ``w`` times the extended IoU loss against the teacher's box;
    - ``loss_teacher_kps``: ``w`` times smooth L1 against its landmarks, in strides; if both heads
      have as many landmarks.

    Labels are not asked for: a picture whose one label is an ignored region over all of it learns
    from the teacher alone.

    Args:
        *args: Of ``YuNet``.
        teacher: ``config``, a file or the name of a shipped one, and ``checkpoint`` of a trained
            ``mmeiou.YuNet`` of the same classes and strides. None trains by the labels alone.
        score_weight: Factor of ``loss_teacher_score``.
        bbox_weight: Factor of ``loss_teacher_bbox``.
        kps_weight: Factor of ``loss_teacher_kps``.
        score_thr: Smallest score, class times objectness, of a box to learn from.
        **kwargs: Of ``YuNet``.

    Raises:
        ValueError: If a factor is negative or ``score_thr`` not in (0, 1).
    """

    def __init__(
        self,
        *args: Any,
        teacher: dict[str, str] | None = None,
        score_weight: float = 1.0,
        bbox_weight: float = 5.0,
        kps_weight: float = 0.1,
        score_thr: float = 0.1,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        weights = {"score": score_weight, "bbox": bbox_weight, "kps": kps_weight}
        for name, weight in weights.items():
            if not weight >= 0:
                raise ValueError(f"{name}_weight must be at least 0, got {weight}")
        if not 0 < score_thr < 1:
            raise ValueError(f"score_thr must be in (0, 1), got {score_thr}")
        self.teacher = Teacher(**teacher) if teacher else None
        self.loss_weights = weights
        self.score_thr = score_thr

    def init_weights(self) -> None:
        """Initialise, and load the teacher: before a training begins, not in its first step."""
        super().init_weights()
        if self.teacher is not None and not self.teacher.is_loaded:
            self.teacher.load(self)

    def loss(self, batch_inputs: Tensor, batch_data_samples: Any) -> dict[str, Tensor]:
        """Losses of the head, then those of the teacher.

        Args:
            batch_inputs: ``(N, 3, H, W)``.
            batch_data_samples: Of the images, with ``gt_instances`` and ``ignored_instances``.
        """
        maps = self.bbox_head(self.extract_feat(batch_inputs))
        instances, ignored, metas = unpack_gt_instances(batch_data_samples)
        losses: dict[str, Tensor] = self.bbox_head.loss_by_feat(*maps, instances, metas, ignored)
        if self.teacher is None:
            return losses
        if not self.teacher.is_loaded:
            self.teacher.load(self)
        student = flatten_outputs(self.bbox_head.strides, *maps)
        return losses | self._teacher_losses(student, self.teacher(batch_inputs))

    def _teacher_losses(self, student: FlatOutputs, teacher: FlatOutputs) -> dict[str, Tensor]:
        weights = teacher_weights(teacher.cls, teacher.obj, self.score_thr)
        total = reduce_mean(weights.sum()).clamp(min=1)
        seen = weights > 0
        weight = weights[seen]
        divergence = score_divergence(student.cls, student.obj, teacher.cls, teacher.obj)
        boxes = eiou_loss(student.bboxes[seen], teacher.bboxes[seen])
        sums = {"score": divergence.sum(), "bbox": (weight * boxes).sum()}
        if student.kps.shape == teacher.kps.shape and self.bbox_head.num_keypoints:
            points = smooth_l1_loss(
                student.kps[seen], teacher.kps[seen], beta=1 / 9, reduction="none"
            )
            sums["kps"] = (weight.unsqueeze(1) * points).sum()
        return {
            f"loss_teacher_{name}": self.loss_weights[name] * value / total
            for name, value in sums.items()
        }
