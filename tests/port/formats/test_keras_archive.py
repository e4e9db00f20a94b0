"""Keras models are saved by way of a folder, and change nothing of Keras."""

import zipfile

import numpy as np

from legacy_nets.port.formats.keras.archive import save_archive, without_advice


def test_an_archive_is_as_keras_writes_it(tmp_path):
    """The same members, stored without compression, and the same weights."""
    with without_advice():
        import keras
        from keras.src.saving import saving_lib

        layers = [keras.layers.Dense(3, name=f"dense_{number}") for number in range(3)]
        model = keras.Sequential([keras.Input([4]), *layers])
        before = dict(vars(saving_lib))
        save_archive(model, tmp_path / "ours.keras")
        assert vars(saving_lib) == before
        assert [path.name for path in tmp_path.iterdir()] == ["ours.keras"]
        model.save(tmp_path / "keras.keras")
        loaded = keras.saving.load_model(tmp_path / "ours.keras")
    members = [list_members(tmp_path / f"{name}.keras") for name in ("ours", "keras")]
    assert members[0] == members[1]
    assert len(members[0]) == 3
    for got, want in zip(loaded.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(got, want)


def list_members(path):
    """Lists the members of an archive, each with how it is compressed."""
    with zipfile.ZipFile(path) as archive:
        return sorted((item.filename, item.compress_type) for item in archive.infolist())
