"""Write a YuNet as an ONNX file."""

import json
import logging
import os
import warnings
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import onnx
import onnxruntime
import torch
from torch import Tensor

from mmeiou.deploy.detection_graph import DetectionGraph
from mmeiou.deploy.yunet_graph import YuNetGraph, contract_outputs
from mmeiou.models.detectors import YuNet
from mmeiou.whole_files import replacing

OPSET = 11  # what OpenCV 4.8 to 5 load
TOLERANCE = 1e-4
_OPENCV_KEYPOINTS = 5


def export_onnx(
    model: YuNet,
    path: str | os.PathLike[str],
    size: tuple[int, int] = (640, 640),
    *,
    dynamic: bool = False,
    with_nms: bool = False,
) -> float:
    """Export a trained detector, and compare the file with it.

    Without ``with_nms``, the outputs are those of :class:`mmeiou.deploy.yunet_graph.YuNetGraph`:
    what OpenCV's ``FaceDetectorYN`` takes. With it, those of
    :class:`mmeiou.deploy.detection_graph.DetectionGraph`, with the thresholds of the model's
    ``test_cfg``. The file appears whole or not at all; the names of the classes, where the
    checkpoint has them, are in its metadata.

    Args:
        model: The detector.
        path: File to write.
        size: Width and height of the input in pixels, multiples of the largest stride.
        dynamic: Leave batch (without NMS), height and width open.
        with_nms: Decode and suppress inside the graph.

    Returns:
        Largest difference between the twelve outputs in ONNX Runtime and those of the detector.

    Raises:
        TypeError: If the model is no YuNet.
        ValueError: If ``size`` is no such multiple.
        RuntimeError: If these differ by more than 1e-4.
    """
    width, height = size
    largest = stride_of(model)
    if width <= 0 or height <= 0 or width % largest or height % largest:
        raise ValueError(f"size must be positive multiples of {largest}, got {width} x {height}")
    graph = YuNetGraph(model)
    if graph.num_classes != 1 or graph.num_keypoints != _OPENCV_KEYPOINTS:
        warnings.warn(
            f"{graph.num_classes} classes and {graph.num_keypoints} landmarks: OpenCV's "
            f"FaceDetectorYN takes 1 and {_OPENCV_KEYPOINTS}; other clients can read the file",
            stacklevel=2,
        )
    sample = torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(0)) * 255
    exported = _to_onnx(graph.eval(), sample)
    if dynamic:
        _free_dimensions(exported)
    difference = _difference(exported, model, sample)
    if not difference <= TOLERANCE:
        raise RuntimeError(
            f"the exported graph differs from the detector by {difference:.2g}, more than "
            f"{TOLERANCE}; nothing was written"
        )
    if with_nms:
        cfg = model.bbox_head.test_cfg
        most = cfg.get("max_per_img", -1)
        detection = DetectionGraph(
            graph, cfg["score_thr"], cfg["nms"]["iou_threshold"], most if most > 0 else 1 << 30
        )
        exported = _to_onnx(detection.eval(), sample, dynamic=dynamic)
    if classes := getattr(model, "dataset_meta", {}).get("classes"):
        exported.metadata_props.add(key="classes", value=json.dumps(list(classes)))
    with replacing(Path(path)) as unfinished:
        unfinished.write_bytes(exported.SerializeToString())
    return difference


def stride_of(model: YuNet) -> int:
    """The number that width and height must be multiples of.

    Raises:
        TypeError: If the model is no YuNet.
    """
    if not isinstance(model, YuNet):
        raise TypeError(f"only mmeiou.YuNet is exported here, got {type(model).__name__}")
    return int(max(model.bbox_head.strides))


def _to_onnx(
    net: YuNetGraph | DetectionGraph, sample: Tensor, *, dynamic: bool = False
) -> onnx.ModelProto:
    free: dict[str, dict[int, str]] = {}
    if isinstance(net, DetectionGraph):
        free = {name: {0: "faces"} for name in net.output_names}
        if dynamic:
            free["input"] = {2: "height", 3: "width"}
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with TemporaryDirectory() as folder, warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # of the tracer: sizes are constants here on purpose
        torch.onnx.export(
            net,
            (sample,),
            Path(folder) / "graph.onnx",
            dynamo=False,  # the newer exporter has no opset 11
            opset_version=OPSET,
            input_names=["input"],
            output_names=net.output_names,
            dynamic_axes=free,
        )
        exported = onnx.load(Path(folder) / "graph.onnx")
    onnx.checker.check_model(exported)
    return exported


def _free_dimensions(exported: onnx.ModelProto) -> None:
    """Open batch, height and width; the graph itself has no size in it but the batch of 1.

    ONNX's Reshape copies a dimension that is given as 0.
    """
    constants = {node.output[0]: node for node in exported.graph.node if node.op_type == "Constant"}
    for node in exported.graph.node:
        if node.op_type == "Reshape":
            tensor = constants[node.input[1]].attribute[0].t
            shape = onnx.numpy_helper.to_array(tensor).copy()
            shape[0] = 0
            tensor.CopyFrom(onnx.numpy_helper.from_array(shape, tensor.name))
    del exported.graph.value_info[:]
    names = ("batch", None, "height", "width")
    for value in (*exported.graph.input, *exported.graph.output):
        for axis, dim in enumerate(value.type.tensor_type.shape.dim):
            if value.name == "input":
                if names[axis]:
                    dim.dim_param = names[axis]
            elif axis < 2:  # noqa: PLR2004 - batch and priors
                dim.dim_param = names[0] if axis == 0 else f"priors_{value.name.split('_')[-1]}"
    onnx.checker.check_model(exported)


def _difference(exported: onnx.ModelProto, model: YuNet, sample: Tensor) -> float:
    session = onnxruntime.InferenceSession(
        exported.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    outputs = session.run(None, {"input": sample.numpy()})
    with torch.no_grad():
        expected = contract_outputs(model, sample.to(next(model.parameters()).device))
    return max(
        float(np.abs(output - tensor.cpu().numpy()).max())
        for output, tensor in zip(outputs, expected, strict=True)
    )
