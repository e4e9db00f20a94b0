"""Evaluation pixels equal what torchvision's presets compute, live where it is installed."""

import subprocess

import numpy as np
import pytest

from legacy_nets.data.preprocessing import crop_and_resize, scale_pixels

ASK = """
import sys
import numpy as np
import torch
from PIL import Image
from torchvision.transforms._presets import ImageClassification, VideoClassification
picture = np.load(sys.argv[1])
image = ImageClassification(crop_size=224)(Image.fromarray(picture))
clip = torch.from_numpy(picture).permute(2, 0, 1)[None]
clip = VideoClassification(crop_size=(112, 112), resize_size=(128, 171))(clip)[:, 0]
np.savez(sys.argv[2], imagenet=image.permute(1, 2, 0), kinetics=clip.permute(1, 2, 0))
"""


@pytest.mark.slow
@pytest.mark.parametrize("shape", [(300, 401), (401, 300), (90, 130)])
def test_torchvision_presets(torch_python, tmp_path, shape):
    picture = np.random.RandomState(0).randint(0, 256, (*shape, 3)).astype(np.uint8)
    np.save(tmp_path / "in.npy", picture)
    paths = [str(tmp_path / "in.npy"), str(tmp_path / "out.npz")]
    subprocess.run([torch_python, "-c", ASK, *paths], check=True, capture_output=True)
    want = np.load(tmp_path / "out.npz")
    for kind, side in (("imagenet", 224), ("kinetics", 112)):
        got = scale_pixels(crop_and_resize(picture, kind, side, side), kind)
        np.testing.assert_allclose(got, want[kind], atol=1e-5, err_msg=kind)
