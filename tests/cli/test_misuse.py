"""Misuses of commands: one line each that says what to do, exit code 2, and nothing is created.

Those of ``train``: test_train_misuse.py.
"""

import pathlib
import shlex
import shutil

import pytest
from commands import check_misuse, train_tiny
from PIL import Image

RUN = "--checkpoint run"
MISUSES = {  # arguments -> part of the line
    # evaluate: the checkpoint
    "evaluate": "Missing argument 'NET'",
    "evaluate tiny": "Missing option '--checkpoint'",
    "evaluate tinny --checkpoint run": "no net is called 'tinny'; nearest: tiny, ",
    "evaluate tiny --checkpoint nowhere": "nowhere: no such checkpoint or weight file; nearest",
    "evaluate tiny --checkpoint empty": "empty: no checkpoint in this folder (no .index file)",
    "evaluate tiny --checkpoint note.txt": "note.txt: not a known weight file; readable are",
    "evaluate tiny_grey --checkpoint run": "is a checkpoint of tiny, not of tiny_grey",
    "evaluate tiny --checkpoint run/model.ckpt-4 --best": "has no readable best.json",
    f"evaluate tiny {RUN} --data signs --ema": "has no moving averages: use --raw",
    'evaluate tiny --checkpoint "" --data signs': "'--checkpoint': it is empty: name a file or f",
    f'evaluate tiny {RUN} --data ""': "'--data': it is empty: name a file or folder",
    # evaluate: settings
    f"evaluate tiny {RUN} --data signs --num-classes 0": "Invalid value for '--num-classes'",
    f"evaluate tiny {RUN} --data signs --num-classes 9999999": "is not in the range 1<=x<=1048",
    f"evaluate tiny {RUN} --data signs --num-classes 7": "names 6 classes: leave it out",
    f"evaluate tiny {RUN} --data signs --label-offset 3": "tiny/dense/",
    f"evaluate tiny {RUN} --data signs --image-size big": "--image-size 'big': write 96, or",
    f"evaluate tiny {RUN} --data signs --frames 4": "--frames is for nets that take clips",
    f"evaluate tiny {RUN} --data signs --preprocessing none": "'none' is not one of",
    f"evaluate tiny {RUN} --data signs --class-indices nowhere": "no such file: nowhere",
    f"evaluate tiny {RUN} --data signs --option wide=2": "tiny takes no option 'wide'; it takes",
    # evaluate: what options alone decide comes before the data
    f"evaluate tiny {RUN} --data nowhere --image-size 4": "tiny cannot be built at 4x4",
    f"evaluate tiny {RUN} --data nowhere --option width=0": "with the options {'width': 0}",
    f"evaluate tiny {RUN} --data nowhere --frames 4": "--frames is for nets that take clips",
    f"evaluate tiny {RUN} --data nowhere --num-classes 7": "names 6 classes: leave it out",
    f"evaluate tiny {RUN} --data nowhere --image-size 32": "model.ckpt-4 does not match the graph",
    f"evaluate tiny {RUN} --data nowhere --label-offset 3": "model.ckpt-4 does not match the graph",
    f"evaluate tiny {RUN} --data nowhere --ema": "has no moving averages: use --raw",
    # evaluate: data
    f"evaluate tiny {RUN} --data nowhere": "no such folder: nowhere",
    f"evaluate tiny {RUN} --data empty": "empty holds no sub-folders",
    f"evaluate tiny {RUN} --data note.txt": "note.txt is no data set: give a folder with one sub-",
    f"evaluate tiny {RUN} --data photos": "photos has no folders train and val: say what share",
    f"evaluate tiny {RUN} --data photos --holdout 0.5": "knows 6 classes, but photos has 2",
    f"evaluate tiny {RUN} --data photos --holdout 2": "2.0 is not in the range 0<x<1",
    f"evaluate tiny {RUN} --data signs --holdout 0.5": "signs has both splits already: leave",
    f"evaluate tiny {RUN} --data signs --split dev": "'dev' is not one of 'test', 'train'",
    f"evaluate tiny {RUN} --data signs --output note.txt": "note.txt is a file): give a folder",
    f"evaluate tiny {RUN} --data signs --outptu x": "No such option '--outptu'",
    # predict: images
    "predict": "Missing argument 'NET'",
    f"predict tiny {RUN}": "Missing argument 'IMAGES...'",
    f"predict tiny {RUN} nowhere.png": "no such image: nowhere.png",
    f"predict tiny {RUN} photos/a/0.png nowhere.png": "no such image: nowhere.png",
    f"predict tiny {RUN} note.txt": "a readable image (not JPEG, PNG, BMP, GIF, PPM, TIFF, WebP",
    f'predict tiny {RUN} ""': "'IMAGES...': it is empty: name a file or folder",
    f'predict tiny {RUN} photos --csv ""': "'--csv': it is empty: name a file or folder",
    f"predict tiny {RUN} empty": "no image in empty",
    f"predict tiny {RUN} 'none*.png'": "no image in none*.png",
    f"predict tiny {RUN} -": "no image in standard input",
    # predict: what options alone decide comes before the headers of the pictures
    f"predict tiny {RUN} note.txt --image-size 4": "tiny cannot be built at 4x4",
    f"predict tiny {RUN} note.txt --option width=0": "with the options {'width': 0}",
    f"predict tiny {RUN} note.txt --image-size 32": "model.ckpt-4 does not match the graph",
    f"predict tiny {RUN} note.txt --option width=5": "model.ckpt-4 does not match the graph",
    f"predict tiny {RUN} note.txt --features flatt --out x.npz": "no end point 'flatt'; nearest",
    "predict resnet_3d --checkpoint run note.txt --frames 1": "is a checkpoint of tiny, not of",
    # describe
    "describe tiny --size 4x4": "tiny cannot be built at 4x4: ",
    "describe tiny --option width=0": "tiny cannot be built at 64x64 with the options {'width': 0}",
    "describe tiny --size 4xbig": "--image-size '4xbig': write 224, 224x299",
    "describe tiny --size 4x0": "--image-size '4x0': write 224, 224x299",
    # explain: before the net is built
    "explain hand_signs --figure f --checkpoint nowhere": "nowhere: no such checkpoint or weight",
    "explain hand_signs --figure f --image nowhere.png": "no such image: nowhere.png",
    # predict: results
    f"predict tiny {RUN} photos --top 0": "Invalid value for '--top'",
    f"predict tiny {RUN} photos --json --csv x.csv": "--json, --csv and --features exclude each",
    f"predict tiny {RUN} photos --csv nowhere/x.csv": "nowhere is no folder; make it first",
    f"predict tiny {RUN} photos --csv photos": "--csv photos is a folder: name a file",
    f"predict tiny {RUN} photos --features flat": "--features and --out go together",
    f"predict tiny {RUN} photos --out x.npz": "--features and --out go together",
    f"predict tiny {RUN} photos --features flatt --out x.npz": "no end point 'flatt'; nearest",
    f"predict tiny {RUN} photos --features flat --out empty": "--out empty is a folder: name a",
    "predict tiny --checkpoint nowhere photos": "nowhere: no such checkpoint or weight",
    # records
    "records --data photos --holdout 0.5": "Missing option '--out'",
    "records --out new": "records needs --data: the data set to write",
    "records --data nowhere --out new": "no such folder: nowhere",
    "records --data photos/a --out new": "photos/a holds no sub-folders: it needs one for each",
    "records --data empty --out new": "empty holds no sub-folders",
    "records --data note.txt --out new": "note.txt is no data set: give a folder with one sub-",
    "records --data photos.zip --out new": "photos.zip is an archive: unpack it, and give the f",
    "records --data photos.tgz --out new": "photos.tgz is an archive: unpack it, and give the f",
    "records --data photos --holdout 0.5 --out ''": "'--out': it is empty: name a file or folder",
    "records --data run --out new": "run",
    "records --data photos --out new": "photos has no folders train and val: say what share",
    "records --data photos --holdout nan --out new": "'--holdout'",
    "records --data signs --holdout 0.5 --out new": "signs has both splits already: leave",
    "records --data signs --out photos": "--out photos exists already: name a new folder",
    "records --data signs --out note.txt": "--out note.txt exists already: name a new folder",
    "records --data signs --out note.txt/new": "note.txt/new cannot be written",
    "records --data signs --shards 0 --out new": "Invalid value for '--shards'",
    "records --data signs --shards 99 --out new": "--shards 99: there are 24 images; give fewer",
    "records --data signs --num-classes 3 --out new": "--num-classes 3: synthetic hand signs",
    "records photos --out new": "Got unexpected extra argument (photos)",
    # doctor
    "doctor --jsn": "No such option '--jsn'",
    "doctor tiny": "Got unexpected extra argument (tiny)",
    "doctr": "No such command 'doctr'; nearest: doctor",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with data of several kinds, a run, an empty folder and a text."""
    folder = tmp_path_factory.mktemp("user")
    train_tiny(folder, test=1)
    for name in "ab":
        (folder / "photos" / name).mkdir(parents=True)
        for number in range(3):
            Image.new("RGB", (9, 9)).save(folder / "photos" / name / f"{number}.png")
    shutil.make_archive(str(folder / "photos"), "zip", folder / "photos")
    archive = shutil.make_archive(str(folder / "photos"), "gztar", folder / "photos")
    pathlib.Path(archive).rename(folder / "photos.tgz")
    (folder / "empty").mkdir()
    (folder / "note.txt").write_text("a note\n")
    return folder


@pytest.mark.parametrize("arguments", MISUSES)
def test_misuse(folder, monkeypatch, arguments):
    check_misuse(folder, monkeypatch, MISUSES[arguments], *shlex.split(arguments))
