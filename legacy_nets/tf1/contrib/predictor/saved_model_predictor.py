"""A predictor from a SavedModel."""

from __future__ import annotations

import logging

import tensorflow.compat.v1 as tf

from legacy_nets.tf1.contrib.predictor.predictor import Predictor
from legacy_nets.types import ConfigProto, Graph, MetaGraphDef, SignatureDef

__all__ = ["SavedModelPredictor"]


class SavedModelPredictor(Predictor):
    """A predictor from a SavedModel.

    Args:
      export_dir: the folder of the SavedModel.
      signature_def_key: the name of the signature; ``serving_default`` where none is given.
      signature_def: the signature itself.
      input_names: names of tensors by the names of inputs, instead of a signature.
      output_names: names of tensors by the names of outputs.
      tags: tags of the graph in the SavedModel, with commas between; ``serve`` without.
      graph: where to load it; a new graph without.
      config: of the session.

    Raises:
      ValueError: more than one of signature_def_key, signature_def and the names is given, or
        there is no such signature.
    """

    def __init__(
        self,
        export_dir: str,
        signature_def_key: str | None = None,
        signature_def: SignatureDef | None = None,
        input_names: dict[str, str] | None = None,
        output_names: dict[str, str] | None = None,
        tags: str | None = None,
        graph: Graph | None = None,
        config: ConfigProto | None = None,
    ) -> None:
        if (input_names is None) != (output_names is None):
            raise ValueError(
                "input_names and output_names must both be specified or both be unspecified."
            )
        if sum(given is not None for given in (signature_def_key, signature_def, input_names)) > 1:
            raise ValueError(
                "You must specify at most one of signature_def_key OR signature_def OR"
                "(input_names AND output_names)."
            )
        self.graph = graph or tf.Graph()
        with self.graph.as_default():
            self.session = tf.Session(config=config)
            loaded = tf.saved_model.load(self.session, (tags or "serve").split(","), export_dir)
        if input_names is None or output_names is None:
            signature = signature_def or _find_signature(loaded, signature_def_key)
            input_names = {key: info.name for key, info in signature.inputs.items()}
            output_names = {key: info.name for key, info in signature.outputs.items()}
        find = self.graph.get_tensor_by_name
        self.feed_tensors = {key: find(name) for key, name in input_names.items()}
        self.fetch_tensors = {key: find(name) for key, name in output_names.items()}


def _find_signature(graph: MetaGraphDef, key: str | None) -> SignatureDef:
    key = key or tf.saved_model.DEFAULT_SERVING_SIGNATURE_DEF_KEY
    signatures = graph.signature_def
    if key in signatures:
        return signatures[key]
    alternative = f"default_input_alternative:{key}"  # as tf.contrib.learn exported
    if alternative not in signatures:
        raise ValueError(
            f'Got signature_def_key "{key}". Available signatures are {list(signatures)}.'
        )
    logging.warning('Could not find signature def "%s". Using "%s" instead', key, alternative)
    return signatures[alternative]
