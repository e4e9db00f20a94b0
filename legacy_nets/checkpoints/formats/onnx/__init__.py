"""Reads the weights, shapes and interface of ONNX models; runs no part of them."""
