"""Writes docs/transcripts: a session of every command, as it was printed.

``python scripts/docs/transcripts.py [COMMAND ...]`` runs the sessions of these commands, or all in
some minutes, in a new folder and in the order of the table below: some use what others left.
Run it where a command prints something else.
"""

from __future__ import annotations

import dataclasses
import os
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from legacy_nets.data.synthetic.digits import draw_digit
from legacy_nets.data.synthetic.flowers import make_flowers

ROOT = Path(__file__).resolve().parents[2]
PAGES = ROOT / "docs" / "transcripts"
FRONT = "---\nhtml_theme.sidebar_secondary.remove: true\n---"  # the site gives it more width
SCRIPT = """\
import numpy as np
import tensorflow as tf

x = tf.placeholder(tf.float32, [None, 2], name="x")
y = tf.contrib.layers.fully_connected(x, 1, activation_fn=None)
loss = tf.reduce_mean(tf.square(y - tf.reduce_sum(x, 1, keep_dims=True)))
train_step = tf.train.GradientDescentOptimizer(0.1).minimize(loss)
with tf.Session() as session:
    session.run(tf.global_variables_initializer())
    for step in range(201):
        batch = np.random.RandomState(step).rand(32, 2)
        value, _ = session.run([loss, train_step], {x: batch})
        if step % 100 == 0:
            print("step %d: loss %.5f" % (step, value))
    print("saved", tf.train.Saver().save(session, "sums/model.ckpt"))
"""


@dataclasses.dataclass(frozen=True)
class Session:
    """One page: what its lines are about, and the lines as they are typed."""

    about: str
    lines: tuple[str, ...]
    needs: tuple[str, ...] = ()  # sessions that leave what this one uses
    is_compared: bool = False  # a test runs it again: it takes seconds and is the same everywhere


SESSIONS = {
    "nets": Session(
        "The nets of a family, by a pattern.", ("nets 'resnet_v2_*'", "nets vgg"), is_compared=True
    ),
    "describe": Session(
        "The layers of a net, what they cost, and what part of the image they depend on.",
        ("describe demo_cnn",),
    ),
    "explain": Session(
        "One section of the walk through a net, and pictures of it.",
        ("explain hand_signs --at res2a", "explain demo_cnn --at conv1 --figure figures"),
    ),
    "book": Session(
        "The part of the book on a net, as one file.",
        ("book demo_cnn --out pages",),
        is_compared=True,
    ),
    "facts": Session(
        "A claim of a document, measured on the live graph.", ("facts 000-F07", "facts 002-F01")
    ),
    "errata": Session(
        "What a line of a document's code does, and the fix.",
        ("errata 003-E05", "errata 003-E5"),
        is_compared=True,
    ),
    "pitfalls": Session(
        "A pitfall of TensorFlow 1, run without and with the fix.", ("pitfalls T03 --code",)
    ),
    "run": Session(
        "A script of TensorFlow 1 as it is; --report says what it needed.",
        ("run sums.py", "run --report sums.py"),
    ),
    "upgrade": Session(
        "The same script, rewritten for plain python.",
        ("upgrade sums.py --check", "upgrade sums.py --out today"),
        is_compared=True,
    ),
    "train": Session(
        "A training on generated digits, which is then continued for 50 steps.",
        (
            "train demo_cnn --model-dir run --steps 200 --evaluate-every 100",
            "train demo_cnn --model-dir run --resume --steps 250",
            "train demo_cnn --model-dir run",
        ),
    ),
    "launch": Session(
        "A training by a parameter server and two workers, then a cluster that cannot train.",
        (
            "launch --workers 2 --ps 1 -- train demo_cnn --model-dir cluster --steps 200",
            "launch --workers 2 --ps 0 -- train demo_cnn --model-dir cluster",
        ),
    ),
    "evaluate": Session(
        "The digits that the training held out.",
        ("evaluate demo_cnn --checkpoint run",),
        needs=("train",),
    ),
    "predict": Session(
        "One picture; then a folder with one that is damaged, into a file.",
        (
            "predict demo_cnn --checkpoint run seven.png",
            "predict demo_cnn --checkpoint run pictures --csv classes.csv --top 1",
            "predict demo_cnn --checkpoint run eight.png",
        ),
        needs=("train",),
    ),
    "score": Session(
        "A folder with a damaged picture; the same again, which has nothing to do.",
        (
            "score demo_cnn --checkpoint run --input pictures --output scores --top 1",
            "score demo_cnn --checkpoint run --input pictures --output scores --top 1",
        ),
        needs=("train",),
    ),
    "records": Session(
        "A folder of pictures as TFRecord files.",
        ("records --data flowers --out flower_records --shards 2",),
        is_compared=True,
    ),
    "inspect": Session(
        "What is in the newest checkpoint of a folder, and in that of a script.",
        ("inspect run", "inspect sums --stats"),
        needs=("run", "train"),
    ),
    "diff": Session(
        "A checkpoint compared with a net, and the net that it matches.",
        ("diff run demo_cnn", "diff run --find-net", "diff run alexnet_v1"),
        needs=("train",),
    ),
    "port": Session(
        "The trained net as ONNX, and the checkpoint of a script as a SavedModel.",
        (
            "port run --net demo_cnn --to onnx --out digits.onnx",
            "port sums --to saved_model --out sums_today",
        ),
        needs=("run", "train"),
    ),
    "doctor": Session("This machine.", ("doctor",)),
}


def prepare(folder: Path) -> None:
    """Writes the files that the sessions begin with."""
    (folder / "sums.py").write_text(SCRIPT)
    rng = np.random.default_rng(7)
    Image.fromarray(draw_digit(7, rng)).save(folder / "seven.png")
    (folder / "pictures").mkdir()
    for digit in (1, 4):
        Image.fromarray(draw_digit(digit, rng)).save(folder / "pictures" / f"{digit}.png")
    (folder / "pictures" / "damaged.png").write_bytes((folder / "seven.png").read_bytes()[:90])
    make_flowers(folder / "flowers", (4, 2))


def run_session(name: str, folder: Path) -> str:
    """Runs the lines of a session in a folder; returns its page."""
    session = SESSIONS[name]
    parts = [FRONT, f"# legacy-nets {name}", session.about]
    if any("sums.py" in line for line in session.lines):
        parts.append(f"`sums.py` is:\n\n```python\n{SCRIPT}```")
    modules = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    environment = {"PYTHONPATH": modules, "LC_ALL": "C.UTF-8", "COLUMNS": "100"}
    for line in session.lines:
        done = subprocess.run(
            [sys.executable, "-m", "legacy_nets", *shlex.split(line)],
            cwd=folder,
            env={**os.environ, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        rows = [row.rstrip() for row in done.stdout.splitlines()]
        output = "\n".join(row for row in rows if not row.startswith("PYTHONPATH ")).strip("\n")
        parts.append(f"```console\n$ legacy-nets {line}\n{output}\n```")
        if done.returncode:
            parts.append(f"The exit code is {done.returncode}.")
    page = "\n\n".join(parts) + "\n"
    for path, shown in ((folder.resolve(), "~"), (sys.prefix, "~/.venv"), (ROOT, "~/legacy_nets")):
        page = page.replace(str(path), shown)
    return page


def write_index() -> str:
    """The page that lists the sessions."""
    rows = "\n".join(
        f"- [{name}]({name}.md): {session.about}" for name, session in SESSIONS.items()
    )
    pages = "\n".join(SESSIONS)
    return f"""# Sessions

What each command prints, from its first line to its last. `python scripts/docs/transcripts.py` ran
them, in one folder.

{rows}

```{{toctree}}
:hidden:

{pages}
```
"""


def main(names: list[str]) -> None:
    """Runs the sessions of these commands, or of all, and writes their pages."""
    wanted = names or list(SESSIONS)
    needed = {other for name in wanted for other in SESSIONS[name].needs}
    PAGES.mkdir(exist_ok=True)
    (PAGES / "index.md").write_text(write_index(), encoding="utf-8")
    with tempfile.TemporaryDirectory() as work:
        prepare(Path(work))
        for name in SESSIONS:
            if name not in wanted and name not in needed:
                continue
            print(name, flush=True)
            page = run_session(name, Path(work))
            if name in wanted:
                (PAGES / f"{name}.md").write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
