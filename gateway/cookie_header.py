r"""One cookie out of the ``Cookie`` header, by its exact name.

The names of ours begin with ``__Host-``, which no other host of the site can set. It can set
``\xa0__Host-...``, though, which a browser takes for another name and a generous reader for ours. So only
what RFC 6265 §4.2.1 puts between cookies is taken off, and nothing is unquoted.
"""

from __future__ import annotations

from starlette.requests import Request


def cookie(request: Request, name: str) -> str | None:
    """The value of the first cookie called ``name``; None: there is none."""
    for pair in request.headers.get("cookie", "").split(";"):
        found, _, value = pair.strip(" \t").partition("=")
        if found == name:
            return value
    return None
