"""What the five tutorial documents state, measured on the live graph, and where they err.

    facts("002")                    every number, shape and claim of a document (or of a net, an id)
    measure(fact)                   Measured(value, verdict): what is so, and what follows from it
    errata("hand_signs")            the defects, what the literal code does, the mend, its test
    traps.traps("T03")              a pitfall of TensorFlow 1: see traps.py

Reading the catalogue imports no TensorFlow; ``measure`` does, and builds only what it needs.

**How to add a document.** Two tables and a module, named after the number of the document:

``data/facts_NNN.csv``: id, place (line of the document), quantity, stated, verdict, measured, why,
nets (names of the registry, blanks between), measure. ``measure`` holds one or more *readings*,
" | " between them; each is the name of a function and its arguments, blanks between (quote as in a
shell): ``shape inception_v3 Mixed_5b``. The function is looked up in ``measure_NNN.py``, then in
``measuring.py``; it takes words, measures something live and gives it back: None for what is not
to be had here, or a value that ``judge.text`` writes in the form of the stated one (a tuple is a
shape, ``Nx35x35x256``; a list ``64, 96, 96``; a float is rounded to the digits that are stated).
It never restates the number. The verdict is computed from the readings:

    holds       each gives the value stated          ``measured`` is empty
    wrong       none does                            ``measured``: 149x149x32, not 150x150x32
    ambiguous   some do, or some are not to be had   ``measured``: 4 | 16, not 4
                                                     ``why`` says under which reading it holds

``data/errata_NNN.csv``: id, place, kind, literal (what the code does as it stands: type of error
and message, or the silent harm), harm (its number), measure (one reading that gives that number,
where the kind is silent), mend, tests ("tests/test_x.py::test_y", blanks between). Which nets an
erratum concerns stands in the registry. Write with \\n line ends, quotes only where needed.

``pytest tests/documents/test_facts.py -k NNN`` then measures every row, and checks that no stated
value
could be another one without notice.
"""

from __future__ import annotations

from legacy_nets.documents.catalogue import Erratum, Fact, errata, facts
from legacy_nets.documents.judge import Measured, harm, measure

__all__ = ["Erratum", "Fact", "Measured", "errata", "facts", "harm", "measure"]
