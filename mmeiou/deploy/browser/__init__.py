"""A page that finds faces in a browser, by an exported model and ONNX Runtime Web."""
