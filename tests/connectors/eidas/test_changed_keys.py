"""A node that comes with other keys, in whole logins (security.md D.2, D.7; the choice of each anchor)."""

from dataclasses import replace

import pytest

from connectors.errors import InvalidAnswer
from tests.connectors.eidas.test_assembly import MIDDLEWARE, anchor, connector, country, states
from tests.support.saml_peer import login, rsa_pair
from trust.anchors import KeyChanges, PinnedSigningKey
from trust.pinned import PinnedKey

OLD = rsa_pair("node message")
NEW = rsa_pair("node message, next")


def pin(pair, name="gr.old.crt"):
    return PinnedSigningKey(
        entity_id=MIDDLEWARE.entity_id,
        sha256=PinnedKey.from_certificate(pair.pem).fingerprint,
        certificate=name,
    )


def installed(tmp_path, node, *pins, changes=KeyChanges.PROPOSE):
    (tmp_path / "gr.xml").write_bytes(node.metadata())
    (tmp_path / "gr.pem").write_bytes(node.metadata_signer.pem)
    (tmp_path / "gr.old.crt").write_bytes(OLD.pem)
    (tmp_path / "gr.new.crt").write_bytes(NEW.pem)
    made = connector(tmp_path, [country()], [anchor(key_changes=changes, pinned=pins)])
    return replace(made, nodes={"GR": node})


def signed_with(pair, *, names):
    return replace(MIDDLEWARE, signer=pair, published=names)


def test_login_signed_with_a_new_key_waits_for_two_people(tmp_path):
    """The old key goes on; the new one counts when it is pinned."""
    names = (NEW,)
    running = installed(tmp_path, signed_with(OLD, names=names), pin(OLD))
    assert login(running).identity.source.country == "GR"
    assert states(running)["GR"][0] == "ok"
    changed = installed(tmp_path, signed_with(NEW, names=names), pin(OLD))
    with pytest.raises(InvalidAnswer):
        login(changed)
    signed = installed(tmp_path, signed_with(NEW, names=names), pin(OLD), pin(NEW, "gr.new.crt"))
    assert login(signed).identity.source.country == "GR"


def test_key_that_the_node_withdrew_verifies_nothing_any_more(tmp_path):
    """Trust shrinks without anybody's signature."""
    pins = (pin(OLD), pin(NEW, "gr.new.crt"))
    with pytest.raises(InvalidAnswer):
        login(installed(tmp_path, signed_with(OLD, names=(NEW,)), *pins))


def test_login_signed_with_a_new_key_is_taken_at_once_where_the_anchor_says_so(tmp_path):
    """``automatic``, the default."""
    node = signed_with(NEW, names=(NEW,))
    assert login(installed(tmp_path, node, changes=KeyChanges.AUTOMATIC)).identity.source.country == "GR"


def test_what_waits_is_seen_by_whoever_looks(tmp_path):
    """Console, expiry and alerts read it from here."""
    (facts,) = installed(tmp_path, signed_with(OLD, names=(NEW,)), pin(OLD)).connector.peer_facts()
    assert facts.alerts == ("signing:key.none-approved", "signing:key.not-approved")
    assert [(entry.use.value, entry.key.fingerprint) for entry in facts.keys] == [
        ("signing", pin(OLD).sha256),
        ("pending", pin(NEW).sha256),
    ]


def test_country_whose_source_is_not_there_is_down_alone(tmp_path):
    """A half-written registration finds nothing by chance."""
    (tmp_path / "gr.xml").write_bytes(MIDDLEWARE.metadata())
    (tmp_path / "gr.pem").write_bytes(MIDDLEWARE.metadata_signer.pem)
    listed = country("SE", anchor=None, entity_id=None, source="gone")
    made = connector(tmp_path, [country(), listed], [anchor()])
    assert states(made) == {"GR": ("ok", None), "SE": ("down", "metadata.unknown-anchor")}
