"""Eight-bit integers for exported detectors, by ONNX Runtime's quantizer and by measurement."""
