"""From an exported ``.onnx`` file to other runtimes, by the converters of these."""
