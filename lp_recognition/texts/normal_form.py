"""One normal form for labels, and when two labels name the same plate.

Texts that look the same may differ in their code points: Ü is one character or two, a sheet program leaves marks that
nobody sees, an input method writes letters of full width, and a keyboard of another script writes А for A. To a model
each would be a class of its own, and to whoever compares lists another plate. `normal_form` is what becomes of every
label that is read; it changes nothing that a person could tell apart. `plate_key` compares plates, and is coarser.
See Unicode Standard Annex 15 (normal forms) and Unicode Technical Standard 39 (confusable characters).
"""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Iterable

#: Compatibility forms that are the same character in another width, font or place in a word.
_SAME_CHARACTER = ("<wide>", "<narrow>", "<font>", "<initial>", "<medial>", "<final>", "<isolated>")
#: Characters that show nothing and are not of the category "format": fillers and selectors of a variant.
_INVISIBLE = {0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x3164, 0xFFA0, *range(0x180B, 0x1810), *range(0xFE00, 0xFE10)}
_KANGXI_RADICALS = range(0x2F00, 0x2FD6)
#: Signs of the category "format" that are drawn: they stand before or around Arabic and Kaithi numbers.
_DRAWN_FORMATS = {*range(0x0600, 0x0606), 0x06DD, 0x070F, 0x0890, 0x0891, 0x08E2, 0x110BD, 0x110CD}
#: What stands between the groups of a plate: hyphens and dashes, dots, bullets, slashes, apostrophes.
_SEPARATORS = frozenset("-‐‑‒–—―−﹣_.·•‧・･∙⋅●○,:;/|'`´’*~")
#: Capital letters of Cyrillic and Greek that are drawn as Latin ones.
_LATIN_LOOKALIKES = {
    **dict(zip("АВЕЅІЈКМНОРСТУХԚԜҮӀ", "ABESIJKMHOPCTYXQWYI", strict=True)),
    **dict(zip("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧϹϳ", "ABEZHIKMNOPTYXCJ", strict=True)),
}
#: Small letters that are: of some (в, н, т) only the capitals are.
_SMALL_LOOKALIKES = dict(zip("аеорсухіјѕԛԝһο", "aeopcyxijsqwho", strict=True))
_SCRIPTS = ("LATIN", "CYRILLIC", "GREEK")


def normal_form(label: str) -> str:
    """The normal form of a label: composed (NFC), without invisible marks, letters of one width and font.

    `"Ｂ\\u200b-МU 12"`, with a full-width letter and a mark of no width, becomes `"B-МU 12"`: letters of other scripts,
    small letters and hyphens stay, for an alphabet may have them. A label in normal form is returned as it is.
    """
    if label.isascii():
        return label
    return unicodedata.normalize("NFC", "".join(map(_one_form, label)))


def odd_characters(label: str) -> str:
    """Names what a label holds that its normal form does not; empty where it is in normal form."""
    normal = normal_form(label)
    strange = "" if normal == label else dict.fromkeys(character for character in label if character not in normal)
    return ", ".join(name_of(character) for character in strange)


def plate_key(symbols: Iterable[str]) -> str:
    """What a label's symbols have in common with all ways to write the same plate.

    Small and capital letters are the same, Cyrillic and Greek letters the Latin ones they look like, digits of any
    script the same digits; hyphens, dots and spaces are none. O and 0, which plates tell apart, stay apart.
    """
    return "".join(symbol.upper() if len(symbol) > 1 else _folded(symbol) for symbol in symbols)


def lookalike(symbol: str) -> str:
    """The Latin letter that a letter of Cyrillic or Greek looks like; any other symbol itself."""
    return _LATIN_LOOKALIKES.get(symbol) or _SMALL_LOOKALIKES.get(symbol) or symbol


def scripts_of(label: str) -> set[str]:
    """Which of Latin, Cyrillic and Greek the letters of a label are of; other scripts are looked like by none."""
    return {script for character in label if (script := _script_of(character))}


def mixed_scripts(label: str) -> str:
    """Says which letters of a label are of another script than the rest, or nothing where all are of one."""
    if label.isascii() or len(scripts_of(label)) < 2:
        return ""
    strangers = dict.fromkeys(character for character in label if _script_of(character) not in (None, "LATIN"))
    return f"letters of two scripts in {label}: {', '.join(map(name_of, strangers))}"


def lookalikes_among(symbols: Iterable[str]) -> list[tuple[str, ...]]:
    """Groups of different symbols that look the same, as Latin A beside Cyrillic А: each would be a class."""
    groups: dict[str, list[str]] = defaultdict(list)
    for symbol in symbols:
        groups[lookalike(symbol)].append(symbol)
    return [tuple(group) for group in groups.values() if len(group) > 1]


def name_of(character: str) -> str:
    """A character and its Unicode name, `А (CYRILLIC CAPITAL LETTER A)`; of what is not seen or joined, the name."""
    name = unicodedata.name(character, f"U+{ord(character):04X}")
    return name if _is_invisible(character) or unicodedata.category(character)[0] in "MC" else f"{character} ({name})"


def _is_invisible(character: str) -> bool:
    code = ord(character)
    if code < 0x80:  # plain spaces and control characters are the business of whoever reads the list
        return False
    category = unicodedata.category(character)
    if category == "Cf":
        return code not in _DRAWN_FORMATS
    return category in ("Zs", "Zl", "Zp") or code in _INVISIBLE or 0xE0100 <= code <= 0xE01EF


def _one_form(character: str) -> str:
    if _is_invisible(character):
        return ""
    decomposition = unicodedata.decomposition(character)
    if decomposition.startswith(_SAME_CHARACTER) or ord(character) in _KANGXI_RADICALS:
        return "".join(unicodedata.normalize("NFKC", character).split())  # some ligatures hold spaces
    return character


def _folded(symbol: str) -> str:
    if symbol in _SEPARATORS or symbol.isspace():
        return ""
    digit = unicodedata.decimal(symbol, None)
    if digit is not None:
        return str(digit)
    capital = unicodedata.normalize("NFC", symbol.upper())
    return _LATIN_LOOKALIKES.get(capital, capital)


def _script_of(character: str) -> str | None:
    if not character.isalpha():
        return None
    name = unicodedata.name(character, "")
    return next((script for script in _SCRIPTS if name.startswith(script)), None)
