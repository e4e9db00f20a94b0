"""SavedModels of other modes than prediction."""

from __future__ import annotations

from collections.abc import Mapping

from legacy_nets.types import Estimator, InputFn


def export_saved_model_for_mode(
    estimator: Estimator,
    export_dir_base: str,
    input_receiver_fn: InputFn,
    assets_extra: Mapping[str, str] | None = None,
    as_text: bool = False,
    checkpoint_path: str | None = None,
    mode: str = "infer",
) -> bytes:
    """Writes the graph of one mode as a SavedModel into a new folder; returns its path."""
    return estimator.export_saved_model(
        export_dir_base, input_receiver_fn, assets_extra, as_text, checkpoint_path, mode
    )


def export_all_saved_models(
    estimator: Estimator,
    export_dir_base: str,
    input_receiver_fn_map: Mapping[str, InputFn],
    assets_extra: Mapping[str, str] | None = None,
    as_text: bool = False,
    checkpoint_path: str | None = None,
) -> bytes:
    """Writes the graphs of several modes into one SavedModel; returns its path.

    Args:
      estimator: the estimator, trained.
      export_dir_base: the folder for the new folder.
      input_receiver_fn_map: what makes the inputs, by the mode.
      assets_extra: files that go along, by their paths in the SavedModel.
      as_text: whether the SavedModel is text.
      checkpoint_path: the weights; the newest without.
    """
    return estimator.experimental_export_all_saved_models(
        export_dir_base, dict(input_receiver_fn_map), assets_extra, as_text, checkpoint_path
    )
