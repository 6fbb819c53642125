"""Detectors from a config and a checkpoint, run through MMDetection."""

import math
from collections.abc import Sequence
from os import PathLike

import torch
from mmdet.structures import DetDataSample
from mmengine.config import Config

from mmeiou.apis.candidates import Candidates
from mmeiou.apis.images import Image
from mmeiou.config import load_detector, read_config
from mmeiou.models import YuNet, onnx_network


class TorchBackend:
    """A ``mmeiou.YuNet``; its data preprocessor normalises and pads.

    Args:
        config: Config of the model, or its file.
        checkpoint: Weights that fit the model exactly.
        device: What :class:`torch.device` takes.
        onnx_runtime: Let ONNX Runtime run the network, if it is installed and the device is the
            CPU; see :mod:`mmeiou.models.onnx_network`.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If the model is another detector, or the checkpoint another model's.
    """

    fixed_size: tuple[int, int] | None = None

    def __init__(
        self,
        config: Config | str | PathLike[str],
        checkpoint: str | PathLike[str],
        device: str,
        *,
        onnx_runtime: bool = False,
    ) -> None:
        if not isinstance(config, Config):
            config = read_config(config)
        model = load_detector(config, checkpoint)
        if not isinstance(model, YuNet):
            raise ValueError(  # noqa: TRY004 - the config's value is wrong, not an argument's type
                f"FaceDetector runs mmeiou.YuNet, not {type(model).__name__}; use MMDetection's "
                "DetInferencer for other detectors"
            )
        self.model = model.to(device)
        on_cpu = next(model.parameters()).device.type == "cpu"
        if onnx_runtime and on_cpu and onnx_network.available():
            onnx_network.run_by_onnx_runtime(model)
        preprocessor = model.data_preprocessor
        self.classes = tuple(model.dataset_meta.get("classes", ()))
        self.divisor = math.lcm(preprocessor.pad_size_divisor, *model.bbox_head.strides)
        preprocessor.pad_size_divisor = self.divisor

    @torch.inference_mode()
    def __call__(self, images: Sequence[Image], score_thr: float) -> list[Candidates]:
        """What the network proposes; see :class:`mmeiou.apis.exported.ExportedBackend`."""
        samples = [DetDataSample(metainfo={"img_shape": image.shape[:2]}) for image in images]
        pixels = [torch.from_numpy(image.transpose(2, 0, 1)) for image in images]
        data = self.model.data_preprocessor({"inputs": pixels, "data_samples": samples})
        proposals = self.model.bbox_head.predict_by_feat(
            *self.model(data["inputs"], mode="tensor"),
            batch_img_metas=[sample.metainfo for sample in samples],
            cfg={"score_thr": score_thr},
            with_nms=False,
        )
        return [
            Candidates(
                found.bboxes,
                found.scores,
                found.get("keypoints", found.bboxes.new_zeros(len(found), 0, 2)),
                found.labels,
            )
            for found in proposals
        ]
