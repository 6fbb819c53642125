"""Everything after a checkpoint: ONNX, INT8, other runtimes, the browser's page, C++ data."""
