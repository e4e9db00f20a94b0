"""Keras saves and loads weights by way of a file, and makes no layers for that."""

import numpy as np

from legacy_nets.port.formats.keras.archive import stream_weights, without_advice


def test_streamed_weights_are_the_weights(tmp_path):
    with without_advice():
        import keras
        from keras.src.saving import saving_lib

        layers = [keras.layers.Dense(3, name=f"dense_{number}") for number in range(3)]
        model = keras.Sequential([keras.Input([4]), *layers])
        names = ("get_attr_skipset", "_MEMORY_UPPER_BOUND")
        originals = [vars(saving_lib)[name] for name in names]
        with stream_weights():
            assert not saving_lib.is_memory_sufficient(model)
            skipped = saving_lib.get_attr_skipset("Layer")
            assert skipped == originals[0]("Layer")
            assert saving_lib.get_attr_skipset("Layer") is skipped
            model.save(tmp_path / "streamed.keras")
            streamed = keras.saving.load_model(tmp_path / "streamed.keras")
        assert [vars(saving_lib)[name] for name in names] == originals
        loaded = keras.saving.load_model(tmp_path / "streamed.keras")
    assert [path.name for path in tmp_path.iterdir()] == ["streamed.keras"]
    for other in (streamed, loaded):
        for got, want in zip(other.get_weights(), model.get_weights(), strict=True):
            np.testing.assert_array_equal(got, want)


def test_a_keras_without_the_names_is_left_alone(monkeypatch):
    from keras.src.saving import saving_lib

    for name in ("get_attr_skipset", "_MEMORY_UPPER_BOUND"):
        monkeypatch.delattr(saving_lib, name)
    before = dict(vars(saving_lib))
    with stream_weights():
        assert vars(saving_lib) == before
    assert vars(saving_lib) == before
