"""PyTorch files, written here by hand (and by PyTorch where LEGACY_NETS_TORCH names a Python)."""

from __future__ import annotations

import io
import os
import pickle
import subprocess
import sys
import types
import zipfile
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest

from legacy_nets.checkpoints.open import open_weights
from legacy_nets.errors import CheckpointError

MAGIC, VERSION = 0x1950A86A20F9469CFC6C, 1001
STORAGES = {
    **{"float32": "FloatStorage", "float64": "DoubleStorage", "float16": "HalfStorage"},
    **{"int64": "LongStorage", "int32": "IntStorage", "int16": "ShortStorage"},
    **{"int8": "CharStorage", "uint8": "ByteStorage", "bool": "BoolStorage"},
    **{"complex64": "ComplexFloatStorage", "complex128": "ComplexDoubleStorage"},
}


class _Storage:
    """Stands for a storage in the pickles below: a row of values under a key."""

    def __init__(self, key: str, values: np.ndarray, length: int | None = None) -> None:
        self.key, self.values = key, values
        self.length = values.size if length is None else length


def _stub(module: str, name: str):
    def function(*_):
        raise AssertionError("only pickled by name")

    function.__module__, function.__qualname__, function.__name__ = module, name, name
    return function


@pytest.fixture(scope="module", autouse=True)
def torch_stubs():
    """Modules of PyTorch's names, as far as pickles name them; gone after the tests."""
    torch, utils = types.ModuleType("torch"), types.ModuleType("torch._utils")
    for name in (*STORAGES.values(), "BFloat16Storage"):
        setattr(torch, name, _stub("torch", name))
    for name in ("_rebuild_tensor_v2", "_rebuild_parameter"):
        setattr(utils, name, _stub("torch._utils", name))
    before = {name: sys.modules.get(name) for name in ("torch", "torch._utils")}
    sys.modules |= {"torch": torch, "torch._utils": utils}
    yield
    for name, module in before.items():
        sys.modules.pop(name)
        if module is not None:
            sys.modules[name] = module


class _Tensor:
    """Pickles as a torch.Tensor: a view of a storage."""

    def __init__(self, storage, shape=None, strides=None, offset=0, parameter=False) -> None:
        if shape is None:
            shape = storage.values.shape
        if strides is None:
            strides = tuple(int(np.prod(shape[at + 1 :])) for at in range(len(shape)))
        self.arguments = (storage, offset, tuple(shape), tuple(strides), False, OrderedDict())
        self.parameter = parameter

    def __reduce__(self):
        utils = sys.modules["torch._utils"]
        if self.parameter:
            plain = _Tensor(self.arguments[0], *self.arguments[2:4], self.arguments[1])
            return utils._rebuild_parameter, (plain, True, OrderedDict())
        return utils._rebuild_tensor_v2, self.arguments


def _pickled(root, storages: dict[str, _Storage], protocol=2, legacy=False) -> bytes:
    class Pickler(pickle.Pickler):
        def persistent_id(self, item):
            if not isinstance(item, _Storage):
                return None
            storages[item.key] = item
            dtype = item.values.dtype.name
            name = "BFloat16Storage" if dtype == "uint16" else STORAGES[dtype]
            storage_type = getattr(sys.modules["torch"], name)
            persistent_id = ("storage", storage_type, item.key, "cpu", item.length)
            return (*persistent_id, None) if legacy else persistent_id

    out = io.BytesIO()
    Pickler(out, protocol).dump(root)
    return out.getvalue()


def _write_zip(path: Path, root, pack=zipfile.ZIP_STORED, order=b"little", **options) -> Path:
    storages: dict[str, _Storage] = {}
    data = _pickled(root, storages, **options)
    with zipfile.ZipFile(path, "w", pack) as archive:
        archive.writestr("archive/data.pkl", data)
        archive.writestr("archive/byteorder", order)
        for key, storage in storages.items():
            archive.writestr(f"archive/data/{key}", storage.values.tobytes())
        archive.writestr("archive/version", "3\n")
    return path


def _write_legacy(path: Path, root) -> Path:
    storages: dict[str, _Storage] = {}
    data = _pickled(root, storages, legacy=True)
    head = [pickle.dumps(item, 2) for item in (MAGIC, VERSION, {"little_endian": True})]
    body = [pickle.dumps(sorted(storages), 2)]
    for key in sorted(storages):
        values = storages[key].values
        body += [values.size.to_bytes(8, "little"), values.tobytes()]
    path.write_bytes(b"".join([*head, data, *body]))
    return path


def _state() -> tuple[OrderedDict, dict[str, np.ndarray]]:
    """A state_dict, and what it holds: every dtype, views, an empty tensor, a scalar."""
    state, want = OrderedDict(), {}
    for number, dtype in enumerate(STORAGES):
        want[f"{dtype}.w"] = (np.arange(12).reshape(3, 4) % 5).astype(dtype)
        state[f"{dtype}.w"] = _Tensor(_Storage(str(number), want[f"{dtype}.w"]))
    base = np.arange(42, dtype=np.float32).reshape(6, 7)
    shared = _Storage("99", base)
    for name, array, arguments in (
        ("whole", base, ()),
        ("turned", base.T, ((7, 6), (1, 7))),
        ("cut", base[2:5, 1:3], ((3, 2), (7, 1), 15)),
    ):
        state[name], want[name] = _Tensor(shared, *arguments), array
    state["scalar"] = _Tensor(_Storage("100", np.array(7)), (), ())
    state["empty"] = _Tensor(_Storage("101", np.zeros(0, np.float32)), (0, 3))
    state["weight"] = _Tensor(_Storage("102", base[0]), parameter=True)
    want |= {"scalar": np.array(7), "empty": np.zeros((0, 3), np.float32), "weight": base[0]}
    state._metadata = OrderedDict({"": {"version": 1}})
    return state, want


def _assert_holds(path: Path, want: dict[str, np.ndarray]) -> None:
    source = open_weights(path)
    assert list(source.tensors) == list(want)
    for name, array in want.items():
        assert tuple(source.tensors[name]) == (array.shape, array.dtype.name)
        got = source.read(name)
        assert got.dtype == array.dtype and got.shape == array.shape
        assert got.tobytes() == array.tobytes(), name


def _reason(call, *arguments) -> str:
    with pytest.raises(CheckpointError) as caught:
        call(*arguments)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("protocol", [2, 3, 4])
def test_a_state_dict(tmp_path, protocol):
    state, want = _state()
    _assert_holds(_write_zip(tmp_path / "w.pth", state, protocol=protocol), want)


def test_a_state_dict_from_before_1_6(tmp_path):
    state, want = _state()
    _assert_holds(_write_legacy(tmp_path / "w.pth", state), want)


def test_bfloat16(tmp_path):
    bits = np.array([0x3F80, 0xC000], np.uint16)
    source = open_weights(_write_zip(tmp_path / "b", {"w": _Tensor(_Storage("0", bits))}))
    assert source.tensors["w"].dtype == source.read("w").dtype.name == "bfloat16"
    assert source.read("w").astype(np.float32).tolist() == [1.0, -2.0]


def test_nested_and_wrapped(tmp_path):
    state, want = _state()
    wrapped = OrderedDict({f"module.{name}": tensor for name, tensor in state.items()})
    root = {"epoch": 3, "lr": 0.1, "best": None, "history": [1, (2, True)], "state_dict": wrapped}
    path = _write_zip(tmp_path / "w.pth.tar", root)
    _assert_holds(path, want)
    assert open_weights(path).notes == (
        "read from 'state_dict'",
        "removed 'module.' from all names",
    )
    reason = _reason(open_weights, _write_zip(path, {"epoch": 3, "weights": []}))
    assert "without a state_dict (it has epoch, weights)" in reason


class _Evil:
    """Pickles as a call that makes a file."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self):
        return os.system, (f"touch {self.marker}",)


@pytest.mark.parametrize("write", [_write_zip, _write_legacy])
def test_a_malicious_pickle_is_refused_and_not_executed(tmp_path, write):
    marker = tmp_path / "marker"
    state, _ = _state()
    path = write(tmp_path / "w.pth", state | {"evil": _Evil(marker)})
    reason = _reason(open_weights, path)
    assert f"{os.system.__module__}.system, which is not executed" in reason
    assert "torch.save(model.state_dict(), path)" in reason
    path.write_bytes(pickle.dumps(_Evil(marker)))
    assert "system, which is not executed" in _reason(open_weights, path)
    assert not marker.exists()
    pickle.loads(path.read_bytes())  # it would have
    assert marker.exists()


@pytest.mark.parametrize(
    ("opcodes", "reason"),
    [
        (b"\x80\x02cbuiltins\neval\n(X\x01\x00\x00\x001tR.", "builtins.eval"),
        (b"\x80\x04\x8c\x02os\x8c\x06system\x93.", "os.system"),
        (b"\x80\x02(cos\nsystem\no.", "os.system"),
        (b"\x80\x02(X\x01\x00\x00\x001ios\nsystem\n.", "the opcode INST"),
        (b"\x80\x02\x82\x01.", "the opcode EXT1"),
        (b"\x80\x02]]b.", "damaged (a list where the pickle needs a dict)"),
        (b"\x80\x02X\x01\x00\x00\x001)R.", "damaged (a str where the pickle needs a GlobalName)"),
        (b"\x80\x02h\x05.", "damaged"),
        (b"\x80\x02t.", "damaged"),
        (b"\x80\x02}", "damaged"),
        (b"\x80\x02ctorch\nFloatStorage\n)R.", "a storage that is called"),
        (b"\x80\x02N.", "a Python pickle that PyTorch did not write"),
        (b"\x80\x02}N" + b"\x85" * 300_000 + b"Ns.", "a dictionary key of type tuple"),
        (b"\x80\x02(lr\xff\xff\xff\x7f.", "a Python pickle that PyTorch did not write"),
    ],
    ids=lambda value: str(value[:40]),
)
def test_pickles_that_are_no_state_dict(tmp_path, opcodes, reason):
    path = tmp_path / "w.pth"
    path.write_bytes(opcodes)
    assert reason in _reason(open_weights, path)


NESTED = b"N" + b"\x85" * 300_000  # a tuple in a tuple in ...; to hash it overflows the stack


@pytest.mark.parametrize(
    ("opcodes", "reason"),
    [
        (b"(X\x07\x00\x00\x00storage" + NESTED + b"X\x01\x00\x00\x000NK\x01tQ.", "without type"),
        (b"(X\x07\x00\x00\x00storagectorch\nFloatStorage\n" + NESTED + b"NK\x01tQ.", "or key"),
        (NESTED + b"Q.", "names no storage"),
        (b"ccollections\nOrderedDict\n](" + NESTED + b"Nta\x85R.", "key of type tuple"),
    ],
    ids=range(4),
)
def test_deeply_nested_tuples_do_not_crash_the_reader(tmp_path, opcodes, reason):
    with zipfile.ZipFile(tmp_path / "w.pth", "w") as archive:
        archive.writestr("archive/data.pkl", b"\x80\x02" + opcodes)
    assert reason in _reason(open_weights, tmp_path / "w.pth")


def test_tuples_of_scalars_may_be_keys(tmp_path):
    state, want = _state()
    root = {"state_dict": state, ("epoch", 3, None): 0.5}
    _assert_holds(_write_zip(tmp_path / "w.pth", root), want)


@pytest.mark.parametrize(
    ("tensor", "reason"),
    [
        (((5,), (1,)), "a tensor [5] of a storage of 4 values"),
        (((2, 2), (2, 2)), "a tensor [2, 2] of a storage of 4 values"),
        (((2,), (1,), 3), "a tensor [2] of a storage of 4 values"),
        (((1 << 40, 1 << 40), (0, 0)), "of a storage of 4 values"),
        (((2,), (-1,), 1), "sizes"),
        (((-2,), (1,)), "sizes"),
        (((2,), (1, 1)), "without storage or strides"),
    ],
)
def test_sizes_are_held_against_the_storage(tmp_path, tensor, reason):
    state = {"w": _Tensor(_Storage("0", np.zeros(4, np.float32)), *tensor)}
    for write in (_write_zip, _write_legacy):
        assert reason in _reason(open_weights, write(tmp_path / "w.pth", state))


def test_damaged_archives(tmp_path):
    values = np.arange(64, dtype=np.float32)
    state, path = {"w": _Tensor(_Storage("0", values))}, tmp_path / "w.pth"
    _write_zip(path, state, pack=zipfile.ZIP_DEFLATED)
    assert "store it without compression" in _reason(open_weights, path)
    assert "big-endian" in _reason(open_weights, _write_zip(path, state, order=b"big"))
    lying = {"w": _Tensor(_Storage("0", values, length=65))}
    needs = "archive/data/0 has 256 bytes and needs 260"
    assert needs in _reason(open_weights, _write_zip(path, lying))
    _write_zip(path, state)
    intact = path.read_bytes()
    at = intact.index(values.tobytes())
    path.write_bytes(intact[:at] + b"\xff" + intact[at + 1 :])
    assert "bad checksum of archive/data/0" in _reason(open_weights(path).read, "w")
    for size in range(0, len(intact), 19):
        path.write_bytes(intact[:size])
        assert str(path) in _reason(open_weights, path)
    intact = _write_legacy(path, state).read_bytes()
    for size in range(0, len(intact), 19):
        path.write_bytes(intact[:size])
        assert str(path) in _reason(open_weights, path)


PEER = """
import sys
import numpy as np
import torch
torch.manual_seed(0)
base = torch.randn(6, 7)
state = {
    "w": torch.randn(4, 3, 2), "turned": base.t(), "cut": base[2:5, 1:3], "whole": base,
    "empty": torch.zeros(0, 3), "scalar": torch.tensor(7), "half": torch.randn(5).half(),
    "bool": torch.tensor([True, False]), "complex": torch.randn(3, dtype=torch.complex64),
    "weight": torch.nn.Parameter(torch.randn(3)), "byte": torch.arange(4, dtype=torch.uint8),
}
folder = sys.argv[1]
torch.save(state, folder + "/new.pth")
torch.save(state, folder + "/old.pth", _use_new_zipfile_serialization=False)
torch.save({"model": {"module." + k: v for k, v in state.items()}}, folder + "/nested.pth")
torch.save(torch.nn.Linear(2, 2), folder + "/model.pth")
np.savez(folder + "/want.npz", **{k: v.detach().numpy() for k, v in state.items()})
"""


@pytest.mark.slow
def test_files_of_pytorch(tmp_path, torch_python):
    subprocess.run([torch_python, "-c", PEER, str(tmp_path)], check=True, timeout=300)
    with np.load(tmp_path / "want.npz") as arrays:
        want = dict(arrays)
    for name in ("new", "old", "nested"):
        _assert_holds(tmp_path / f"{name}.pth", want)
    assert "torch.nn.modules.linear.Linear" in _reason(open_weights, tmp_path / "model.pth")
