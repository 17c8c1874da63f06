"""Find the encoding of a text file, by counting which of its lines can be read in which.

GB18030 is a superset of GBK and GB2312, so it stands for all three. A line either decodes or it
does not; that what decodes as GB18030 is Chinese is told by its most frequent characters. What
cannot be told is reported.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from chengshu.exchange.files.model import Finding
from chengshu.kernel.errors import InputError, Where

SAMPLE_BYTES = 1 << 20
MAX_VOTES = 5_000

_BOMS = (
    (codecs.BOM_UTF32_LE, None),
    (codecs.BOM_UTF32_BE, None),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_NOT_ASCII = re.compile(rb"[\x80-\xff]+")
_CONTROL = re.compile(rb"[\x02-\x08\x0e-\x19\x1b\x7f]")
# Two-byte letters outside Latin-1: Chinese in GBK can look like this, European text hardly does.
_MAYBE_GBK = re.compile(rb"(?:[\xc2-\xd7][\xa1-\xbf])+")
_LATIN_LEADS = re.compile(rb"[\xc2\xc3]")
_CJK_UTF8 = re.compile(rb"(?<![\x80-\xff])(?:[\xe3-\xe9\xef][\x80-\xbf]{2})+(?![\x80-\xff])")
# The kinds of bytes in that pattern: ASCII 0, following 1, first of Chinese 2, others 3.
_KINDS = bytes(
    0 if byte < 0x80 else 1 if byte < 0xC0 else 2 if 0xE3 <= byte <= 0xE9 or byte == 0xEF else 3
    for byte in range(256)
)
# A third of most Chinese, of names and addresses too; of other text read as GB18030 next to none
# (so without 何, 林 and 备, which are Korean syllables there).
_FREQUENT = frozenset(
    "的一是在不了有和人这中大为上个国我以要他时来用们生到作地于出分对成会可主发年动同工也能下过"
    "民产方面法务部公司名号码日期男女姓性别证件身份地址电话单位登记编金额注状态类型区县市省镇乡村"
    "街道路室栋楼社里王李张刘陈杨赵黄周吴徐孙胡朱高郭马罗梁宋郑谢韩唐冯董萧程曹袁邓许傅沈曾"
    "二三四五六七八九十东西南北新平安明文华建海江山行业机构学医院校中心银管理监政局元万"
)
_DISTINCT_LEAST, _FREQUENT_LEAST, _FREQUENT_SURE = 12, 0.12, 0.2
# What Python takes from bytes in other ways than one by one, and so is no encoding of a table.
_PROBE = b"a\\u4e2d+AA-~{,\n.xn--fiqs8s"
# Bytes that Windows-1252 does not define.
_NOT_1252 = re.compile(rb"[\x81\x8d\x8f\x90\x9d]")


@dataclass
class _Votes:
    """How many lines with bytes above ASCII speak for which encoding."""

    strong: int = 0  # UTF-8 with a sequence of three or more bytes
    weak: int = 0  # UTF-8 with two-byte sequences only
    gb: int = 0  # not UTF-8, but GB18030
    neither: int = 0
    pairs: int = 0  # two-byte characters in the lines that speak for GB18030 ...
    common: int = 0  # ... of these, common Chinese or its punctuation
    plain: int = 0  # ... of these, in GB2312 at all
    frequent: int = 0  # ... of these, frequent in Chinese
    distinct: set[str] = field(default_factory=set)

    def gb_is_plausible(self) -> bool:
        """Return whether what decodes as GB18030 also reads as Chinese."""
        if self.frequent and self.frequent >= self.pairs * _FREQUENT_SURE:
            return self.gb > self.neither
        known = self.common * 2 >= self.pairs > 0 and self.plain * 5 >= self.pairs * 4
        return known and self.gb >= 4 * self.neither

    def gb_is_doubtful(self) -> bool:
        """Return whether it decodes, in characters that hardly occur in Chinese."""
        rare = self.frequent < self.pairs * _FREQUENT_LEAST
        return rare and len(self.distinct) >= _DISTINCT_LEAST


def find_encoding(path: Path, given: str | None) -> tuple[str, list[Finding]]:
    """Return the codec to read a text file with, and what is unusual about it.

    Args:
        path: The file.
        given: What the caller says; taken as it is, but refused when Python has no such codec.

    Raises:
        InputError: The file is binary, in UTF-32 or in UTF-16 without a mark, or ``given`` is
            unknown.
    """
    with path.open("rb") as file:
        sample = file.read(SAMPLE_BYTES)
    if given is not None:
        return _known_codec(path, given, sample), []
    for mark, name in _BOMS:
        if sample.startswith(mark):
            if name is None:
                raise _refusal(path, "the file is in UTF-32", "Save it as UTF-8")
            return name, []
    _refuse_binary(path, sample)
    return _vote(path, sample)


def is_wide(encoding: str) -> bool:
    """Return whether an encoding writes line ends in more than one byte."""
    return encoding.startswith(("utf-16", "utf-32"))


def may_hold_utf8(raw: bytes) -> bool:
    """Return whether some line may be Chinese in UTF-8; quick to say no."""
    if b"\0\2\1\1" not in b"\0" + raw.translate(_KINDS):
        return False
    return _CJK_UTF8.search(raw) is not None


def is_utf8_line(raw: bytes) -> bool:
    """Return whether a line is Chinese in UTF-8, whatever the rest of its file is in."""
    return _CJK_UTF8.search(raw) is not None and decodes(raw, "utf-8")


def _known_codec(path: Path, given: str, sample: bytes) -> str:
    try:
        name = codecs.lookup(given).name
        is_plain = is_wide(name) or _PROBE.decode(name) == _PROBE.decode("ascii")
    except (LookupError, UnicodeError):
        is_plain = False
    if not is_plain:
        raise _refusal(path, "the encoding asked for is unknown", "Use utf-8 or gb18030")
    if name in {"utf-16", "utf-32"} and not sample.startswith(tuple(mark for mark, _ in _BOMS)):
        hint = f"Pass {name}-le or {name}-be"
        raise _refusal(path, f"the file has no byte order mark of {name}", hint)
    if name in {"gbk", "gb2312"}:
        return "gb18030"
    if name == "utf-8" and sample.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    return name


def _refuse_binary(path: Path, sample: bytes) -> None:
    lines, zeros = sample.count(b"\n"), sample.count(b"\0")
    paired = max(sample.count(b"\n\0"), sample.count(b"\0\n"))
    if zeros and lines and paired * 5 >= lines * 3:
        hint = "Pass the encoding utf-16-le or utf-16-be, or save it as UTF-8"
        raise _refusal(path, "the file looks like UTF-16 without a byte order mark", hint)
    signs = zeros + len(_CONTROL.findall(sample))
    if signs * 2 > len(sample) or (signs > 16 and signs * 30 > len(sample)):
        raise _refusal(path, "the file is binary, not text", "")


def _vote(path: Path, sample: bytes) -> tuple[str, list[Finding]]:
    votes = _count_votes(path)
    utf8, gb, bad = votes.strong + votes.weak, votes.gb, votes.neither
    if not gb and not bad:
        return "utf-8", _doubt_utf8(sample)
    if votes.strong > gb + bad:
        return "utf-8", []
    if votes.gb_is_plausible() and gb * 10 >= votes.weak:
        return "gb18030", _doubt_gb(votes)
    if utf8 > gb + bad:
        return "utf-8", []
    name = "latin-1" if _NOT_1252.search(sample) else "windows-1252"
    message = (
        f"the file is neither UTF-8 nor GB18030; it was read as {name}, which accepts anything: "
        "check the text, or pass the encoding"
    )
    return name, [Finding(0, "encoding_fallback", message)]


def _doubt_utf8(sample: bytes) -> list[Finding]:
    letters = b"".join(_NOT_ASCII.findall(sample))
    if not _MAYBE_GBK.fullmatch(letters) or not _LATIN_LEADS.sub(b"", letters[::2]):
        return []
    message = "the text was read as UTF-8 but would also be Chinese in GBK: pass the encoding"
    return [Finding(0, "encoding_unsure", message)]


def _doubt_gb(votes: _Votes) -> list[Finding]:
    if not votes.gb_is_doubtful():
        return []
    message = (
        "the text was read as GB18030 but hardly reads as Chinese; Korean and Japanese encodings "
        "look alike: check the text, or pass the encoding"
    )
    return [Finding(0, "encoding_unsure", message)]


def _count_votes(path: Path) -> _Votes:
    """Return the votes of the whole file if it is UTF-8, else of its first lines that are not."""
    votes = _Votes()
    for block in _blocks(path):
        if block.isascii():
            continue
        if decodes(block, "utf-8"):
            count = block.count(b"\n") or 1
            if re.search(rb"[\xe0-\xf4]", block):
                votes.strong += count
            else:
                votes.weak += count
            continue
        for line in block.splitlines():
            if not line.isascii():
                _vote_line(line, votes)
        if votes.gb + votes.neither > MAX_VOTES:
            break
    return votes


def _blocks(path: Path) -> Iterator[bytes]:
    """Yield the file in blocks that end at a line feed, where there is one."""
    rest = b""
    with path.open("rb") as file:
        while block := file.read(SAMPLE_BYTES):
            cut = block.rfind(b"\n") + 1
            if cut or len(rest) > 8 * SAMPLE_BYTES:
                yield rest + block[:cut]
                rest = block[cut:]
            else:
                rest += block
    if rest:
        yield rest


def _vote_line(line: bytes, votes: _Votes) -> None:
    if decodes(line, "utf-8"):
        if re.search(rb"[\xe0-\xf4]", line):
            votes.strong += 1
        else:
            votes.weak += 1
    elif decodes(line, "gb18030"):
        votes.gb += 1
        for character in line.decode("gb18030"):
            pair = character.encode("gb18030")
            if len(pair) == 2:
                votes.pairs += 1
                votes.plain += pair[1] >= 0xA1
                votes.frequent += character in _FREQUENT
                votes.distinct.add(character)
                votes.common += pair[1] >= 0xA1 and (
                    0xA1 <= pair[0] <= 0xA3 or 0xB0 <= pair[0] <= 0xD7
                )
    else:
        votes.neither += 1


def decodes(raw: bytes, encoding: str) -> bool:
    """Return whether bytes are text in an encoding."""
    try:
        raw.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _refusal(path: Path, problem: str, hint: str) -> InputError:
    return InputError(problem, where=Where(str(path)), hint=f"{hint}." if hint else "")
