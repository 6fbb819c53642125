"""A trained detector that another one learns from."""

from typing import Any

import torch
from mmcv.cnn import fuse_conv_bn
from mmengine.config import Config
from mmengine.runner import load_checkpoint
from torch import Tensor

from mmeiou.config_files import find_config
from mmeiou.functional.finite import listed, require_finite
from mmeiou.models.dense_heads.yunet_head import YuNetHead
from mmeiou.models.dense_heads.yunet_outputs import FlatOutputs, flatten_outputs
from mmeiou.registry import MODELS


class Teacher:
    """A frozen ``mmeiou.YuNet``: in evaluation mode, without gradients, its batch norms folded.

    It is no module: weights, averages and checkpoints of the detector that holds it know nothing
    of it, and copies of that detector share it. Loading it draws no random numbers.

    Args:
        config: Of the teacher: a file, or the name of a shipped one.
        checkpoint: File or address of its weights.
    """

    def __init__(self, config: str, checkpoint: str) -> None:
        self.config = config
        self.checkpoint = checkpoint
        self._model: Any = None

    def __deepcopy__(self, memo: dict[int, Any]) -> "Teacher":
        return self

    @property
    def is_loaded(self) -> bool:
        """Whether :meth:`load` was called."""
        return self._model is not None

    def __call__(self, batch_inputs: Tensor) -> FlatOutputs:
        """What it says of ``(N, 3, H, W)`` images that its student's preprocessor prepared."""
        model = self._model.to(batch_inputs.device)
        with torch.no_grad():
            return flatten_outputs(model.bbox_head.strides, *model(batch_inputs, mode="tensor"))

    def load(self, student: Any) -> None:
        """Build it, load its weights, and compare it with the detector that is to learn from it.

        Args:
            student: A ``mmeiou.YuNet``.

        Raises:
            FileNotFoundError: If a file is missing.
            ValueError: If the weights are another model's or not finite, or if the teacher is no
                YuNet, has other strides or classes, or takes images that are prepared otherwise.
        """
        with torch.random.fork_rng(devices=[]):
            model = MODELS.build(Config.fromfile(find_config(self.config)).model)
        _require_alike(self.config, model, student)
        try:
            load_checkpoint(model, self.checkpoint, map_location="cpu", strict=True)
            require_finite(model.state_dict())
        except FileNotFoundError as error:
            raise FileNotFoundError(f"model.teacher.checkpoint: {error}") from error
        except (RuntimeError, ValueError) as error:
            problem = listed([line for line in str(error).splitlines() if line])
            raise ValueError(
                f"model.teacher.checkpoint {self.checkpoint} with config {self.config}: {problem}"
            ) from error
        model.requires_grad_(requires_grad=False)
        self._model = fuse_conv_bn(model.eval())


def _require_alike(name: str, teacher: Any, student: Any) -> None:
    """Refuse a teacher whose priors are not the student's."""
    head = getattr(teacher, "bbox_head", None)
    if not isinstance(head, YuNetHead):
        raise ValueError(  # noqa: TRY004 - the config's value is wrong, not an argument's type
            f"model.teacher.config {name}: a {type(teacher).__name__}, expected a mmeiou.YuNet"
        )
    for what, its, ours in (
        ("strides", head.strides, student.bbox_head.strides),
        ("classes", head.num_classes, student.bbox_head.num_classes),
        ("mean, deviation and channel order", _preparation(teacher), _preparation(student)),
    ):
        if its != ours:
            raise ValueError(
                f"model.teacher.config {name}: {what} {its}, but the student's are {ours}; they "
                "have to be the same"
            )


def _preparation(model: Any) -> Any:
    preprocessor = model.data_preprocessor
    normalised = preprocessor._enable_normalize  # noqa: SLF001 - have no other names
    return (
        preprocessor._channel_conversion,  # noqa: SLF001
        [getattr(preprocessor, key).flatten().tolist() for key in ("mean", "std") if normalised],
    )
