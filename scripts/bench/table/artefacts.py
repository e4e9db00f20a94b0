"""Writes what the peers of one net run: ``python artefacts.py NET FOLDER``.

``NET.ckpt`` has generated weights; ``NET.pb`` is the graph of inference with constants as users
freeze it (no batch norm is folded), which TensorFlow 1.15 reads; ``NET.onnx`` is what tf2onnx makes
of it: here, since that takes up to 40 times the memory of the weights. ``NET.json`` has its input's
shape and the multiply-adds of an image.
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
from legacy_nets.train.evaluate import resolve_settings, restore_net
from legacy_nets.train.settings import SettingChanges


def main(net: str, folder: Path) -> None:
    """Writes the four files; the .json comes last. Does nothing where it is there."""
    if (folder / f"{net}.json").exists():
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
    names = [f"{name}:0" for name in names]
    subprocess.run(
        [
            *(sys.executable, "-m", "tf2onnx.convert", "--graphdef", folder / f"{net}.pb"),
            *("--inputs", names[0], "--outputs", names[1], "--opset", "17"),
            *("--output", folder / f"{net}.onnx"),
        ]
    )
    record = registry.get_net(net)
    layers = analyze_net(net, record.image_size).layers
    facts = {
        "shape": [*record.image_size, record.channels],
        "classes": record.num_classes,
        "input": names[0],
        "output": names[1],
        "multiply_adds": sum(layer.multiply_adds or 0 for layer in layers),
    }
    (folder / f"{net}.json").write_text(json.dumps(facts), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
