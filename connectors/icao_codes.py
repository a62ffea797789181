"""Nationality as documents write it (ICAO 9303-3 §5) and as everybody else does (ISO 3166-1 alpha-2).

A chip, and BundID after it, holds: Germany is ``D``, everybody else an alpha-3 code, with a few
codes that name no state at all. Other sources write alpha-2.

>>> to_iso("D"), to_iso("DE"), to_iso("DEU"), to_iso("GBN"), to_iso("XXA")
('DE', 'DE', 'DE', 'GB', None)
"""

from __future__ import annotations

import re

from connectors.country_codes import ISO_OF_EU_CODE

_ALPHA3 = (
    "ABWAW AFGAF AGOAO AIAAI ALAAX ALBAL ANDAD AREAE ARGAR ARMAM ASMAS ATAAQ ATFTF ATGAG AUSAU AUTAT "
    "AZEAZ BDIBI BELBE BENBJ BESBQ BFABF BGDBD BGRBG BHRBH BHSBS BIHBA BLMBL BLRBY BLZBZ BMUBM BOLBO "
    "BRABR BRBBB BRNBN BTNBT BVTBV BWABW CAFCF CANCA CCKCC CHECH CHLCL CHNCN CIVCI CMRCM CODCD COGCG "
    "COKCK COLCO COMKM CPVCV CRICR CUBCU CUWCW CXRCX CYMKY CYPCY CZECZ DEUDE DJIDJ DMADM DNKDK DOMDO "
    "DZADZ ECUEC EGYEG ERIER ESHEH ESPES ESTEE ETHET FINFI FJIFJ FLKFK FRAFR FROFO FSMFM GABGA GBRGB "
    "GEOGE GGYGG GHAGH GIBGI GINGN GLPGP GMBGM GNBGW GNQGQ GRCGR GRDGD GRLGL GTMGT GUFGF GUMGU GUYGY "
    "HKGHK HMDHM HNDHN HRVHR HTIHT HUNHU IDNID IMNIM INDIN IOTIO IRLIE IRNIR IRQIQ ISLIS ISRIL ITAIT "
    "JAMJM JEYJE JORJO JPNJP KAZKZ KENKE KGZKG KHMKH KIRKI KNAKN KORKR KWTKW LAOLA LBNLB LBRLR LBYLY "
    "LCALC LIELI LKALK LSOLS LTULT LUXLU LVALV MACMO MAFMF MARMA MCOMC MDAMD MDGMG MDVMV MEXMX MHLMH "
    "MKDMK MLIML MLTMT MMRMM MNEME MNGMN MNPMP MOZMZ MRTMR MSRMS MTQMQ MUSMU MWIMW MYSMY MYTYT NAMNA "
    "NCLNC NERNE NFKNF NGANG NICNI NIUNU NLDNL NORNO NPLNP NRUNR NZLNZ OMNOM PAKPK PANPA PCNPN PERPE "
    "PHLPH PLWPW PNGPG POLPL PRIPR PRKKP PRTPT PRYPY PSEPS PYFPF QATQA REURE ROURO RUSRU RWARW SAUSA "
    "SDNSD SENSN SGPSG SGSGS SHNSH SJMSJ SLBSB SLESL SLVSV SMRSM SOMSO SPMPM SRBRS SSDSS STPST SURSR "
    "SVKSK SVNSI SWESE SWZSZ SXMSX SYCSC SYRSY TCATC TCDTD TGOTG THATH TJKTJ TKLTK TKMTM TLSTL TONTO "
    "TTOTT TUNTN TURTR TUVTV TWNTW TZATZ UGAUG UKRUA UMIUM URYUY USAUS UZBUZ VATVA VCTVC VENVE VGBVG "
    "VIRVI VNMVN VUTVU WLFWF WSMWS YEMYE ZAFZA ZMBZM ZWEZW"
)
_ICAO = {"D": "DE", "RKS": "XK", **dict.fromkeys(("GBD", "GBN", "GBO", "GBP", "GBS"), "GB")}
"""What only ICAO writes: Germany in one letter, Kosovo, British nationals other than citizens."""
_ISO = {row[:3]: row[3:] for row in _ALPHA3.split()}
_ALPHA2 = frozenset(_ISO.values()) | frozenset(_ICAO.values())


def to_iso(code: str) -> str | None:
    """ISO 3166-1 alpha-2 for a one-, two- or three-letter code; None for one that names no state.

    No state: ``XXA`` stateless, ``XXB`` and ``XXC`` refugees, ``XXX`` unspecified, the codes of
    organisations, and any well-formed code unknown here. Raises ValueError for something that is no code.
    """
    if not re.fullmatch(r"[A-Z]{1,3}", code):
        raise ValueError("no country code")
    code = ISO_OF_EU_CODE.get(code, code)
    if code in _ALPHA2:
        return code
    return _ICAO.get(code) or _ISO.get(code)
