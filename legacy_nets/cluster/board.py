"""What the tasks tell each other, as variables on the ps: settings, signs of life, departures."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import threading
import time

from legacy_nets import tf1 as tf
from legacy_nets.cluster.task import Task
from legacy_nets.errors import BadInputError
from legacy_nets.train.resume import MAY_CHANGE
from legacy_nets.train.settings import Settings, parse_settings
from legacy_nets.types import Array, ConfigProto, Session, Tensor, Variable
from legacy_nets.version import __version__

# What a session raises where a task was lost, or came back without its variables.
LOST = (
    tf.errors.AbortedError,
    tf.errors.UnavailableError,
    tf.errors.FailedPreconditionError,
    tf.errors.NotFoundError,
    tf.errors.CancelledError,
)


def build_departures(task: Task, ps: int) -> Variable:
    """Builds the variable of a ps that says which trainers have left: bool [trainers]."""
    with tf.device(f"/job:ps/task:{ps}"):
        return tf.Variable(
            [False] * len(task.trainers), name=f"departures_{ps}", collections=[], trainable=False
        )


@dataclasses.dataclass(frozen=True)
class Terms:
    """What all trainers must agree on."""

    settings: Settings
    sync: bool
    version: str = __version__
    tensorflow: str = tf.GIT_VERSION
    chief: int = dataclasses.field(default_factory=time.time_ns)  # a number of each start of it

    def dump(self) -> str:
        """Formats the terms as JSON."""
        settings = json.dumps(dataclasses.asdict(self.settings))
        return json.dumps({**vars(self), "settings": settings})


def parse_terms(text: str) -> Terms:
    """Parses what ``Terms.dump`` formatted, maybe in another version.

    Raises BadInputError where another version has written it.
    """
    values = json.loads(text)
    try:
        return Terms(**{**values, "settings": parse_settings(values["settings"])})
    except (TypeError, KeyError, ValueError):
        raise BadInputError(
            f"the chief runs legacy_nets {values.get('version')}, this task {__version__}: install "
            "one version everywhere"
        ) from None


def check_terms(chief: Terms, own: Terms, task: Task) -> None:
    """Raises BadInputError where a worker does not train as the chief does; names both."""
    pairs = [
        ("legacy_nets", chief.version, own.version),
        ("TensorFlow", chief.tensorflow, own.tensorflow),
        ("the net", chief.settings.net, own.settings.net),
        ("--sync", chief.sync, own.sync),
    ]
    before, now = vars(chief.settings), vars(own.settings)
    pairs += [(name, before[name], now[name]) for name, may in MAY_CHANGE.items() if not may]
    differing = [pair for pair in pairs if pair[1] != pair[2]]
    if differing:
        label, first, second = differing[0]
        raise BadInputError(
            f"the chief has {label} {first!s:.80}, {task.name} has {second!s:.80}: start all tasks "
            "with the same packages, net, data and options"
        )


class Board:
    """The variables that a trainer reads and writes, in a session of its own.

    The training and its ``Watch`` use it from two threads, one after the other.
    """

    def __init__(self, task: Task, target: str, config: ConfigProto) -> None:
        self._task, self._target, self._config = task, target, config
        self._graph = tf.Graph()
        self._session: Session | None = None
        self._lock = threading.Lock()
        with self._graph.as_default():
            with tf.device("/job:ps/task:0"):
                terms = tf.Variable("", name="terms", collections=[], trainable=False)
                beats = tf.Variable(
                    [0] * len(task.trainers), name="beats", collections=[], trainable=False
                )
            self._text = tf.placeholder(tf.string, [])
            self._publish = tf.group(terms.assign(self._text), beats.initializer)
            self._has_terms = tf.identity(tf.is_variable_initialized(terms))
            self._terms, self._beats = terms.read_value(), beats.read_value()
            self._beat = tf.scatter_add(beats, task.trainer_index, 1)
            departures = [build_departures(task, ps) for ps in range(len(task.parameter_servers))]
            self._leave = [tf.scatter_update(each, task.trainer_index, True) for each in departures]
            self._departures = [each.read_value() for each in departures]
            self._chief_left = departures[0][0]
        self._graph.finalize()  # several threads use it

    def _run(self, fetches: Tensor | list[Tensor], feed: dict[Tensor, str] | None = None) -> Array:
        """Runs in a session, which is opened again after a loss. Raises what ``LOST`` lists."""
        with self._lock:
            if self._session is None:
                self._session = tf.Session(self._target, graph=self._graph, config=self._config)
            try:
                return self._session.run(fetches, feed)
            except LOST:
                with contextlib.suppress(tf.errors.OpError):
                    self._session.close()
                self._session = None
                raise

    def publish(self, terms: Terms) -> None:
        """Writes the chief's terms."""
        self._run(self._publish, {self._text: terms.dump()})

    def read_terms(self) -> Terms | None:
        """Reads the chief's terms; None before it has written them."""
        if not self._run(self._has_terms):
            return None
        return parse_terms(bytes(self._run(self._terms)).decode())

    def ask(self, ps: int) -> None:
        """Waits for an answer of a ps."""
        self._run(self._departures[ps])

    def beat(self) -> None:
        """Gives a sign of life."""
        self._run(self._beat)

    def read_beats(self) -> list[int]:
        """Reads how many signs of life each trainer has given."""
        beats: list[int] = self._run(self._beats).tolist()
        return beats

    def leave(self) -> None:
        """Tells every ps that this trainer has finished."""
        self._run(self._leave)

    def has_chief_left(self) -> bool:
        """Whether the chief has finished, with the last checkpoint written."""
        return bool(self._run(self._chief_left))
