"""Packaging of legacy_nets; tool settings are in pyproject.toml."""

import pathlib
import re

from setuptools import find_packages, setup

here = pathlib.Path(__file__).parent
version = re.search(r'__version__ = "(.+)"', (here / "legacy_nets/__init__.py").read_text())

setup(
    name="legacy-nets",
    version=version.group(1),
    description="TensorFlow 1 networks, scripts and checkpoints on today's TensorFlow",
    long_description=(here / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    packages=find_packages(include=["legacy_nets", "legacy_nets.*"]),
    package_data={"legacy_nets": ["py.typed", "documents/data/*.csv"]},
    python_requires=">=3.10,<3.14",
    install_requires=[
        "tensorflow>=2.21,<2.22",
        "tf_keras>=2.21,<2.22",
        "tf-slim>=1.1,<1.2",
        "tensorflow-estimator==2.15.0",  # tf.estimator, which TensorFlow itself has dropped
        "numpy>=1.26,<3",
        "h5py>=3.11,<4",
        "google-crc32c>=1.6,<2",
        "pillow>=10,<14",
        "matplotlib>=3.8,<4",
        "click>=8.1,<9",
        "rich>=13,<16",
        "tensorboard>=2.20,<2.22",
    ],
    extras_require={
        "clips": ["av>=12"],  # reads video files
        "onnx": ["onnx>=1.19", "onnxruntime>=1.20", "tf2onnx>=1.17,<1.18"],
        "torch": ["torch>=2.1", "torchvision>=0.16", "safetensors>=0.4,<1"],  # runs both sides
        "upgrade": ["libcst>=1.8,<2"],
        "distributions": ["tensorflow-probability>=0.25"],  # tf.contrib.distributions, the rest
        "test": [
            "av>=12",
            "libcst>=1.8,<2",
            "onnx>=1.19",
            "onnxruntime>=1.20",
            "tf2onnx>=1.17,<1.18",
            "safetensors>=0.4,<1",
            "pytest>=8,<10",
            "pytest-xdist>=3.5,<4",
            "ruff>=0.11,<1",
            "mypy>=1.11,<3",
        ],
    },
    entry_points={"console_scripts": ["legacy-nets=legacy_nets.cli:main"]},
)
