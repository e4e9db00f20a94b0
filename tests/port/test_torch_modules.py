"""The PyTorch modules that a port writes: names, text, place; and in PyTorch what they compute."""

from __future__ import annotations

import ast
import builtins
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from oracle_client import GOLDEN, load_golden
from peer_client import common
from port_cases import SMALL, job, save

from legacy_nets import registry
from legacy_nets import tf1 as tf
from legacy_nets.checkpoints.open import open_weights
from legacy_nets.checkpoints.translate import translate_back
from legacy_nets.cli import main
from legacy_nets.errors import BadInputError, CheckpointError
from legacy_nets.nets.build import build_by_name
from legacy_nets.nets.weights import torch_rule
from legacy_nets.nets.weights.translate_for_net import translate_for_net
from legacy_nets.port.formats.torch import module, run_pytorch, target
from legacy_nets.port.formats.torch.names import map_names
from legacy_nets.port.pipeline import port
from legacy_nets.port.weights import Weight
from legacy_nets.registry import get_net

NETS = [net for net in registry.list_nets() if module.find_family(registry.get_net(net))]
FACTS = json.loads((GOLDEN / "torch_modules.json").read_text())
DEMO = SMALL["demo_cnn"][0]


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    return save(tmp_path_factory.mktemp("demo"), "demo_cnn", DEMO)


def variables(case, request):
    """Name -> shape, as TensorFlow 1.15.5 had them; of Keras' nets as the graph has them."""
    if (GOLDEN / f"{case}.json").exists():
        return {row["name"]: row["shape"] for row in load_golden(case)["variables"]}
    with tf.Graph().as_default():
        shape = [None, request["height"], request["width"], request["channels"]]
        images = tf.placeholder(tf.float32, shape)
        options = {"num_classes": request["num_classes"], **request.get("options", {})}
        build_by_name(request["net"], images, **options)
        return {v.op.name: v.shape.as_list() for v in tf.global_variables()}


def test_every_net_without_a_layout_of_pytorch_has_a_module():
    assert NETS == [n for n in registry.list_nets() if "torch" not in registry.get_net(n).layouts]
    assert {fact["request"]["net"] for fact in FACTS.values()} == set(NETS) and len(NETS) == 15


@pytest.mark.parametrize("case", FACTS)
@pytest.mark.slow
def test_the_rule_gives_the_names_and_shapes_of_the_module(case):
    request = FACTS[case]["request"]
    shapes = variables(case, request)
    ranks = {name: len(shape) for name, shape in shapes.items()}
    entries = torch_rule.apply_rule(ranks, registry.get_net(request["net"]).scope)
    empty = {name: np.empty(shape, np.bool_) for name, shape in shapes.items()}
    state = sorted(translate_back(empty, entries).items())
    tensors = common.names_and_shapes({name: list(value.shape) for name, value in state})
    assert tensors == FACTS[case]["tensors"]
    ranks = {name: value.ndim for name, value in state}
    back = torch_rule.invert_rule(ranks, registry.get_net(request["net"]).scope)
    assert set(back) == set(entries)


def render(name, weights, **more):
    net = registry.get_net(name)
    metadata = {
        **{"net": name, "checkpoint": "c", "num_classes": 5, "label_offset": 0},
        **{
            "image_size": list(net.image_size),
            "preprocessing": net.preprocessing,
            "options": {},
            **more,
        },
    }
    return module.render_module(net, Path(weights), metadata)


@pytest.mark.parametrize("net", NETS)
def test_a_module_is_one_file_that_imports_pytorch_alone(net):
    text = render(net, "x.pth")
    tree = ast.parse(text)
    imported = {
        name.split(".")[0]
        for node in tree.body
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in ([node.module] if isinstance(node, ast.ImportFrom) else [node.names[0].name])
    }
    assert imported - set(sys.stdlib_module_names) == {"torch"}
    assert list_undefined(tree) == set()
    names = [node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    assert len(names) == len(set(names)) and names[-1] == "load"
    assert max(map(len, text.splitlines())) <= 100
    assert text.count("load_state_dict(torch.load(path, weights_only=True), strict=True)") == 1
    given = {word.arg: ast.literal_eval(word.value) for word in call_of(tree, net).keywords}
    size = registry.get_net(net).image_size
    assert given["num_classes"] == 5 and given["image_size"] == size


def list_undefined(tree):
    """Names that a module reads and that nothing in it defines."""
    defined, read = set(dir(builtins)), set()
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name) | ast.ClassDef(name) | ast.arg(name):
                defined.add(name)
            case ast.Import(aliases) | ast.ImportFrom(_, aliases):
                defined |= {alias.asname or alias.name.split(".")[0] for alias in aliases}
            case ast.Name(name, ctx):
                (read if isinstance(ctx, ast.Load) else defined).add(name)
    return read - defined


def call_of(tree, net):
    [call] = [
        node
        for node in ast.walk(tree.body[-1])
        if isinstance(node, ast.Call) and ast.unparse(node.func) == net
    ]
    return call


def test_the_head_says_what_goes_in_and_what_comes_out():
    more = {"label_offset": 1, "num_classes": 1000, "checkpoint": 'a"""\\\n'}
    text = render("inception_v3", "my-net.v1.safetensors", **more)
    head = ast.get_docstring(ast.parse(text))
    assert 'from my_net_v1 import load\n  net = load("my-net.v1.safetensors")' in head
    assert "[N, 3, 299, 299] -> [N, 1001]" in head
    assert "Pixels (inception): a byte of 0 becomes -1, one of 255 1." in head
    assert "Class k is logit k + 1: the first 1 are no classes." in head
    assert "load_file(path)" in text and "torch.load" not in text
    assert call_of(ast.parse(text), "inception_v3").keywords[0].value.value == 1001


def test_options_reach_the_module_or_the_user():
    options = {"keep_prob": 0.25, "initial_std": None, "made_up": 1}
    text = render("hand_signs", "x.pth", options=options)
    given = {word.arg for word in call_of(ast.parse(text), "hand_signs").keywords}
    assert given >= {"keep_prob", "initial_std"} and "made_up" not in given
    assert module.list_unknown_options(registry.get_net("hand_signs"), options) == ["made_up"]


@pytest.mark.parametrize(
    ("weights", "code"),
    [
        *(("x.pth", "x.py"), ("model.ckpt-7.pth", "model_ckpt_7.py"), ("3d.pt", "_3d.py")),
        *(("torch.pth", "torch_net.py"), ("class.bin", "class_net.py")),
    ],
)
def test_the_module_can_be_imported_by_the_name_of_the_weights(weights, code):
    assert module.get_code_path(Path("there", weights)) == Path("there", code)


def test_another_scope_is_dropped_as_the_nets_own():
    options = {"scope": "mine"}
    tensors = [Weight("mine/dense/kernel", (3, 5), "float32", np.zeros, np.zeros)]
    [entry] = map_names(registry.get_net("demo_cnn"), tensors, options["scope"])
    assert entry.stored == "dense.weight"
    assert module.list_unknown_options(registry.get_net("demo_cnn"), options) == []


def test_a_port_writes_the_module_beside_the_weights(demo, tmp_path, monkeypatch):
    monkeypatch.setattr(run_pytorch, "list_missing_packages", lambda net, path: ["torch"])
    moved, move = [], os.replace
    monkeypatch.setattr(os, "replace", lambda *a: moved.append(a[1].name) or move(*a))
    out = tmp_path / "x.pth"
    for _ in range(2):  # the second time it takes the place of the first
        report = port(job(demo, "demo_cnn", "torch", out, DEMO))
        assert report.passed and report.verdict == "6 tensors equal, bit by bit"
        assert sorted(path.name for path in tmp_path.iterdir()) == ["x.pth", "x.py"]
    assert report.notes == (
        'its code is x.py: from x import load; net = load("x.pth")',
        "the outputs were not compared: torch missing; pip install 'legacy-nets[torch]' and port "
        "again",
    )
    assert moved == ["x.py", "x.pth"] * 2  # whatever has weights has its code
    assert set(open_weights(out).tensors) >= {"conv2d.weight", "dense_1.bias"}
    assert open_weights(out).tensors["dense.weight"].shape == (128, 26 * 26 * 32)
    translated, want = translate_for_net(open_weights(out), get_net("demo_cnn")), open_weights(demo)
    assert set(translated.tensors) == set(want.tensors)
    for name in want.tensors:
        np.testing.assert_array_equal(translated.read(name), want.read(name), err_msg=name)


def test_the_code_of_other_weights_keeps_its_place(demo, tmp_path, monkeypatch):
    monkeypatch.setattr(run_pytorch, "list_missing_packages", lambda net, path: ["torch"])
    first, second = tmp_path / "x.pth", tmp_path / "x.safetensors"
    assert port(job(demo, "demo_cnn", "torch", first, DEMO)).passed
    code = (tmp_path / "x.py").read_text()
    with pytest.raises(BadInputError, match=r"x\.py, which is the code of x\.pth: name"):
        port(job(demo, "demo_cnn", "torch", second, DEMO))
    assert (tmp_path / "x.py").read_text() == code and not second.exists()
    first.unlink()
    assert port(job(demo, "demo_cnn", "torch", second, DEMO)).passed
    assert 'load("x.safetensors")' in (tmp_path / "x.py").read_text()


def test_somebodys_file_keeps_its_place(demo, tmp_path):
    (tmp_path / "x.py").write_text("import torch\n# written by legacy_nets\n")
    with pytest.raises(BadInputError, match=r"written to .*x\.py, which is something else"):
        port(job(demo, "demo_cnn", "torch", tmp_path / "x.pth", DEMO))
    assert [path.name for path in tmp_path.iterdir()] == ["x.py"]


def test_weights_that_are_not_the_nets_get_no_module(demo, tmp_path):
    given = job(demo, "demo_cnn", "torch", tmp_path / "x.pth", DEMO, num_classes=4)
    with pytest.raises(CheckpointError, match="dense_1"):
        port(given)
    assert not list(tmp_path.iterdir())


@pytest.fixture
def pytorch(monkeypatch):
    """Replaces the child process with PyTorch; ``answer`` writes its result."""
    asked = []

    def use(answer):
        def run(arguments):
            asked.append(arguments)
            return answer(*arguments)

        monkeypatch.setattr(run_pytorch, "list_missing_packages", lambda net, path: [])
        monkeypatch.setattr(run_pytorch, "_run", run)
        return asked

    return use


def done(code=0, error=""):
    return subprocess.CompletedProcess([], code, "", error)


@pytest.mark.parametrize(
    ("net", "options", "notes"),
    [
        ("vgg11", {}, ["torch, torchvision missing", "copied without building"]),
        ("resnet18", {"padding": "torch"}, ["torch, torchvision missing", "copied without"]),
        ("resnet18", {}, ["its outputs will differ", "copied without building"]),
        ("vgg11", {"hidden": 8}, ["copied without building"]),
        ("vit_base_patch16_224_in21k", {}, ["timm has no pre_logits", "copied without building"]),
    ],
)
def test_torchvisions_nets_are_run_where_they_should_say_the_same(net, options, notes, monkeypatch):
    monkeypatch.setattr(
        run_pytorch, "list_missing_packages", lambda net, path: ["torch", "torchvision"]
    )
    given = job("c", net, "torch", Path("x.pth"), options=options)
    compared, texts = target.run(given, None, False, given.out)
    assert compared == () and len(texts) == len(notes) + 1
    assert all(note in text for note, text in zip(notes, texts[1:], strict=True))


def test_a_net_that_torchvision_has_not(pytorch):
    asked = pytorch(lambda *_: done(3))
    given = job("c", "mobilenet_v1", "torch", Path("x.pth"))
    options = {"padding": "torch", "epsilon": 1e-5}
    compared, texts = target.run(replace(given, options=options), None, False, given.out)
    assert compared == () and "copied without building" in texts[-1] and len(texts) == 2
    assert asked == [["mobilenet_v1"]]


def test_what_pytorch_says_decides(demo, tmp_path, pytorch):
    def zeros(module, weights, images, logits, classes):
        given = np.load(images)
        assert given.shape == (2, 28, 28, 1) and 0 <= given.min() < given.max() <= 1
        assert module.read_text().startswith('"""demo_cnn in PyTorch; written by legacy_nets')
        np.save(logits, np.eye(2, classes, dtype=np.float32))
        return done()

    asked = pytorch(zeros)
    (tmp_path / "x.pth").write_bytes(b"old")
    arguments = ["port", demo, "--net", "demo_cnn", "--to", "torch", "--num-classes", "5"]
    result = CliRunner().invoke(main, [*arguments, "--out", str(tmp_path / "x.pth")])
    assert result.exit_code == 1 and "in logits (PyTorch), top-1 agrees on" in result.output
    assert "8 tensors and outputs compared" in result.output
    assert len(asked) == 1 and (tmp_path / "x.pth").read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["x.pth"]


def test_what_pytorch_cannot_load_is_one_line(demo, tmp_path, pytorch):
    pytorch(lambda *_: done(1, "Traceback\n  ...\nRuntimeError: size mismatch\n"))
    with pytest.raises(CheckpointError, match="cannot run demo_cnn: RuntimeError: size mismatch$"):
        port(job(demo, "demo_cnn", "torch", tmp_path / "x.pth", DEMO))
    assert not list(tmp_path.iterdir())
