"""Addresses (attribute profile 1.4 §2.2.9, §2.3.4; eidas.md §5.6).

eidas.md §13 number 13: the sample of the attribute profile, that of the reference node, broken ones, and
Base64 broken into lines.
"""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.eidas import address
from connectors.identity import Address

PROFILE = """<eidas:LocatorDesignator>22</eidas:LocatorDesignator>
<eidas:Thoroughfare>Arcacia Avenue</eidas:Thoroughfare>
<eidas:PostName>London</eidas:PostName>
<eidas:PostCode>SW1A 1AA</eidas:PostCode>"""
"""As in the attribute profile, with its last closing tag put right."""


def encode(content):
    return base64.b64encode(content.encode()).decode()


def elements(prefix, **fields):
    return "".join(f"<{prefix}{name}>{value}</{prefix}{name}>" for name, value in fields.items())


def test_the_sample_of_the_profile_is_read():
    """eidas.md §13 number 13: siblings without a root, prefix bound nowhere."""
    assert address.decode(encode(PROFILE)) == Address(
        locator_designator="22", thoroughfare="Arcacia Avenue", post_name="London", post_code="SW1A 1AA"
    )


def test_the_profile_s_own_misspelt_tag_leaves_the_text():
    """eidas.md §13 number 13: not well-formed, so the raw text stays and the login goes on."""
    broken = PROFILE.replace("</eidas:PostCode>", "</eidas:Postcode>")
    assert address.decode(encode(broken)) == Address(full="22 Arcacia Avenue London SW1A 1AA")


@pytest.mark.parametrize("prefix", ["eidas:", "eidas-natural:", "eidas-legal:", "ns0.1:", ""])
def test_every_part_is_found_whatever_the_prefix(prefix):
    """eidas.md §13 number 13: the reference node's prefixes, the profile's, and none at all."""
    content = elements(
        prefix,
        PoBox="1234",
        LocatorDesignator="28",
        LocatorName="DIGIT building",
        CvaddressArea="Etterbeek",
        Thoroughfare="Rue Belliard",
        PostName="ETTERBEEK CHASSE",
        AdminunitFirstline="BE",
        AdminunitSecondline="Brussels",
        PostCode="1040",
    )
    assert address.decode(encode(content)) == Address(
        po_box="1234",
        locator_designator="28",
        locator_name="DIGIT building",
        address_area="Etterbeek",
        thoroughfare="Rue Belliard",
        post_name="ETTERBEEK CHASSE",
        admin_unit_first_line="BE",
        admin_unit_second_line="Brussels",
        post_code="1040",
        country="BE",
    )


def test_base64_in_lines_is_read():
    """eidas.md §13 number 13: line breaks inside the Base64 are normal."""
    encoded = encode(PROFILE)
    wrapped = "\r\n   ".join(encoded[i : i + 20] for i in range(0, len(encoded), 20))
    assert address.decode(f"\n{wrapped}\n") == address.decode(encoded)


def test_older_capitals_and_extra_elements_are_tolerated():
    """eidas.md §5.6: AdminUnitFirstLine, AddressId, FullCvaddress."""
    content = elements(
        "", AddressId="http://a/1", AdminUnitFirstLine="EL", CvAddressArea="Πλάκα", FullCvaddress="all"
    )
    assert address.decode(encode(content)) == Address(
        admin_unit_first_line="EL", address_area="Πλάκα", full="all", country="GR"
    )


def test_a_whole_document_is_read_too():
    """eidas.md §5.6: be ready for invalid content, here a root and an XML declaration."""
    content = (
        '<?xml version="1.0"?>\n<e:CurrentAddress xmlns:e="http://eidas.europa.eu/attributes/naturalperson">'
        "<e:PostName>Wien</e:PostName><e:PostCode>1010</e:PostCode></e:CurrentAddress>"
    )
    assert address.decode(encode(content)) == Address(post_name="Wien", post_code="1010")


def test_an_element_given_twice_counts_once():
    """eidas.md §5.6: each at most once."""
    content = "<a:PostName>Wien</a:PostName><a:PostName>Graz</a:PostName>"
    assert address.decode(encode(content)) == Address(post_name="Wien")


@pytest.mark.parametrize("line", ["Österreich", "AUT", "at", ""])
def test_a_country_is_stated_only_by_a_code(line):
    """AdminunitFirstline is free text in practice; a guess would be worse than nothing."""
    assert (
        address.decode(
            encode(f"<a:AdminunitFirstline>{line}</a:AdminunitFirstline><a:PostName>W</a:PostName>")
        ).country
        is None
    )


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("Unter den Linden 1, 10117 Berlin", "Unter den Linden 1, 10117 Berlin"),
        (encode("Unter den Linden 1\n10117 Berlin"), "Unter den Linden 1 10117 Berlin"),
        (encode("<a:PostName>Wien"), "Wien"),
        (encode("<a:Unknown>Wien</a:Unknown>"), "Wien"),
        (encode("1 & 2"), "1 & 2"),
        (base64.b64encode(b"\xff\xfe").decode(), "//4="),
        (encode(""), None),
    ],
)
def test_what_cannot_be_read_stays_as_text(value, text):
    """eidas.md §13 number 13: an optional attribute never fails a login."""
    assert address.decode(value) == Address(full=text)


def test_entities_inside_an_address_are_never_expanded():
    """eidas.md §13 number 10: the same hardened parser reads the hidden XML."""
    content = '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/hostname">]><a:PostName>&x;</a:PostName>'
    found = address.decode(encode(content))
    assert found.post_name is None
    assert "&x;" in (found.full or "")


def test_an_endless_address_is_cut():
    """Values that reach a page have a bound."""
    found = address.decode(encode("x" * 30_000))
    assert len(found.full or "") == 1_000


@given(st.one_of(st.text(max_size=200), st.binary(max_size=200).map(lambda b: base64.b64encode(b).decode())))
def test_no_value_makes_the_reader_fail(value):
    """Whatever a peer writes, an Address comes back."""
    assert isinstance(address.decode(value), Address)


@given(st.text(alphabet="<>/:a bPostName&;?!-[]=\"'", max_size=80))
def test_no_markup_makes_the_reader_fail(content):
    """The same for everything that looks like markup."""
    assert isinstance(address.decode(encode(content)), Address)
