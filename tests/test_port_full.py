"""Every net of the registry at full size, to every target: hours, asked by LEGACY_NETS_FULL."""

from __future__ import annotations

import shutil

import pytest
from port_cases import ALL_SIZES
from port_cases import job
from port_cases import save

import legacy_nets
from legacy_nets.errors import BadInputError
from legacy_nets.port import frozen
from legacy_nets.port.job import port
from legacy_nets.port.targets import TARGETS

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not ALL_SIZES, reason="hours: make test-slow asks for it"),
]
ENDINGS = {"saved_model": "", "frozen": ".pb", "torch": ".pth"}  # others: their target's name


@pytest.fixture(scope="module", params=legacy_nets.list_nets())
def net(request, tmp_path_factory):
    """(name, prefix of a checkpoint at full size): written once for all targets."""
    folder = tmp_path_factory.mktemp(request.param)
    yield request.param, save(folder, request.param, num_classes=classes(request.param))
    shutil.rmtree(folder)  # up to 2.6 GB


def classes(name):
    return legacy_nets.get_net(name).classes


@pytest.mark.parametrize("target", TARGETS)
def test_every_net_at_full_size(net, target, tmp_path):
    name, prefix = net
    out = tmp_path / f"x{ENDINGS.get(target, '.' + target)}"
    given = job(prefix, name, target, out, num_classes=classes(name))
    size = 4 * legacy_nets.get_net(name).parameters
    try:
        if target in ("frozen", "onnx") and size > frozen.LARGEST:  # ViT-H
            with pytest.raises(BadInputError, match="do not fit in a graph"):
                port(given)
        else:
            report = port(given)
            assert report.passed, report.verdict()
    finally:
        shutil.rmtree(tmp_path)
