"""Networks as they are run for reading: by PyTorch, ONNX Runtime or OpenVINO."""
