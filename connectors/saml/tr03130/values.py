"""Attributes of an eID-Server's assertion, read by their ``xsi:type`` (TR-03130-1 §4.3).

What a chip holds may be partial, free text or empty, and white space in a date stands for digits
that nobody knows: so nothing is trimmed that is not known to be layout.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from connectors.errors import ConnectorError, InvalidAnswer
from connectors.places import FreetextPlace, NoPlace, Place, StructuredPlace
from connectors.saml.tr03130.extension import EID, XS, XSI
from connectors.saml.tr03130.profile import NOT_ON_CHIP
from trust import schema_types
from trust.errors import VerificationError
from trust.xml import SAML, XML_WHITESPACE, Element, only_child, optional_child
from trust.xml import text as text_of

_VALUE = "{" + SAML + "}AttributeValue"
_EID = "{" + EID + "}"
_TYPE = "{" + XSI + "}type"
_MOST = 1_000
_DATE_STRING = re.compile(r"[0-9 ]{8}")
_DATE = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})(Z|[+-][0-9]{2}:[0-9]{2})?")
_HEX = re.compile(r"([0-9A-Fa-f]{2}){1,256}")
_UNWANTED = frozenset({"Cc", "Cs", "Cn"})
_REORDERING = frozenset(chr(code) for code in (*range(0x202A, 0x202F), *range(0x2066, 0x206A)))
_STRUCTURED = {
    "DateOfBirth": "GeneralDateType",
    "PlaceOfBirth": "GeneralPlaceType",
    "PlaceOfResidence": "GeneralPlaceType",
    "LegalAddress": "GeneralPlaceType",
    "RestrictedID": "RestrictedIDType",
    "DocumentValidity": "DocumentValidityResultType",
    "EidasExtension": "EidasExtensionType",
}
"""Types that the TR names; of the others only the namespace is held against it."""


@dataclass(frozen=True, slots=True)
class Attributes:
    """The attributes of one assertion by name. Each method raises InvalidAnswer ``eid.value.*``."""

    _found: Mapping[str, Element]

    @classmethod
    def of(cls, attributes: Sequence[Element]) -> Attributes:
        """Raises InvalidAnswer ``eid.attribute.duplicate``."""
        found: dict[str, Element] = {}
        for attribute in attributes:
            name = attribute.get("Name") or ""
            if name in found:
                raise InvalidAnswer("eid.attribute.duplicate")
            found[name] = attribute
        return cls(found)

    @property
    def names(self) -> frozenset[str]:
        return frozenset(self._found)

    def delivered(self, name: str) -> bool:
        return name in self._found

    def not_on_chip(self, name: str) -> bool:
        """Whether the answer says that the document does not have it."""
        attribute = self._found[name]
        marks = [attribute.get(NOT_ON_CHIP), attribute.get(_EID + NOT_ON_CHIP)]
        marks += [value.get(NOT_ON_CHIP) for value in attribute]
        try:
            return any(schema_types.boolean(mark) for mark in marks)
        except VerificationError as error:
            raise InvalidAnswer("eid.value.not-on-chip", name) from error

    def text(self, name: str) -> str:
        """A simple value; an empty one is on the chip, and empty."""
        value = self._value(name)
        return _clean(_simple(value, name), name)

    def date_string(self, name: str) -> str:
        """``GeneralDateType``: the 8 characters of the chip."""
        value = self._value(name)
        string = only_child(value, _EID + "DateString").text or ""
        if not _DATE_STRING.fullmatch(string):
            raise InvalidAnswer("eid.value.date", name)
        complete = optional_child(value, _EID + "DateValue")
        if complete is not None and _day(complete, name).strftime("%Y%m%d") != string:
            raise InvalidAnswer("eid.value.date", f"{name}: two dates")
        return string

    def day(self, name: str) -> date:
        """``xs:date``."""
        return _day(self._value(name), name)

    def place(self, name: str) -> Place:
        """``GeneralPlaceType``: exactly one of its three forms."""
        value = self._value(name)
        if len(value) != 1:
            raise InvalidAnswer("eid.value.place", name)
        form = value[0]
        if form.tag == _EID + "FreetextPlace":
            return FreetextPlace(text=_clean(_simple(form, name), name, lines=True))
        if form.tag == _EID + "NoPlaceInfo":
            return NoPlace(text=_clean(_simple(form, name), name, lines=True))
        if form.tag != _EID + "StructuredPlace":
            raise InvalidAnswer("eid.value.place", name)

        def part(tag: str) -> str | None:
            element = optional_child(form, _EID + tag)
            return None if element is None else _clean(_simple(element, name), name)

        city, country = part("City"), part("Country")
        if city is None or country is None:
            raise InvalidAnswer("eid.value.place", f"{name}: no city or country")
        return StructuredPlace(
            city=city, country=country, street=part("Street"), state=part("State"), zip_code=part("ZipCode")
        )

    def restricted_id(self, name: str) -> tuple[bytes, bytes | None]:
        """``RestrictedIDType``: the pseudonym, and a second one while the terminal sector migrates."""
        value = self._value(name)
        second = optional_child(value, _EID + "ID2")
        first = _hex(only_child(value, _EID + "ID"), name)
        return first, None if second is None else _hex(second, name)

    def fulfils(self, name: str, asked: Mapping[str, str]) -> bool:
        """``Result/FulfilsRequest``, of the ``Request`` that was ours (by element name)."""
        value = self._value(name)
        request = optional_child(value, _EID + "Request")
        for tag, wanted in asked.items() if request is not None else ():
            if text_of(only_child(request, _EID + tag)) != wanted:  # type: ignore[arg-type]  # checked by the loop
                raise InvalidAnswer("eid.value.verification", f"{name}: answers another question")
        result = only_child(value, _EID + "Result")
        answer = schema_types.boolean(text_of(only_child(result, _EID + "FulfilsRequest")))
        return bool(answer)

    def members(self, name: str) -> dict[str, str]:
        """Simple child elements in the eID namespace by local name; structured ones are left out."""
        found: dict[str, str] = {}
        for child in self._value(name):
            tag = str(child.tag)
            if tag.startswith(_EID) and not len(child):
                if tag.removeprefix(_EID) in found:
                    raise InvalidAnswer("eid.value.structure", name)
                found[tag.removeprefix(_EID)] = _clean(text_of(child), name)
        return found

    def require_valid_document(self, now: datetime, refusal: ConnectorError) -> None:
        """``DocumentValidity`` says ``valid``, in whatever case, about today (or yesterday at midnight).

        Raises ``refusal`` for a document that is not, and InvalidAnswer ``eid.document-validity.*``
        where the statement is missing, unclear or comes with data all the same.
        """
        if "DocumentValidity" not in self._found:
            raise InvalidAnswer("eid.document-validity.missing")
        value = self._value("DocumentValidity")
        if value.get("Version", "1") != "1":
            raise InvalidAnswer("eid.document-validity.version")
        status = text_of(only_child(value, _EID + "Status")).lower()
        if status != "valid":
            if self.names != {"DocumentValidity"}:
                raise InvalidAnswer("eid.document-validity.attributes", "data of an invalid document")
            raise refusal
        checked = only_child(value, _EID + "ReferenceDate")
        if abs(_day(checked, "DocumentValidity") - now.date()) > timedelta(days=1):
            raise InvalidAnswer("eid.document-validity.date")

    def _value(self, name: str) -> Element:
        """The one value, its type looked at."""
        value = only_child(self._found[name], _VALUE)
        prefix, _, local = (value.get(_TYPE) or "").strip(XML_WHITESPACE).rpartition(":")
        namespace = value.nsmap.get(prefix or None)
        wanted = _STRUCTURED.get(name)
        known = namespace == EID and local == wanted if wanted else bool(local) and namespace in {XS, EID}
        if not known:
            raise InvalidAnswer("eid.value.type", name)
        return value


def _day(element: Element, name: str) -> date:
    match = _DATE.fullmatch(text_of(element))
    try:
        return date.fromisoformat(match[1] if match else "")
    except ValueError:
        raise InvalidAnswer("eid.value.date", name) from None


def _simple(element: Element, name: str) -> str:
    if len(element):
        raise InvalidAnswer("eid.value.structure", name)
    return element.text or ""


def _clean(text: str, name: str, *, lines: bool = False) -> str:
    """Outer layout off; nothing that controls how a text is shown may be in it, but for the ends of ``lines``."""
    text = text.strip(XML_WHITESPACE)
    if len(text) > _MOST:
        raise InvalidAnswer("eid.value.size", name)
    shown = text.replace("\n", "") if lines else text
    if any(unicodedata.category(c) in _UNWANTED or c in _REORDERING for c in shown):
        raise InvalidAnswer("eid.value.characters", name)
    return text


def _hex(element: Element, name: str) -> bytes:
    text = text_of(element)
    if not _HEX.fullmatch(text):
        raise InvalidAnswer("eid.value.hex", name)
    return bytes.fromhex(text)
