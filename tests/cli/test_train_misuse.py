"""Misuses of ``train``: one line each that says what to do, exit code 2, and nothing is created."""

import shlex

import pytest
from commands import check_misuse, refused, train_tiny

MISUSES = {  # arguments after NET, with --model-dir new where it is not said -> part of the line
    # options of the net: its function tells, before data are read or drawn
    "tiny --option keepprob=1": "tiny takes no option 'keepprob'; it takes scope, explode, width",
    "hand_signs --option keepprob=1": "hand_signs takes no option 'keepprob'; it takes",
    "hand_signs --option keep_prob=half": "option keep_prob takes a number, not 'half'",
    "hand_signs --option shortcut_batch_norm=2": "takes true or false, not 2",
    "tiny --option width": "--option 'width': write NAME=VALUE",
    "tiny --option num_classes=3": "--option num_classes: that is set by the command itself",
    "tiny --option width=0": "tiny cannot be built at 64x64 with the options {'width': 0}",
    "tiny --trainable none": "--trainable 'none' matches no variable of the net; scopes are: tiny",
    "demo_cnn --batch-norm-decay 0.5": "--batch-norm-decay is for slim's nets, not demo_cnn: try",
    "tiny --batch-norm-decay 0.5 --data nowhere": "is for slim's nets, not tiny: try --option mom",
    "tiny --model-dir run --resume --batch-norm-decay 0.5 --data nowhere": "is for slim's nets",
    "tiny --image-size 4 --data nowhere": "tiny cannot be built at 4x4",
    # sizes
    "tiny --image-size big": "--image-size 'big': write 96, or 96x128 (height x width)",
    "tiny --image-size 4": "tiny cannot be built at 4x4",
    "tiny --image-size 900000": "the pixels of one picture are",
    "tiny --frames 4": "--frames is for nets that take clips: leave it out",
    # numbers
    "tiny --steps 0": "Invalid value for '--steps'",
    "tiny --steps 10000000000": "'--steps': 10000000000 is not in the range 1<=x<=1000000000",
    "tiny --warmup 1000000000000": "'--warmup': 1000000000000 is not in the range 0<=x<=",
    "tiny --num-classes 100000000": "'--num-classes': 100000000 is not in the range 1<=x<=1048",
    "tiny --label-offset 100000000": "'--label-offset': 100000000 is not in the range 0<=x<=1048",
    "tiny --steps many": "'many' is not a whole number",
    "tiny --batch-size -1": "Invalid value for '--batch-size'",
    "tiny --learning-rate 0": "Invalid value for '--learning-rate'",
    "tiny --learning-rate nan": "Invalid value for '--learning-rate': nan is not a finite number",
    "tiny --aux-weight inf": "Invalid value for '--aux-weight': inf is not a finite number",
    "tiny --augment --zoom nan": "Invalid value for '--zoom': nan is not a finite number",
    "tiny --holdout nan": "Invalid value for '--holdout': nan is not a finite number",
    "tiny --ema 1": "Invalid value for '--ema'",
    "tiny --ema nan": "Invalid value for '--ema'",
    "tiny --warmup -1": "Invalid value for '--warmup'",
    "tiny --seed -1": "Invalid value for '--seed'",
    "tiny --holdout 0.5 --data signs": "signs has both splits already: leave --holdout out",
    # options that belong to others
    "tiny --zoom 0.1": "--zoom and --rotate belong to --augment: give that too",
    "tiny --exclude tiny/dense": "--exclude and --warm-start-ema belong to --warm-start",
    # empty: the value of a variable that is not set
    "tiny --data nowhere --model-dir ''": "'--model-dir': it is empty: name a file or folder",
    "tiny --data ''": "'--data': it is empty: name a file or folder",
    "tiny --data nowhere --warm-start ''": "'--warm-start': it is empty: name a file or folder",
    # names
    "tinny": "no net is called 'tinny'; nearest: tiny, ",
    "001": "001 is a document, not a net; its nets: hand_signs",
    "tiny --preprocessing none": "'none' is not one of",
    "tiny --lr 1": "No such option '--lr'",
    # files
    "tiny --data nowhere": "no such folder: nowhere; nearest: ",
    "tiny --data empty": "empty holds no sub-folders: it needs one for each class",
    "tiny --data note.txt": "note.txt is no data set: give a folder with one sub-folder per class",
    "tiny --warm-start nowhere": "nowhere: no such checkpoint or weight file; nearest: ",
    "tiny --data signs --warm-start run/log.csv": "log.csv: not a known weight file; readable",
    "tiny_grey --data signs --warm-start run": "model.ckpt-4 does not match the graph",
    # weights to start from: compared with the net before the data are read
    "tiny --warm-start run --option width=4 --data nowhere": "kernel (graph [3, 3, 3, 4], check",
    "tiny --warm-start run --image-size 48 --data nowhere": "graph [128, ?], checkpoint [288, 6]",
    "tiny --warm-start run --num-classes 7 --data nowhere": "graph [288, 7], checkpoint [288, 6]",
    "tiny --warm-start run --data photos": "tiny/dense has 2 classes, in the checkpoint 6: build",
    "tiny --warm-start run --num-classes 9 --data nowhere": "tiny/dense has 9 classes, in the "
    "checkpoint 6: leave it out with skip=('tiny/dense',) (train --exclude tiny/dense)",
    "tiny --warm-start run --data photos --exclude tiny/dense": "photos/train/a holds no image (n",
    "tiny --warm-start run --data nowhere": "no such folder: nowhere",  # any number of classes fits
    "demo_cnn --warm-start run --data nowhere": "names in common: probably the checkpoint of ano",
    "tiny --warm-start run --warm-start-ema --data nowhere": "has no moving averages: leave",
    "tiny --warm-start run --exclude none --data nowhere": "skip pattern 'none' matches no vari",
    "tiny --model-dir note.txt": "note.txt is a file",
    "tiny --model-dir note.txt/run": "note.txt is a file",
    "tiny --model-dir run": "run holds a run already (step 4): continue it with --resume",
    "tiny --model-dir run --resume --batch-size 3": "run was trained with batch_size = 8 (now 3)",
    "tiny --model-dir run --resume --option width=4": "run was trained with options = ",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with signs, a run, an empty folder, a text, and two classes of damaged pictures."""
    folder = tmp_path_factory.mktemp("user")
    train_tiny(folder, test=1)
    (folder / "empty").mkdir()
    for name in "ab":
        (folder / "photos" / "train" / name).mkdir(parents=True)
        (folder / "photos" / "val" / name).mkdir(parents=True)
        (folder / "photos" / "train" / name / "1.png").write_text("no picture\n")
    (folder / "note.txt").write_text("a note\n")
    return folder


@pytest.mark.parametrize("arguments", MISUSES)
def test_misuse(folder, monkeypatch, arguments):
    given = shlex.split(arguments)
    if "--model-dir" not in given:
        given += ["--model-dir", "new/run"]
    check_misuse(folder, monkeypatch, MISUSES[arguments], "train", *given)


def test_the_model_folder_is_required(folder, monkeypatch):
    monkeypatch.chdir(folder)
    assert "Missing option '--model-dir'" in refused("train", "tiny")
