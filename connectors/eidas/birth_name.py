"""The family name at birth out of eIDAS ``BirthName``, which holds the whole name at birth
(TR-03130-1 §5.2, rule for ``BirthName``; eidas.md §11.2)."""

from __future__ import annotations


def family_name_at_birth(birth_name: str, *, given: str, family: str) -> str:
    """Without the current first names; empty where nothing has changed since birth.

    Somebody whose first names were others at birth keeps the whole name. Applied to its own result
    the rule changes nothing, so it does no harm behind an eID-Server that has applied it.

    >>> family_name_at_birth("Erika Gabler", given="Erika", family="Mustermann")
    'Gabler'
    >>> family_name_at_birth("André Mustermann", given="André", family="Mustermann")
    ''
    >>> family_name_at_birth("Hans Müller", given="Peter", family="Müller")
    'Hans Müller'
    """
    words, first = birth_name.split(), given.split()
    rest = words[len(first) :] if first and words[: len(first)] == first else words
    return "" if rest == family.split() else " ".join(rest)
