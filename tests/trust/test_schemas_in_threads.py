"""Several documents are verified at once from the first moment on (design.md §3 invariant 10)."""

import subprocess
import sys

_FIRST_USE = """
from threading import Barrier, Thread
from lxml import etree
from trust import schemas
from trust.errors import VerificationError

element = etree.fromstring('<m:EntityDescriptor xmlns:m="urn:oasis:names:tc:SAML:2.0:metadata" entityID="x"/>')
together, said = Barrier(8), []

def run():
    together.wait()
    try:
        schemas.validate(element)
    except Exception as error:
        said.append(type(error))

threads = [Thread(target=run) for _ in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
assert said == [VerificationError] * 8, said
"""


def test_first_documents_may_be_verified_in_several_threads() -> None:
    """libxml2 cannot compile schemas side by side: it fails, or ends the process. In a process of its own,
    since a schema is compiled once."""
    done = subprocess.run([sys.executable, "-c", _FIRST_USE], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
