"""Certification paths of metadata signers (RFC 5280 §6.1, eidas.md §7.5)."""

from base64 import b64encode
from datetime import timedelta
from itertools import pairwise
from unittest.mock import Mock

import pytest

from tests.trust.metadata_maker import (
    NOW,
    issue,
    key,
    rsa_key,
    with_invalid_printable_string,
    with_name_that_is_no_text,
)
from trust import certificates
from trust.algorithms import Deviation
from trust.certificates import MAXIMUM_HINTS, MAXIMUM_PATH, ChainMode, require_path
from trust.errors import VerificationError
from trust.registry import ObjectKey
from trust.registry.diff import facts

ROOT = issue("root", key("root"), authority=True, usage="key_cert_sign")
MIDDLE = issue("middle", key("middle"), "root", key("root"), authority=True, usage="key_cert_sign")
LEAF = issue("leaf", key("leaf"), "middle", key("middle"), usage="digital_signature")


def length(leaf: bytes, *hints: bytes, root: bytes = ROOT, **arguments) -> int:
    return len(require_path(leaf, hints, root, now=NOW, **arguments))


def refused(leaf: bytes, *hints: bytes, root: bytes = ROOT, **arguments) -> str:
    with pytest.raises(VerificationError) as caught:
        require_path(leaf, hints, root, now=NOW, **arguments)
    return caught.value.reason


def test_path_is_found_whatever_the_order() -> None:
    """Hints may hold the leaf, the root and strangers."""
    stranger = issue("stranger", key("stranger"))
    assert length(LEAF, MIDDLE) == 3
    assert length(LEAF, stranger, ROOT, LEAF, MIDDLE, mode=ChainMode.STRICT) == 3
    assert length(LEAF, b"unreadable", MIDDLE) == 3


def test_name_that_is_no_text_is_refused() -> None:
    """The library has no value for it, and says so only when the name is read."""
    odd = with_name_that_is_no_text(LEAF, "leaf")
    assert refused(odd, MIDDLE) == "certificate.unreadable"
    assert length(LEAF, odd, MIDDLE) == 3
    document = {"settings": {}, "files": {"x.der": {"base64": b64encode(odd).decode()}}}
    shown = facts(ObjectKey.parse("anchor/x"), document)
    assert set(shown) == {"x.der: octets", "x.der: SHA-256 of the file"}


def test_path_without_the_middle_is_refused() -> None:
    """Nothing is fetched."""
    assert refused(LEAF) == "certificate.no-path"


def test_authority_of_the_same_name_with_another_key_is_refused() -> None:
    """RFC 5280 §6.1.3 (a)(1): the signature, not the name."""
    forged = issue("middle", key("forged"), "root", key("forged"), authority=True)
    leaf = issue("leaf", key("leaf"), "middle", key("forged"))
    assert refused(leaf, forged) == "certificate.signature"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"end": NOW - timedelta(days=1)}, "certificate.expired"),
        ({"begin": NOW + timedelta(days=1)}, "certificate.not-yet-valid"),
        ({"authority": False}, "certificate.authority"),
        ({"authority": None}, "certificate.authority"),
        ({"usage": "digital_signature"}, "certificate.usage"),
        ({"critical": "1.3.6.1.4.1.99999.1"}, "certificate.extension"),
    ],
    ids=str,
)
def test_unfit_middle_is_refused(changes: dict[str, object], reason: str) -> None:
    """RFC 5280 §6.1.3 (a)(2), §6.1.4 (k), (n), (o)."""
    values: dict[str, object] = {"authority": True, "usage": "key_cert_sign"}
    middle = issue("middle", key("middle"), "root", key("root"), **{**values, **changes})
    assert refused(LEAF, middle) == reason


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"end": NOW - timedelta(days=1)}, "certificate.expired"),
        ({"begin": NOW + timedelta(days=1)}, "certificate.not-yet-valid"),
        ({"usage": "key_encipherment"}, "certificate.usage"),
    ],
    ids=str,
)
def test_unfit_signer_is_refused(changes: dict[str, object], reason: str) -> None:
    """security.md A.12: dates and digitalSignature."""
    leaf = issue("leaf", key("leaf"), "middle", key("middle"), **changes)
    assert refused(leaf, MIDDLE) == reason


def test_authorities_that_certify_each_other_are_looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Anybody may put them beside the signature of metadata; the number of paths through them must not count."""
    ends = [NOW + timedelta(days=number) for number in range(1, MAXIMUM_HINTS + 1)]
    same = [issue("middle", key("middle"), "middle", key("middle"), authority=True, end=end) for end in ends]
    assert len(set(same)) == MAXIMUM_HINTS
    asked = Mock(wraps=certificates._require_issued)
    monkeypatch.setattr(certificates, "_require_issued", asked)
    assert refused(LEAF, *same) == "certificate.no-path"
    assert asked.call_count == MAXIMUM_HINTS


def test_expired_anchor_is_refused() -> None:
    """The anchor's own certificate has dates, too; a dated exception may tolerate it."""
    root = issue("root", key("root"), authority=True, end=NOW - timedelta(days=1))
    assert refused(LEAF, MIDDLE, root=root) == "certificate.expired"
    tolerated = frozenset({Deviation.EXPIRED_CERTIFICATE})
    assert length(LEAF, MIDDLE, root=root, deviations=tolerated) == 3


def test_path_length_constraint_counts() -> None:
    """RFC 5280 §4.2.1.9."""
    root = issue("root", key("root"), authority=True, path_length=0)
    direct = issue("leaf", key("leaf"), "root", key("root"))
    assert length(direct, root=root) == 2
    assert refused(LEAF, MIDDLE, root=root) == "certificate.authority"


def test_overlong_path_is_refused() -> None:
    """A bound on the work a document may cause."""
    names = ["root", *(f"step {n}" for n in range(MAXIMUM_PATH))]
    chain = [issue(name, key(name), above, key(above), authority=True) for above, name in pairwise(names)]
    assert length(chain[MAXIMUM_PATH - 2], *chain) == MAXIMUM_PATH
    assert refused(chain[MAXIMUM_PATH - 1], *chain) == "certificate.no-path"


def test_pkcs1_in_the_chain_only_in_default_mode() -> None:
    """eidas.md §7.5."""
    root = issue("rsa root", rsa_key(3072), authority=True)
    leaf = issue("leaf", key("leaf"), "rsa root", rsa_key(3072))
    assert length(leaf, root=root) == 2
    assert refused(leaf, root=root, mode=ChainMode.STRICT) == "certificate.algorithm"


def test_short_key_and_unreadable_certificates_are_refused() -> None:
    """eidas.md §7.5: RSA from 3072; chains parse strictly."""
    root = issue("short root", rsa_key(2048), authority=True)
    leaf = issue("leaf", key("leaf"), "short root", rsa_key(2048))
    assert refused(leaf, root=root) == "key.size"
    assert refused(b"garbage") == "certificate.unreadable"
    assert refused(with_invalid_printable_string(LEAF), MIDDLE) == "certificate.unreadable"


def test_short_hash_in_the_chain_is_refused() -> None:
    """eidas.md §7.5: hash of at least 256 bits; SHA-224 stands for everything shorter."""
    leaf = issue("leaf", key("leaf"), "middle", key("middle"), digest="SHA224")
    assert refused(leaf, MIDDLE) == "certificate.algorithm"
