"""The card: commands in, responses out (TR-03110-3 part B, TR-03127 §3 and §4).

A state per session: PACE, then the terminal, then the chip authenticates itself; only then are the data
of the eID application to be had, as far as the terminal may. A card never explains itself: the
reasons it gives in ``refusals`` are for tests and for developers.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import date

from sandbox.card import curve, names, status, terminal_authentication
from sandbox.card.certificates import NotBelieved, TrustStore, load_roots
from sandbox.card.document import Document
from sandbox.card.functions import compare, restricted_identifier
from sandbox.card.issuer import CHIP_KEY, PSEUDONYM_KEY, CardIssuer, ChipKeys, card_access
from sandbox.card.messaging import CHAINED, BrokenChannel, Channel, Command, Response
from sandbox.card.names import oid
from sandbox.card.objects import Malformed, needed, optional, read, write
from sandbox.card.pace import Pace, WrongPassword
from sandbox.card.passwords import CAN, Passwords
from sandbox.card.rights import CAN_ALLOWED, RESTRICTED_ID, Chat, data_group
from sandbox.card.session import Session
from sandbox.card.session_keys import SessionKeys
from sandbox.card.status import Refused

CARD_ACCESS, CARD_SECURITY = 0x1C, 0x1D


class Card:
    """One card in the field of a reader. Not thread-safe, as cards are."""

    def __init__(self, document: Document, issuer: CardIssuer, root: bytes, *, today: date) -> None:
        """``root`` is the CVCA certificate this card trusts, ``today`` the newest date it has seen."""
        self.document = document
        self.trust = TrustStore(load_roots(root), today)
        self._keys: ChipKeys = issuer.keys(document)
        self._access = card_access()
        self._security = issuer.card_security(document)
        self._files = document.files(today)
        self._passwords = Passwords(document)
        self._session = Session()
        self.refusals: list[str] = []

    @property
    def attempts(self) -> int:
        """How often the PIN may still be tried."""
        return self._passwords.attempts

    def leave_field(self) -> None:
        """Take the card off the reader."""
        self._session = Session()
        self._passwords.leave_field()

    def transmit(self, octets: bytes) -> bytes:
        """One command, one response. Raises nothing: a card answers with a status word."""
        channel = self._session.channel
        try:
            command = Command.parse(octets)
            plain = channel.open(command) if channel else command
        except Malformed:
            return Response(b"", status.WRONG_LENGTH).octets
        except BrokenChannel as error:
            self.refusals.append(str(error))
            self.leave_field()
            return Response(b"", status.BROKEN_CHANNEL).octets
        answer = self._run(plain)
        if channel:
            answer = channel.seal(answer)
        session = self._session
        if session.next_channel is not None:
            session.channel, session.next_channel = session.next_channel, None
        return answer.octets

    def _run(self, command: Command) -> Response:
        handlers: dict[int, Callable[[Command], bytes]] = {
            0xA4: self._select,
            0xB0: self._read_binary,
            0x22: self._manage_environment,
            0x86: self._general_authenticate,
            0x2A: self._verify_certificate,
            0x84: self._get_challenge,
            0x82: self._external_authenticate,
            0x20: self._verify,
        }
        handler = handlers.get(command.ins)
        if handler is None:
            return Response(b"", status.UNKNOWN_COMMAND)
        try:
            return Response(handler(command), status.OK)
        except Refused as refused:
            self.refusals.append(refused.reason)
            return Response(b"", refused.status)
        except Malformed as error:
            self.refusals.append(str(error))
            return Response(b"", status.WRONG_DATA)
        except NotBelieved as error:
            self.refusals.append(str(error))
            return Response(b"", status.NOT_BELIEVED)

    # files

    def _select(self, command: Command) -> bytes:
        if command.p1 == 0x04 and command.data == names.EID_APPLICATION:
            self._session.application = True
        elif command.p1 == 0x00 and command.data in (b"", b"\x3f\x00"):
            self._session.application = False
        else:
            raise Refused(status.NO_FILE, "no such application")
        return b""

    def _read_binary(self, command: Command) -> bytes:
        if not command.p1 & 0x80:
            raise Refused(status.WRONG_DATA, "only by short file identifier")
        content = self._file(command.p1 & 0x1F)
        if command.p2 > len(content):
            raise Refused(status.WRONG_OFFSET, "offset beyond the end")
        return content[command.p2 :][: command.le or 0]

    def _file(self, number: int) -> bytes:
        session = self._session
        if number == CARD_ACCESS:
            return self._access
        if number == CARD_SECURITY:
            if session.rights is None:
                raise Refused(status.NOT_ALLOWED, "EF.CardSecurity is for authenticated terminals")
            return self._security
        if not session.application:
            raise Refused(status.NO_FILE, "the eID application is not selected")
        if number not in range(1, 23):
            raise Refused(status.NO_FILE, f"no file {number}")
        if not self._effective(data_group(number)):
            raise Refused(status.NOT_ALLOWED, f"no right to read DG{number}")
        if number not in self._files:
            raise Refused(status.NO_FILE, f"DG{number} is not on this chip")
        return self._files[number]

    def _effective(self, bit: int) -> bool:
        session = self._session
        return session.chip_authenticated and session.rights is not None and session.rights.may(bit)

    # protocols

    def _manage_environment(self, command: Command) -> bytes:
        what = command.p1 << 8 | command.p2
        session = self._session
        if what == 0xC1A4:
            self._start_pace(command.data)
        elif what == 0x81B6:
            terminal_authentication.choose_issuer(session, self.trust, needed(command.data, 0x83))
        elif what == 0x81A4:
            terminal_authentication.prepare(session, command.data)
        elif what == 0x41A4:
            protocol = needed(command.data, 0x80)
            known = {oid(p): p for p in (names.CA_ECDH_AES_128, names.RI_ECDH_SHA_256)}
            if protocol not in known:
                raise Refused(status.WRONG_DATA, "unknown protocol")
            key = optional(command.data, 0x84)
            session.chosen, session.chosen_key = known[protocol], key.value[-1] if key else CHIP_KEY
        else:
            raise Refused(status.WRONG_P1P2, f"MSE {what:04x}")
        return b""

    def _start_pace(self, data: bytes) -> None:
        if needed(data, 0x80) != oid(names.PACE_ECDH_GM_AES_128):
            raise Refused(status.WRONG_DATA, "unknown protocol")
        password = needed(data, 0x83)[-1]
        chat = optional(data, 0x7F4C)
        before = self._session
        # A PIN after the CAN comes through the CAN's channel (TR-03110-2 §3.5.1).
        session = self._session = Session(application=before.application, channel=before.channel)
        if chat is not None:
            session.pace_chat = Chat.parse(chat.octets)
            if password == CAN and not session.pace_chat.may(CAN_ALLOWED):
                raise Refused(status.NOT_ALLOWED, "no right to use the CAN")
        session.password = password
        session.pace = self._passwords.start(password)

    def _general_authenticate(self, command: Command) -> bytes:
        objects = needed(command.data, 0x7C)
        if self._session.pace is not None:
            return write(0x7C, self._pace(self._session.pace, objects, last=not command.cla & CHAINED))
        if self._session.chosen == names.CA_ECDH_AES_128:
            return write(0x7C, self._chip_authentication(needed(objects, 0x80)))
        if self._session.chosen == names.RI_ECDH_SHA_256:
            return write(0x7C, self._restricted_identification(objects))
        raise Refused(status.WRONG_ORDER, "no protocol chosen")

    def _pace(self, pace: Pace, objects: bytes, *, last: bool) -> bytes:
        """Four steps, told apart by what they carry (TR-03110-3 B.1.2)."""
        session = self._session
        if not objects:
            return write(0x80, pace.encrypted_nonce)
        step = next(read(objects))
        try:
            if step.tag == 0x81:
                answer = write(0x82, pace.mapping_public)
                pace.map(step.value)
                return answer
            if step.tag == 0x83:
                pace.agree(step.value)
                session.identifier = pace.public.x_octets
                return write(0x84, pace.public.octets)
            if step.tag != 0x85 or not last:
                raise Refused(status.WRONG_DATA, f"PACE has no step {step.tag:x}")
            session.pace = None
            pace.check(step.value)
        except WrongPassword as error:
            session.pace = None
            raise self._passwords.wrong(session.password, str(error)) from error
        self._passwords.right(session.password)
        session.next_channel = Channel(pace.keys)
        return write(0x86, pace.token) + self._references()

    def _references(self) -> bytes:
        """Names of the roots, for a reader that wants to present a terminal."""
        if self._session.pace_chat is None:
            return b""
        tagged = zip((0x87, 0x88), self.trust.references(), strict=False)
        return b"".join(write(tag, name) for tag, name in tagged)

    def _verify_certificate(self, command: Command) -> bytes:
        if command.p1 << 8 | command.p2 != 0x00BE:
            raise Refused(status.WRONG_P1P2, "PSO")
        terminal_authentication.verify_certificate(self._session, self.trust, command.data)
        return b""

    def _external_authenticate(self, command: Command) -> bytes:
        terminal_authentication.authenticate(self._session, command.data)
        return b""

    def _get_challenge(self, command: Command) -> bytes:
        if self._session.channel is None:
            raise Refused(status.NOT_ALLOWED, "the challenge comes after PACE")
        self._session.challenge = secrets.token_bytes(8)
        return self._session.challenge

    def _chip_authentication(self, public: bytes) -> bytes:
        """Chip authentication 2 (TR-03110-2 §3.4)."""
        session = self._session
        if session.rights is None or session.chosen_key != CHIP_KEY:
            raise Refused(status.NOT_ALLOWED, "chip authentication comes after that of the terminal")
        terminal_key = curve.point(public)
        if terminal_key.x_octets != session.terminal_key:
            raise Refused(status.WRONG_DATA, "another ephemeral key than the one that was signed")
        nonce = secrets.token_bytes(8)
        shared = curve.multiply(self._keys.chip, terminal_key)
        keys = SessionKeys.agree(shared.x_octets, nonce)
        session.next_channel = Channel(keys)
        session.chip_authenticated = True
        session.chosen = ""
        return write(0x81, nonce) + write(0x82, keys.token(names.CA_ECDH_AES_128, terminal_key))

    # functions

    def _verify(self, command: Command) -> bytes:
        """Age, place, validity: fulfilled or not, nothing more (TR-03127 §3.2.2)."""
        session = self._session
        if not session.application or not session.chip_authenticated:
            raise Refused(status.NOT_ALLOWED, "after chip authentication, in the eID application")
        if not command.cla & 0x80 or command.p1 << 8 | command.p2 != 0x8000:
            raise Refused(status.WRONG_P1P2, "VERIFY")
        compare(needed(command.data, 0x06), session.auxiliary, self._files, self._effective)
        return b""

    def _restricted_identification(self, objects: bytes) -> bytes:
        """One or two sectors in one command (TR-03110-3 B.4)."""
        session = self._session
        if session.terminal is None or not session.application or not session.chip_authenticated:
            raise Refused(status.NOT_ALLOWED, "after chip authentication, in the eID application")
        if session.chosen_key == PSEUDONYM_KEY and not self._effective(RESTRICTED_ID):
            raise Refused(status.NOT_ALLOWED, "no right to restricted identification")
        if session.chosen_key not in self._keys.restricted:
            raise Refused(status.NO_REFERENCE, "no such key")
        secret, hashes = self._keys.restricted[session.chosen_key], session.terminal.sector_hashes
        answers = {0xA0: 0x81, 0xA2: 0x83}
        return b"".join(
            write(answers[sector.tag], restricted_identifier(secret, sector, hashes))
            for sector in read(objects)
            if sector.tag in answers
        )
