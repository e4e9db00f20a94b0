"""Scripts in the way of the five documents run unmodified, and print what 1.15.5 prints.

One seed gives both the same first weights, so that the numbers can be compared.
"""

import re

import document_scripts
import numpy as np
import pytest
from scripts_of_users import run

from legacy_nets.data.synthetic.flowers import make_flowers

# What TensorFlow 1.15.5 printed.
PRINTED = {
    "CNN_LSTM": ["(?, 10) 28", "step 0 loss 2.3096", "step 1 loss 2.2999", "step 2 loss 2.2910"],
    "RESNET_2PLUS1D": ["(?, 10) 18", "sum 3.9465"],
    "HAND_SIGNS": [
        "step 0, training cost 1.591",
        "step 10, training cost 0.062",
        "step 20, training cost 0.005",
        "accuracy 1",
    ],
    "INCEPTION": [
        "(2, 10, 10, 20) Predictions/Reshape_1",
        "['Logits/Conv2d_1c_1x1/biases', 'Logits/Conv2d_1c_1x1/weights']",
        "sum 2.0000 largest 0.2015",
        "decay 0.000386",
    ],
    "RESNET_V2": [
        "(2, 17, 17, 64) 69 7",
        "resnet_v2/block1 resnet_v2/block2/unit_2/bottleneck_v2/conv3/biases",
        "mean 0.6729",
    ],
    "KERAS_FIT": ["['acc', 'loss', 'val_acc', 'val_loss'] 3", "sum 20.000", "True True"],
}
NUMBER = r"\d+\.\d+"


@pytest.mark.slow
@pytest.mark.parametrize("name", PRINTED)
def test_a_document_runs_as_under_1_15(tmp_path, name):
    script = tmp_path / "script.py"
    script.write_text(getattr(document_scripts, name))
    done = run(script, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()[-len(PRINTED[name]) :]
    assert [re.sub(NUMBER, "#", line) for line in lines] == [
        re.sub(NUMBER, "#", line) for line in PRINTED[name]
    ]
    got, wanted = (
        [float(number) for number in re.findall(NUMBER, " ".join(text))]
        for text in (lines, PRINTED[name])
    )
    # The last printed digit, and 1 % of what training has changed.
    np.testing.assert_allclose(got, wanted, rtol=1e-2, atol=1e-3)


@pytest.mark.slow
def test_a_training_loop_of_tensorflow_2_runs_with_tf2(tmp_path):
    (tmp_path / "train.py").write_text(document_scripts.KERAS_DEMO)
    (tmp_path / "model.py").write_text(document_scripts.KERAS_DEMO_MODEL)
    done = run("--tf2", "train.py", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    # 80 + 26 * 26 * 8 * 32 + 32 + 330 parameters
    wanted = "Epoch 20, parameters 173498, accuracy 100.0, loss below 1: True"
    assert done.stdout.splitlines()[-1] == wanted


def test_a_script_of_tensorflow_2_is_pointed_to_tf2(tmp_path):
    script = tmp_path / "script.py"
    script.write_text("def train():\n    raise RuntimeError('eager')  # GradientTape\ntrain()\n")
    done = run(script)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-2:] == [
        "RuntimeError: eager",
        f"legacy-nets: {script} looks like TensorFlow 2: run --tf2 {script}",
    ]


@pytest.mark.slow
def test_train_and_predict_scripts_of_document_004_run_with_tf2(tmp_path):
    """As docs/run.md says: flowers two folders above, a picture one folder above."""
    pytest.importorskip("scipy")
    make_flowers(tmp_path / "flower_data", (2, 1))
    folder = tmp_path / "scripts" / "small"
    folder.mkdir(parents=True)
    for name in ("model", "train", "predict"):
        source = getattr(document_scripts, f"FLOWERS_{name.upper()}")
        (folder / f"{name}.py").write_text(source)
    picture = (tmp_path / "flower_data" / "val" / "tulips" / "0000.jpg").read_bytes()
    (tmp_path / "scripts" / "tulip.jpg").write_bytes(picture)
    trained = run("--tf2", "train.py", cwd=folder)
    assert trained.returncode == 0, trained.stderr
    assert trained.stdout.splitlines()[-1] == "['accuracy', 'loss', 'val_accuracy', 'val_loss']"
    done = run("--tf2", "predict.py", cwd=folder)
    assert done.returncode == 0, done.stderr
    *classes, total = done.stdout.splitlines()
    names = [line.split()[1] for line in classes]
    assert names == ["daisy", "dandelion", "roses", "sunflowers", "tulips"]
    assert total == "sum 1.000"
