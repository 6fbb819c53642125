"""Everything after a checkpoint: ONNX for OpenCV and ONNX Runtime."""
