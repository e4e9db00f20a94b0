"""What the five tutorial documents state, measured on the live graph, and where they err.

    facts("002")                     every number, shape and claim of a document (or net, or id)
    measure(fact)                    Measured(value, verdict): the measured value and the verdict
    errata("hand_signs")             defects: what the original code does, the fix, its tests
    pitfalls.list_pitfalls("T03")    a pitfall of TensorFlow 1: see pitfalls.py

Reading the catalogue imports no TensorFlow; ``measure`` does, and builds only what it needs.

**How to add a document.** Add two tables and a module, all named after the document's number, a
row of ``CHECKS`` in ``checks/tables.py``, and a ``Document`` in ``legacy_nets/registry.py``.

``data/facts_NNN.csv``: id, place (line of the document), nets (names or patterns of the registry,
separated by blanks), quantity, stated, source, verdict, measured, why, measure. ``measure`` holds
one or more *measurements*, separated by " | ". Each is the name of a check function and its
arguments, separated by blanks and quoted as in a shell: ``get_shape inception_v3 Mixed_5b``. The
function is looked up in ``CHECKS`` of ``checks/document_NNN.py``, then of ``checks/common.py``. It
takes words and measures a live graph. It returns None for what cannot be measured here, or a value
that ``judge.format_value`` writes in the form of the stated one: a tuple is a shape,
``Nx35x35x256``; a list is ``64, 96, 96``; a float is rounded to the digits that are stated. A check
never repeats the stated number. The verdict is computed from the measured values:

    confirmed   each gives the stated value          ``measured`` is empty
    derived     the same; the document does not      ``measured`` is empty
                state the value, its code yields it
    wrong       none does                            ``measured``: 149x149x32, not 150x150x32
    ambiguous   some do, or some are not possible    ``measured``: 4 | 16, not 4
                                                     ``why`` says how it can be confirmed

``source`` says how the cited lines give the stated value: ``literal`` (each number or name is
there), ``in symbols`` (the line has the letters or names of sizes, or a name that ends in the
number), ``in words``, ``derived`` (the line's code yields it) or ``in a figure``.
``tests/documents/test_sources.py`` reads the lines where the documents are available.

``data/errata_NNN.csv``: id, place, nets, kind, literal (what the original code does: the error and
its message, or the wrong result), harm (the number of a wrong result without an error), measure
(the measurement of this number), fix, tests ("tests/test_x.py::test_y", separated by blanks).
Write the tables with \\n line ends, and quotes only where needed.

``pytest tests/documents/test_facts.py -k NNN`` measures every row, and checks that the test would
notice any other stated value.
"""

from __future__ import annotations

from legacy_nets.documents.catalogue import Erratum, Fact, errata, facts
from legacy_nets.documents.judge import Measured, measure, measure_harm

__all__ = ["Erratum", "Fact", "Measured", "errata", "facts", "measure", "measure_harm"]
