"""Bytes to text and back; places in a text."""

from __future__ import annotations

import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kerascheck.text import DecodeError, Position, SourceText


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"x = 1\n", "x = 1\n"),
        ("é = 1\n".encode(), "é = 1\n"),
        (b"\xef\xbb\xbfx = 1\r\n", "x = 1\r\n"),
        (b"# -*- coding: latin-1 -*-\nx = '\xe9'\n", "# -*- coding: latin-1 -*-\nx = 'é'\n"),
        (b"#!/usr/bin/python\n# vim: set fileencoding=cp1252 :\nx = '\x80'\n",
         "#!/usr/bin/python\n# vim: set fileencoding=cp1252 :\nx = '€'\n"),
        (b"x = 1\n# coding: latin-1\n", "x = 1\n# coding: latin-1\n"),  # below the first line of code it says nothing
        (b"", ""),
    ],
)  # fmt: skip
def test_bytes_become_text_and_the_same_bytes_again(raw: bytes, text: str) -> None:
    source = SourceText.from_bytes(raw)
    assert source.text == text
    assert source.to_bytes() == raw


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"x = 1\ny = '\xe9'\n", "line 2 is not valid utf-8"),
        (b"# coding: nonsense\n", "unknown encoding `nonsense`"),
        (b"\xef\xbb\xbf# coding: latin-1\n", "a UTF-8 byte order mark, but the file declares `latin-1`"),
    ],
)
def test_bytes_that_are_no_text(raw: bytes, message: str) -> None:
    with pytest.raises(DecodeError, match=message):
        SourceText.from_bytes(raw)


def test_places_count_code_points() -> None:
    source = SourceText("a = '😀'\r\nb\rc\n")
    assert source.position(0) == Position(1, 1)
    assert source.position(6) == Position(1, 7)
    assert source.position(9) == Position(2, 1)
    assert source.position(11) == Position(3, 1)
    assert [source.line(number) for number in range(6)] == ["", "a = '😀'", "b", "c", "", ""]
    assert source.newline == "\r\n"


def test_a_column_behind_the_line_is_its_end() -> None:
    source = SourceText("ab\ncd\n")
    assert source.offset(Position(1, 99)) == 2
    assert source.offset(Position(9, 1)) == 6


def test_the_newline_of_one_line() -> None:
    assert SourceText("x").newline == "\n"


def test_a_text_that_does_not_fit_the_encoding() -> None:
    source = SourceText.from_bytes(b"# coding: latin-1\n")
    with pytest.raises(UnicodeEncodeError):
        source.to_bytes("# coding: latin-1\n# €\n")


@given(st.text(alphabet=st.sampled_from("ab\r\n\té😀"), max_size=40))
def test_every_offset_comes_back(text: str) -> None:
    source = SourceText(text)
    for offset in range(len(text) + 1):
        inside_line_end = 0 < offset < len(text) and text[offset - 1] == "\r" and text[offset] == "\n"
        if not inside_line_end:
            assert source.offset(source.position(offset)) == offset


@given(st.text(max_size=60))
def test_every_text_survives_bytes(text: str) -> None:
    raw = ("#\n\n" + text).encode("utf-8", "surrogatepass").decode("utf-8", "replace").encode()
    assert SourceText.from_bytes(raw).to_bytes() == raw


@pytest.mark.parametrize("mark", [b"", codecs.BOM_UTF8])
def test_utf_8_sig_is_written_back_byte_for_byte(mark: bytes) -> None:
    raw = mark + b"# -*- coding: utf-8-sig -*-\nx = 1\n"
    assert SourceText.from_bytes(raw).to_bytes() == raw


def test_the_encoding_is_looked_for_in_two_lines_of_old_line_ends() -> None:
    assert SourceText.from_bytes(b"# old mac\rimport keras\rx = dict(encoding=enc)\r").encoding == "utf-8"
