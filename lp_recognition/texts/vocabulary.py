"""Characters and class indices: which symbols a model can read, and where the blank is.

A label is a sequence of symbols: single characters, or a name in angle brackets that stands for one (`<Beijing>A12345`
has seven). The blank of CTC is the last class.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from lp_recognition.system.errors import UserError
from lp_recognition.texts.normal_form import name_of, normal_form, plate_key

#: The Chinese characters of China's plates and the names that stand for them in ASCII lists: the 31 provinces, then
#: those that mark a kind of vehicle (police, driving school, trailer) or a special region.
PROVINCE_NAMES: dict[str, str] = {
    "皖": "<Anhui>", "沪": "<Shanghai>", "津": "<Tianjin>", "渝": "<Chongqing>", "冀": "<Hebei>", "晋": "<Shanxi>",
    "蒙": "<InnerMongolia>", "辽": "<Liaoning>", "吉": "<Jilin>", "黑": "<Heilongjiang>", "苏": "<Jiangsu>",
    "浙": "<Zhejiang>", "京": "<Beijing>", "闽": "<Fujian>", "赣": "<Jiangxi>", "鲁": "<Shandong>", "豫": "<Henan>",
    "鄂": "<Hubei>", "湘": "<Hunan>", "粤": "<Guangdong>", "桂": "<Guangxi>", "琼": "<Hainan>", "川": "<Sichuan>",
    "贵": "<Guizhou>", "云": "<Yunnan>", "藏": "<Tibet>", "陕": "<Shaanxi>", "甘": "<Gansu>", "青": "<Qinghai>",
    "宁": "<Ningxia>", "新": "<Xinjiang>", "警": "<Police>", "学": "<School>",
    "挂": "<Trailer>", "港": "<HongKong>", "澳": "<Macao>",
}  # fmt: skip

#: The one class of all Chinese characters under `use_h_concat`.
CHINESE = "<H>"
_LOOKALIKES = {"O": "0", "I": "1"}
_SYMBOL = re.compile(r"<[^<>]+>|.", re.DOTALL)


class VocabularyError(UserError):
    """A label or an alphabet that does not fit the vocabulary."""


def split_symbols(label: str) -> list[str]:
    """Splits a label into its symbols: `<Beijing>A1` gives `['<Beijing>', 'A', '1']`."""
    return _SYMBOL.findall(label)


def is_chinese(symbol: str) -> bool:
    """Whether a symbol is a Chinese character, or a name in angle brackets, which stands for one."""
    return len(symbol) > 1 or "\u3400" <= symbol <= "\u9fff"


@dataclass(frozen=True)
class Vocabulary:
    """The classes of a model.

    Attributes:
        symbols: The symbols of the alphabet before merging, each once.
        use_h_concat: All Chinese characters (and names) are one class, written `<H>`.
        use_oi_concat: O and 0 are one class, written `0`; I and 1 are one, written `1`.
    """

    symbols: tuple[str, ...]
    use_h_concat: bool = False
    use_oi_concat: bool = False

    @classmethod
    def from_labels(
        cls, labels: Iterable[str], *, use_h_concat: bool = False, use_oi_concat: bool = False
    ) -> Vocabulary:
        """Builds the alphabet of all symbols in `labels`, sorted, so that the order of rows is of no account."""
        symbols = sorted({symbol for label in labels for symbol in split_symbols(label)})
        return cls(tuple(symbols), use_h_concat, use_oi_concat)

    def __post_init__(self) -> None:
        if not self.symbols:
            raise VocabularyError("alphabet: expected at least one character, received none")
        for symbol in self.symbols:
            if split_symbols(symbol) != [symbol] or symbol.isspace():
                raise VocabularyError(
                    f"alphabet: expected single characters or names in angle brackets, received {symbol!r}"
                )
        if len(set(self.symbols)) != len(self.symbols):
            twice = sorted({symbol for symbol in self.symbols if self.symbols.count(symbol) > 1})
            raise VocabularyError(f"alphabet: expected each character once, received {' '.join(twice)} twice")

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """The written form of each class but the blank, in the order of the class indices."""
        return tuple(dict.fromkeys(self._merge_symbol(symbol) for symbol in self.symbols))

    @property
    def num_classes(self) -> int:
        """Number of classes, the blank included: the width of the logits."""
        return len(self.classes) + 1

    @property
    def blank_index(self) -> int:
        """The class index of the CTC blank: the last."""
        return len(self.classes)

    def merge(self, label: str) -> str:
        """Writes a label as the model would: merged classes by their one name."""
        return "".join(self._merge_symbol(symbol) for symbol in split_symbols(label))

    def encode(self, label: str) -> list[int]:
        """Turns a label into class indices.

        Raises:
            VocabularyError: a symbol outside the alphabet.
        """
        merged = [self._merge_symbol(symbol) for symbol in split_symbols(label)]
        unknown = [symbol for symbol in merged if symbol not in self._indices]
        if unknown:
            raise VocabularyError(
                f"expected characters of the alphabet, received {' '.join(map(repr, unknown))} in '{label}'"
                f"{self._mistaken(unknown)}"
            )
        return [self._indices[symbol] for symbol in merged]

    def knows(self, label: str) -> bool:
        """Whether the alphabet has every symbol of a label."""
        return all(self._merge_symbol(symbol) in self._indices for symbol in split_symbols(label))

    def decode(self, indices: Sequence[int]) -> str:
        """Turns class indices (without blanks) into text."""
        return "".join(self.classes[index] for index in indices)

    def readings(self, text: str) -> Iterator[str]:
        """All texts without merged classes that `text` may stand for: `<H>A0` may be 皖A0, 皖AO, 沪A0, ..."""
        choices = [self._members.get(symbol, (symbol,)) for symbol in split_symbols(text)]
        return ("".join(reading) for reading in itertools.product(*choices))

    @cached_property
    def _indices(self) -> dict[str, int]:
        return {symbol: index for index, symbol in enumerate(self.classes)}

    @cached_property
    def _members(self) -> dict[str, tuple[str, ...]]:
        members: dict[str, list[str]] = {name: [] for name in self.classes}
        for symbol in self.symbols:
            members[self._merge_symbol(symbol)].append(symbol)
        if self.use_oi_concat:  # an alphabet may hold O alone: its class is still written 0
            for letter, digit in _LOOKALIKES.items():
                if digit in members:
                    members[digit] = [digit, letter]
        return {name: tuple(symbols) for name, symbols in members.items()}

    def _mistaken(self, unknown: Iterable[str]) -> str:
        """What of the alphabet may have been meant by symbols outside it: the same on a plate, as `plate_key` says."""
        meant = []
        for symbol in dict.fromkeys(unknown):
            key = plate_key([symbol])
            alike = [other for other in self.classes if len(other) == 1 and plate_key([other]) == key]
            if alike and key and len(symbol) == 1:
                meant.append(f"; {name_of(symbol)} is not {name_of(alike[0])} of the alphabet")
        return "".join(meant)

    def _merge_symbol(self, symbol: str) -> str:
        if self.use_h_concat and is_chinese(symbol):
            return CHINESE
        if self.use_oi_concat:
            return _LOOKALIKES.get(symbol, symbol)
        return symbol


def min_time_steps(indices: Sequence[int]) -> int:
    """The fewest time steps in which CTC can write a label: one each, and a blank between equal neighbours."""
    return len(indices) + sum(left == right for left, right in itertools.pairwise(indices))


_NAME_OF = {name.lower(): character for character, name in PROVINCE_NAMES.items()}


def plate_of(label: str) -> str:
    """What all ways to write the plate of a label have in common: two labels name one plate where this is equal.

    The province may be written 皖 or `<Anhui>`; the rest is compared as by `plate_key`.
    """
    symbols = split_symbols(normal_form(label))
    return plate_key(_NAME_OF.get(symbol.lower(), symbol) for symbol in symbols) or label
