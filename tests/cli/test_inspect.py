"""``legacy-nets inspect`` and ``diff``: what is in a file, and whether it fits a net."""

import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import sys

import h5py
import numpy as np
import pytest
from click.testing import CliRunner

import legacy_nets
from legacy_nets import tf1 as tf
from legacy_nets.checkpoints.contents import (
    build_tree,
    compute_digest,
    compute_statistics,
    list_contents,
)
from legacy_nets.checkpoints.open import open_weights
from legacy_nets.checkpoints.optimizer_slots import is_slot
from legacy_nets.cli import main


def run(*arguments, code=0):
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert result.exit_code == code, result.output
    return result.output


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """demo_cnn with Adam and averages at step 7, twice: under no scope, and under "outer"."""
    folder = tmp_path_factory.mktemp("checkpoints")
    for name, scope in (("plain", None), ("outer", "outer")):
        with tf.Graph().as_default(), tf.Session() as session:
            tf.set_random_seed(1)
            images = tf.placeholder(tf.float32, [None, 28, 28, 1])
            with tf.variable_scope(scope) if scope else tf.name_scope(""):
                logits, _ = legacy_nets.build("demo_cnn", images, num_classes=12)
            step = tf.train.get_or_create_global_step()
            train = tf.train.AdamOptimizer().minimize(tf.reduce_mean(logits))
            with tf.control_dependencies([train]):
                average = tf.train.ExponentialMovingAverage(0.9).apply(tf.trainable_variables())
            session.run(tf.global_variables_initializer())
            session.run([average, step.assign(7)], {images: np.ones([1, 28, 28, 1])})
            tf.train.Saver().save(session, str(folder / name / "model.ckpt"), global_step=7)
    return folder


def test_contents_sorts_weights_averages_and_what_training_needs(folder):
    found = list_contents(open_weights(folder / "plain"))
    assert len(found.weights) == 6
    assert found.parameters == 2_770_892  # 2,770,634 for 10 classes, and 129 for each of 2 more
    assert len(found.averages) == 6
    assert len(found.training) == 15  # two slots each, two powers, the step
    assert found.step == 7
    assert found.notes == ()


@pytest.mark.parametrize("form", ["", "model.ckpt-7", "model.ckpt-7.index", "model.ckpt-7.meta"])
def test_what_people_have(folder, form):
    path = folder / "plain" / form
    first = run("inspect", path).splitlines()
    assert first[0].endswith("model.ckpt-7")
    assert first[1] == "6 tensors, 2,770,892 parameters, global step 7"


def test_the_tree(folder):
    text = run("inspect", folder / "outer", "--depth", "2")
    weights = text.split("moving averages")[0]
    assert [line.split() for line in weights.splitlines()[3:5]] == [
        ["outer/"],
        ["my_model/", "6", "tensors,", "2,770,892"],
    ]
    assert "only for training" in text


def test_json_and_statistics(folder):
    found = json.loads(run("inspect", folder / "plain", "--json", "--stats"))
    assert (found["parameters"], found["global_step"]) == (2_770_892, 7)
    row = found["weights"][0]
    value = open_weights(folder / "plain").read(row["name"])
    assert row["shape"] == list(value.shape)
    assert row["dtype"] == "float32"
    assert row["mean"] == pytest.approx(value.mean(), abs=1e-7)
    assert row["std"] == pytest.approx(value.std(), rel=1e-5)
    assert row["not_finite"] == 0


def test_digest_is_that_of_the_bytes(folder):
    lines = run("inspect", folder / "plain", "--digest").splitlines()
    source = open_weights(folder / "plain")
    assert [line.split("  ", 1)[1] for line in lines] == list(source.tensors)
    for line in lines:
        sha, name = line.split("  ", 1)
        assert sha == hashlib.sha256(source.read(name).tobytes()).hexdigest()


def test_digest_knows_strings_byte_order_and_nothing():
    assert compute_digest(np.array(3, ">i4")) == compute_digest(np.array(3, "<i4"))
    assert compute_digest(np.array([b"ab", b""], object)) != compute_digest(
        np.array([b"a", b"b"], object)
    )
    assert compute_digest(np.zeros([0, 3], np.float32)) == hashlib.sha256(b"").hexdigest()
    assert compute_statistics(np.zeros(0)) == {}
    assert compute_statistics(np.array([1.0, np.nan, 3.0]))["not_finite"] == 1


def test_tree_folds_below_a_depth(folder):
    tensors = open_weights(folder / "outer").tensors
    folded = build_tree({name: info for name, info in tensors.items() if "Adam" not in name}, 1)
    assert folded["outer/"][0] == 12  # six weights, their averages


def test_a_v1_file_and_a_v2_checkpoint_of_one_name(tmp_path):
    prefix = str(tmp_path / "model")
    with tf.Graph().as_default(), tf.Session() as session:
        value = tf.get_variable("w", [2], initializer=tf.zeros_initializer())
        session.run(value.initializer)
        saver = tf.train.Saver(write_version=tf.train.SaverDef.V1)
        saver.save(session, prefix, write_meta_graph=False)
        tf.train.Saver().save(session, prefix, write_meta_graph=False)
        assert "share this prefix, and are the same" in run("inspect", prefix)
        session.run(value.assign([1.0, 2.0]))
        tf.train.Saver().save(session, prefix, write_meta_graph=False)
    assert "differ in 1 tensors (w, ...)" in run("inspect", prefix)


@pytest.mark.parametrize(
    ("start", "reason"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "LFS"),
        (b"<!DOCTYPE html><html></html>", "HTML"),
        (b"", "empty"),
    ],
)
def test_files_that_are_not_checkpoints(tmp_path, start, reason):
    path = tmp_path / "model.ckpt"
    path.write_bytes(start)
    text = run("inspect", path, code=2)
    assert text.startswith("legacy-nets: ") and text.count("\n") == 1
    assert reason in text and "model.ckpt" in text


def command(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "legacy_nets", *(str(argument) for argument in arguments)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
    )


def test_hdf5_is_read_in_a_child(tmp_path):
    path = tmp_path / "weights.h5"
    with h5py.File(path, "w") as file:
        file["layer/kernel:0"] = np.ones([2, 3], np.float32)
    done = command("inspect", path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "1 tensors, 6 parameters" in done.stdout
    path.write_bytes(path.read_bytes()[:600])
    done = command("inspect", path)
    assert done.returncode == 2
    assert done.stderr.startswith("legacy-nets: ") and done.stderr.count("\n") == 1
    assert "weights.h5" in done.stderr


def test_inspect_imports_no_tensorflow(folder):
    code = (
        "import sys\nfrom legacy_nets.cli import main\n"
        f"main(['inspect', {str(folder / 'plain')!r}], standalone_mode=False)\n"
        "print([name for name in ('tensorflow', 'matplotlib', 'h5py') if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_diff_says_everything_and_its_exit_code(folder):
    text = run("diff", folder / "plain", "demo_cnn", "--num-classes", "12")
    assert text.startswith("matches demo_cnn\n")
    text = run("diff", folder / "plain", "demo_cnn", code=1)
    assert text.startswith("does not match demo_cnn\n")
    found = json.loads(run("diff", folder / "plain", "demo_cnn", "--json", code=1))
    assert [item["shape"][-1] for item in found["mismatched"]] == [10, 10]
    assert len(found["matched"]) == 4
    assert any("num_classes=12" in hint for hint in found["hints"])
    renamed = ("--rename", "=outer", "--num-classes", "12")
    assert run("diff", folder / "outer", "demo_cnn", *renamed).startswith("matches demo_cnn\n")


def test_diff_of_another_net_is_short_and_all_of_it_with_all(folder):
    given = ("diff", folder / "plain", "hand_signs")
    lines = run(*given, code=1).splitlines()
    assert lines[0] == "does not match hand_signs" and len(lines) < 45
    missing = lines.index("missing")
    assert lines[missing:].index("") == 7  # the heading, five names, how many more
    count = int(next(line.split()[1] for line in lines if line.startswith("missing ")))
    assert lines[missing + 6] == f"  ... and {count - 5} more"
    assert lines.index("hints") < missing and lines[-1] == "every name: --all"
    whole = run(*given, "--all", code=1).splitlines()
    assert len(whole) > count and "--all" not in whole[-1]
    assert not any(line.startswith("  ... and") for line in whole)


@pytest.mark.slow
def test_find_net_finds_net_scope_and_classes(folder):
    text = run("diff", folder / "outer", "--find-net")
    first = text.splitlines()[0]
    assert first.split()[0] == "demo_cnn"
    assert "6 of 6 variables (100.0%) --rename =outer --num-classes 12" in first
    assert run("diff", folder / "outer", "--fit") == text  # the older name of the option


def test_diff_needs_a_net_or_find_net(folder):
    assert "diff takes a net, or --find-net" in run("diff", folder / "plain", code=2)
    assert "nearest" in run("diff", folder / "plain", "demo_cn", code=2)
    assert "write GRAPH_SCOPE=FILE_SCOPE" in run(
        "diff", folder / "plain", "demo_cnn", "--rename", "a", code=2
    )


def test_a_moved_folder_whose_state_names_another_machine(folder, tmp_path):
    for path in (folder / "plain").iterdir():
        (tmp_path / path.name).write_bytes(pathlib.Path(path).read_bytes())
    (tmp_path / "checkpoint").write_text('model_checkpoint_path: "/home/them/run/model.ckpt-7"\n')
    assert run("inspect", tmp_path).startswith(str(tmp_path / "model.ckpt-7"))


def test_a_folder_says_what_is_below_it_and_what_is_incomplete(folder, tmp_path):
    for number in (1, 2, 3):
        (tmp_path / f"model-{number}.index").write_bytes(b"")
    message = run("inspect", tmp_path, code=2)
    assert message.count("the file is empty") == 2 and message.endswith(" (and 1 more)\n")
    message = run("inspect", folder, code=2)
    assert "no checkpoint in this folder" in message
    assert message.endswith("; there are some in outer, plain\n")


def test_the_step_of_an_object_based_checkpoint(tmp_path):
    with tf.Graph().as_default(), tf.Session() as session:
        tf.keras.backend.set_session(session)
        model = tf.keras.Sequential([tf.keras.layers.Dense(2, input_shape=(3,))])
        model.compile("adam", "mse")
        for _ in range(4):
            model.train_on_batch(np.ones((2, 3)), np.ones((2, 2)))
        model.save_weights(str(tmp_path / "weights"), save_format="tf")
    source = open_weights(tmp_path / "weights")
    assert list_contents(source).step == 4
    lines = run("inspect", tmp_path / "weights", "--digest").splitlines()
    digests = {line.split("  ")[1]: line.split("  ")[0] for line in lines}
    assert set(digests) == {*source.tensors, *source.other_tensors}
    [slot] = [name for name in digests if "kernel/.OPTIMIZER_SLOT" in name and "/m/" in name]
    assert digests[slot] == hashlib.sha256(source.read(slot).tobytes()).hexdigest()


def test_slots_of_partitioned_variables():
    names = {"dnn/hidden/biases"}
    for slot in ("part_0/Adagrad", "t_0/Adagrad", "part_12/Adam_1"):  # contrib.learn's names
        assert is_slot(f"dnn/hidden/biases/{slot}", names)
    assert not is_slot("dnn/hidden/biases/part_0", names)
    assert not is_slot("dnn/other/biases/part_0/Adagrad", names)


def test_a_data_file_that_is_a_git_lfs_pointer(folder, tmp_path):
    index = next((folder / "plain").glob("*.index"))
    shutil.copy(index, tmp_path / "model.index")
    data = tmp_path / "model.data-00000-of-00001"
    data.write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:0123\nsize 12345\n")
    message = f"{data}: this is a git-LFS pointer, not the file itself: run git lfs pull\n"
    assert f"note: incomplete: {message}" in run("inspect", tmp_path / "model")
    assert run("inspect", "--digest", tmp_path / "model", code=2).endswith(
        f"legacy-nets: {message}"
    )


@pytest.fixture
def models(tmp_path):
    """Weight files in two folders, a checkpoint, one that is damaged, and a text."""
    models = tmp_path / "models"
    (models / "deep").mkdir(parents=True)
    np.savez(models / "a.npz", **{"x/weights": np.ones((2, 3), np.float32)})
    np.savez(models / "deep" / "b.npz", **{"y/weights": np.ones(5), "y/biases": np.ones(2)})
    (models / "deep" / "c.h5").write_bytes(b"\x89HDF\r\n\x1a\n damaged")
    (models / "readme.txt").write_text("text")
    return models


def test_a_folder_of_models(folder, models):
    shutil.copytree(folder / "plain", models / "run")
    lines = run("inspect", models, "--jobs", 2, code=1).splitlines()
    assert lines[:2] == ["a.npz: 1 tensors, 6 parameters", "deep/b.npz: 2 tensors, 7 parameters"]
    assert lines[2].startswith("deep/c.h5: ") and "damaged" in lines[2]
    checkpoint = "run/model.ckpt-7.meta: 6 tensors, 2,770,892 parameters, global step 7"
    assert lines[3:] == [checkpoint, "4 models, 1 of them cannot be read; 2 other files"]


@pytest.mark.rare
@pytest.mark.usefixtures("ray")
def test_a_folder_of_models_on_ray(models):
    given = ("inspect", models, "--json")
    rows = [run(*given, *more, code=1) for more in (("--jobs", 1), ("--ray-address", "local"))]
    assert rows[0] == rows[1]
    found = json.loads(rows[0])
    assert found["other_files"] == 1
    assert [(row["name"], row["parameters"], row["step"]) for row in found["models"]] == [
        ("a.npz", 6, None),
        ("deep/b.npz", 7, None),
        ("deep/c.h5", 0, None),
    ]
    assert [bool(row["problem"]) for row in found["models"]] == [False, False, True]


def test_the_current_folder_is_a_folder_of_models(models, monkeypatch):
    monkeypatch.chdir(models)
    assert run("inspect", ".", "--jobs", 1, code=1).splitlines()[-1].startswith("3 models, 1 of ")
    assert run("inspect", "..", "--jobs", 1, code=1).splitlines()[-1].startswith("3 models, 1 of ")


def test_misuses_of_a_folder_of_models(models, tmp_path):
    stats = run("inspect", models, "--jobs", 1, "--stats", code=2)
    assert f"--stats is for one model, and {models} is a folder of models" in stats
    for more in (("--jobs", 2), ("--ray-address", "local")):
        one = run("inspect", models / "a.npz", *more, code=2)
        assert "--jobs and --ray-address are for a folder of models, " in one
    (tmp_path / "empty").mkdir()
    empty = run("inspect", tmp_path / "empty", "--jobs", 2, code=2)
    assert "no model below it (0 other files)" in empty
