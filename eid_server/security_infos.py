"""SecurityInfos of EF.CardAccess and EF.CardSecurity (TR-03110-3 A.1).

A SET of SEQUENCEs, each an object identifier, required data, optional data. Kinds that are not
listed here are left alone, as the TR demands; what is listed is read strictly. Objects inside a
PrivilegedTerminalInfo are for other terminals (A.1.1.9) and are not looked at.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from eid_server import curves, tlv
from eid_server.errors import Malformed

_PROTOCOLS = "0.4.0.127.0.7.2.2."
_ID_PK_ECDH = f"{_PROTOCOLS}1.2"
_ID_CA_ECDH = f"{_PROTOCOLS}3.2"
_ID_RI_ECDH = f"{_PROTOCOLS}5.2"
_ID_PRIVILEGED_TERMINAL = f"{_PROTOCOLS}8"
_ID_MOBILE_EID_TYPE = "0.4.0.127.0.7.3.2.3.2"
_STANDARDISED = "0.4.0.127.0.7.1.2"
_EC_PUBLIC_KEY = "1.2.840.10045.2.1"


class EIDType(StrEnum):
    """Carrier of the eID function (TR-03130-1 §3.4.2, amendment "eIDType Signalling" to TR-03112-7)."""

    CARD_CERTIFIED = "CardCertified"
    SE_CERTIFIED = "SECertified"
    SE_ENDORSED = "SEEndorsed"
    HW_KEY_STORE = "HWKeyStore"


_MOBILE_TYPES = {
    f"{_ID_MOBILE_EID_TYPE}.1": EIDType.SE_CERTIFIED,
    f"{_ID_MOBILE_EID_TYPE}.2": EIDType.SE_ENDORSED,
    f"{_ID_MOBILE_EID_TYPE}.3": EIDType.HW_KEY_STORE,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ChipAuthentication:
    """One way to authenticate the chip: protocol, key and the curve it lies on."""

    protocol: str
    key_id: int
    domain: curves.Domain


@dataclass(frozen=True, slots=True, kw_only=True)
class RestrictedIdentification:
    """One key for restricted identification (TR-03110-3 A.1.1.4)."""

    protocol: str
    key_id: int
    authorized_only: bool
    """True: only for terminals with the right; False: for every authenticated terminal, as revocation needs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SecurityInfos:
    announced: frozenset[bytes]
    """Every info but those for privileged terminals, as encoded: EF.CardSecurity holds all of EF.CardAccess."""
    chip_authentication: tuple[ChipAuthentication, ...]
    chip_keys: Mapping[int, bytes]
    """Key number to the encoded point; in EF.CardSecurity only."""
    chip_key_domains: Mapping[int, curves.Domain]
    restricted_identification: tuple[RestrictedIdentification, ...]
    eid_type: EIDType

    @classmethod
    def parse(cls, octets: bytes) -> SecurityInfos:
        """Read one DER SET, which zeros may follow: files on a chip are longer than their content.

        Raises Malformed.
        """
        whole = tlv.first(octets)
        if whole.tag != 0x31 or octets[len(whole.encoded) :].strip(b"\0"):
            raise Malformed("SecurityInfos are one SET and nothing else")
        reader = _Reader()
        for info in whole.children():
            reader.take(info)
        return reader.result()


class _Reader:
    def __init__(self) -> None:
        self.announced: set[bytes] = set()
        self.protocols: list[tuple[str, int]] = []
        self.domains: dict[int, curves.Domain] = {}
        self.keys: dict[int, bytes] = {}
        self.key_domains: dict[int, curves.Domain] = {}
        self.restricted: list[RestrictedIdentification] = []
        self.types: set[EIDType] = set()

    def take(self, info: tlv.Element) -> None:
        if info.tag != 0x30:
            raise Malformed("a SecurityInfo is a SEQUENCE")
        fields = info.children()
        if not 2 <= len(fields) <= 3 or fields[0].tag != 0x06:
            raise Malformed("a SecurityInfo in another form")
        identifier, *data = fields
        name = tlv.oid(identifier.value)
        parent = name.rpartition(".")[0]
        if name != _ID_PRIVILEGED_TERMINAL:
            self.announced.add(info.encoded)
        if name == _ID_CA_ECDH:
            self.domains[_key_id(data[1:])] = _domain(data[0])
        elif parent == _ID_CA_ECDH:
            if _integer(data[0]) == 2:  # version 1 is that of inspection systems
                self.protocols.append((name, _key_id(data[1:])))
        elif name == _ID_PK_ECDH:
            self._public_key(data)
        elif parent == _ID_RI_ECDH:
            self._restricted_identification(name, data)
        elif name in _MOBILE_TYPES:
            self.types.add(_MOBILE_TYPES[name])

    def result(self) -> SecurityInfos:
        if len(self.types) > 1:
            raise Malformed("more than one type of eID")
        return SecurityInfos(
            announced=frozenset(self.announced),
            chip_authentication=tuple(
                ChipAuthentication(protocol=protocol, key_id=key_id, domain=self.domains[key_id])
                for protocol, key_id in self.protocols
                if key_id in self.domains
            ),
            chip_keys=self.keys,
            chip_key_domains=self.key_domains,
            restricted_identification=tuple(self.restricted),
            eid_type=next(iter(self.types), EIDType.CARD_CERTIFIED),
        )

    def _public_key(self, data: list[tlv.Element]) -> None:
        """ChipAuthenticationPublicKeyInfo (TR-03110-3 A.1.1.2)."""
        algorithm, bits = tlv.sequence(data[0].value, 0x30, 0x03)
        key_id = _key_id(data[1:])
        if key_id in self.keys or bits.value[:1] != b"\0":
            raise Malformed("a chip authentication key twice or in another form")
        self.keys[key_id] = bits.value[1:]
        self.key_domains[key_id] = _domain(algorithm)

    def _restricted_identification(self, name: str, data: list[tlv.Element]) -> None:
        version, key_id, authorized_only = tlv.sequence(data[0].value, 0x02, 0x02, 0x01)
        if tlv.unsigned(version.value) != 1 or authorized_only.value not in {b"\x00", b"\xff"}:
            raise Malformed("a RestrictedIdentificationInfo in another form")
        self.restricted.append(
            RestrictedIdentification(
                protocol=name,
                key_id=tlv.unsigned(key_id.value),
                authorized_only=authorized_only.value == b"\xff",
            )
        )


def _integer(element: tlv.Element) -> int:
    if element.tag != 0x02:
        raise Malformed("an INTEGER is missing in a SecurityInfo")
    return tlv.unsigned(element.value)


def _key_id(optional: list[tlv.Element]) -> int:
    """The number of the key; 0 where a chip has only one and leaves it out."""
    return _integer(optional[0]) if optional else 0


def _domain(algorithm: tlv.Element) -> curves.Domain:
    """AlgorithmIdentifier: standardised by number, or a named curve."""
    fields = algorithm.children()
    if [field.tag for field in fields] == [0x06, 0x02] and tlv.oid(fields[0].value) == _STANDARDISED:
        return curves.standardised(tlv.unsigned(fields[1].value))
    if [field.tag for field in fields] == [0x06, 0x06] and tlv.oid(fields[0].value) == _EC_PUBLIC_KEY:
        return curves.named(tlv.oid(fields[1].value))
    raise Malformed("domain parameters in another form")
