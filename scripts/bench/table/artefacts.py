"""Writes what the peers of one net run: ``python artefacts.py NET FOLDER [onnx]``.

``NET.ckpt`` has generated weights; ``NET.pb`` is the graph of inference with constants as users
freeze it (no batch norm is folded), and ``NET.tf1.pb`` the same for TensorFlow 1.15, which has no
batch norms of videos; ``NET.json`` has its input's shape and the multiply-adds of an image. With
``onnx``, ``NET.onnx`` is what tf2onnx makes of the graph: here, since that takes up to 40 times the
memory of the weights.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from port_graphs import save  # scripts/bench

from legacy_nets import registry
from legacy_nets import tf1 as tf
from legacy_nets.anatomy import analyze_net
from legacy_nets.graphdef.edit import remove_new_attrs
from legacy_nets.graphdef.old_readers import adapt_to_tf1
from legacy_nets.train.evaluate import resolve_settings, restore_net
from legacy_nets.train.settings import SettingChanges


def main(net: str, folder: Path) -> None:
    """Writes the first four files; the .json comes last. Does nothing where they are there."""
    tf1_graph = folder / f"{net}.tf1.pb"
    if (folder / f"{net}.json").exists() and tf1_graph.exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    prefix = str(folder / f"{net}.ckpt")
    save(net, prefix)
    settings = resolve_settings(prefix, net, SettingChanges())
    with restore_net(settings, prefix, inference=True) as (graph, session, _):
        names = [graph.images.op.name, graph.probabilities.op.name]
        frozen = tf.graph_util.convert_variables_to_constants(
            session, session.graph.as_graph_def(), names[1:]
        )
    remove_new_attrs(frozen)
    (folder / f"{net}.pb").write_bytes(frozen.SerializeToString())
    adapt_to_tf1(frozen)
    tf1_graph.write_bytes(frozen.SerializeToString())
    record = registry.get_net(net)
    layers = analyze_net(net, record.image_size).layers
    facts = {
        "shape": [*record.image_size, record.channels],
        "classes": record.num_classes,
        "input": f"{names[0]}:0",
        "output": f"{names[1]}:0",
        "multiply_adds": sum(layer.multiply_adds or 0 for layer in layers),
    }
    (folder / f"{net}.json").write_text(json.dumps(facts), encoding="utf-8")


def convert_to_onnx(net: str, folder: Path) -> None:
    """Writes ``NET.onnx``. Does nothing where it is there."""
    path = folder / f"{net}.onnx"
    if path.exists():
        return
    facts = json.loads((folder / f"{net}.json").read_text(encoding="utf-8"))
    subprocess.run(
        [
            *(sys.executable, "-m", "tf2onnx.convert", "--graphdef", folder / f"{net}.pb"),
            *("--inputs", facts["input"], "--outputs", facts["output"], "--opset", "17"),
            *("--output", path),
        ]
    )


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
    if "onnx" in sys.argv[3:]:
        convert_to_onnx(sys.argv[1], Path(sys.argv[2]))
