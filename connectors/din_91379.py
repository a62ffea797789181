"""Characters of names, and their search form (DIN 91379:2022-08).

A *name of a natural person* is data type A of the standard: the normative Latin letters, each a
character or a defined sequence of a letter and combining marks, and the non-letters of group N1.
Values are compared in Unicode NFC and never changed: what a register wrote is what is handed on.

The *search form* maps each letter to basic letters ``A`` to ``Z``, so that one spelling finds the
other. Marks are dropped, except where German or Scandinavian practice writes two letters:

>>> search_form("Strauß-Ångström Ünal Þórðardóttir")
'STRAUSS-AANGSTROEM UENAL THORDARDOTTIR'
>>> irregular("Strauß"), irregular("Müller 2"), irregular("Παπαδοπούλου") != ""
('', '2', True)

Facts: the letter, sequence and search-form lists of ``String-Latin/DIN-91379-Characters-and-Sequences``
(1.3), which transcribe the standard; groups ``bll`` and ``bnlreq``.
"""

from __future__ import annotations

import re
import unicodedata

LETTERS = (
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    "ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÐÑÒÓÔÕÖØÙÚÛÜÝÞßàáâãäåæçèéêëìíîïðñòóôõöøùúûüýþÿ"
    "ĀāĂăĄąĆćĈĉĊċČčĎďĐđĒēĔĕĖėĘęĚěĜĝĞğĠġĢģĤĥĦħĨĩĪīĬĭĮįİıĲĳĴĵĶķĸĹĺĻļĽľĿŀŁłŃńŅņŇňŉŊŋ"
    "ŌōŎŏŐőŒœŔŕŖŗŘřŚśŜŝŞşŠšŢţŤťŦŧŨũŪūŬŭŮůŰűŲųŴŵŶŷŸŹźŻżŽž"
    "ƇƈƏƗƠơƯưƷǍǎǏǐǑǒǓǔǕǖǗǘǙǚǛǜǞǟǢǣǤǥǦǧǨǩǪǫǬǭǮǯǰǴǵǸǹǺǻǼǽǾǿȒȓȘșȚțȞȟȧȨȩȪȫȬȭȮȯȰȱȲȳəɨʒ"
    "ḂḃḆḇḊḋḌḍḎḏḐḑḗḜḝḞḟḠḡḢḣḤḥḦḧḨḩḪḫḯḰḱḲḳḴḵḶḷḺḻṀṁṂṃṄṅṆṇṈṉṒṓṔṕṖṗṘṙṚṛṞṟṠṡṢṣṪṫṬṭṮṯ"
    "ẀẁẂẃẄẅẆẇẌẍẎẏẐẑẒẓẔẕẖẗẞẠạẢảẤấẦầẨẩẪẫẬậẮắẰằẲẳẴẵẶặẸẹẺẻẼẽẾếỀềỂểỄễỆệỈỉỊị"
    "ỌọỎỏỐốỒồỔổỖỗỘộỚớỜờỞởỠỡỢợỤụỦủỨứỪừỬửỮữỰựỲỳỴỵỶỷỸỹ"
)
_MARKED = {  # base letters, then the code points of the marks that may follow
    "A": "30B", "C": "300 304 306 308 315 323 326 328+306", "D": "302", "F": "300 304", "G": "300",
    "H": "304 326 331", "J": "301 30C", "K": "300 302 304 307 315 31B 326 35F+48 35F+68",
    "L": "302 325 325+304 326", "M": "300 302 306 310", "N": "302 304 306 326", "P": "300 304 315 323",
    "R": "306 325 325+304", "S": "300 304 31B+304 331", "T": "300 304 308 315 31B", "U": "307",
    "Z": "300 304 306 308 327",
    "a": "30B", "c": "300 304 306 308 315 323 326 328+306", "d": "302", "f": "300 304", "g": "300",
    "h": "304 326", "j": "301", "k": "300 302 304 307 315 31B 326 35F+68",
    "l": "302 325 325+304 326", "m": "300 302 306 310", "n": "302 304 306 326", "p": "300 304 315 323",
    "r": "306 325 325+304", "s": "300 304 31B+304 331", "t": "300 304 315 31B", "u": "307",
    "z": "300 304 306 308 327",
    "Ç": "306", "Û": "304", "ç": "306", "û": "304", "ÿ": "301", "Č": "315 323", "č": "315 323",
    "ē": "30D", "Ī": "301", "ī": "301", "ō": "30D", "Ž": "326 327", "ž": "326 327", "Ḳ": "304",
    "ḳ": "304", "Ṣ": "304", "ṣ": "304", "Ṭ": "304", "ṭ": "304", "Ạ": "308", "ạ": "308", "Ọ": "308",
    "ọ": "308", "Ụ": "304 308", "ụ": "304 308",
}  # fmt: skip
SEQUENCES = tuple(
    letter + "".join(chr(int(point, 16)) for point in marks.split("+"))
    for letter, row in _MARKED.items()
    for marks in row.split()
)
NON_LETTERS = " ',-.`~¨´·ʹʺʾʿˈˌ’‡"
"""Group N1: what may stand in a name beside letters."""

_TYPE_A = re.compile(
    "(?:"
    + "|".join(re.escape(s) for s in sorted(SEQUENCES, key=len, reverse=True))
    + f"|[{re.escape(LETTERS)}{re.escape(NON_LETTERS)}])"
)
_TWO_LETTERS = {
    "Æ": "AE", "Ø": "OE", "Œ": "OE", "ß": "SS", "ẞ": "SS", "Þ": "TH", "Ĳ": "IJ", "Ð": "D", "Đ": "D", "Ħ": "H",
    "ı": "I", "ĸ": "K", "Ŀ": "L", "Ł": "L", "ŉ": "N", "Ŋ": "N", "Ŧ": "T", "Ƈ": "C", "Ə": "E", "Ɨ": "I",
    "Ʒ": "Z", "Ǥ": "G",
}  # fmt: skip
"""Letters that Unicode does not decompose, or not into what the standard names."""
_DIAERESIS, _RING = "\u0308", "\u030a"


def irregular(text: str) -> str:
    """The characters of ``text`` that a name of data type A cannot hold, each once; ``""`` if none."""
    rest = _TYPE_A.sub("", unicodedata.normalize("NFC", text))
    return "".join(dict.fromkeys(rest))


def search_form(text: str) -> str:
    """``text`` in basic letters; what is no letter of the standard stays as it is."""
    composed = unicodedata.normalize("NFC", text)
    joined = "".join(_plain(c) if unicodedata.category(c)[0] == "L" else c for c in composed)
    # marks that NFC could not compose (A with dot below, diaeresis) belong to the letter before
    joined = re.sub(f"([AOU])([\u0300-\u036f]*){_DIAERESIS}", r"\1E\2", joined)
    return re.sub("[\u0300-\u036f]", "", joined)


def _plain(letter: str) -> str:
    decomposed = unicodedata.normalize("NFD", letter)
    base, marks = decomposed[0], decomposed[1:]
    upper = base if base in _TWO_LETTERS else base.upper()
    plain = _TWO_LETTERS.get(upper, upper)
    if _DIAERESIS in marks and plain in {"A", "O", "U"}:
        return plain + "E"
    if _RING in marks and plain == "A":
        return "AA"
    return plain
