"""A file is read as a whole or refused in one sentence; a bad row alone is refused with its number."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from services.importing.map import FileForm
from services.importing.refusals import BadFile
from services.importing.table import Table, read_table

ASKED = {"case": "case", "when": "time.column", "state": "state.column"}
TEXT = "case,when,extra,state\n1,2026-01-01,x,Open\n1,2026-01-02,y,Done\n"


def read(folder: Path, data: bytes | str, name: str = "log.csv", form: FileForm | None = None) -> Table:
    path = folder / name
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return read_table(path, form or FileForm(), ASKED)


def test_rows_count_from_one_below_the_header_and_hold_the_mapped_cells_only(tmp_path: Path) -> None:
    table = read(tmp_path, TEXT)
    assert [(row.number, row.cells) for row in table.rows] == [
        (1, ("1", "2026-01-01", "Open")),
        (2, ("1", "2026-01-02", "Done")),
    ]
    assert table.named(table.rows[0]) == {"case": "1", "when": "2026-01-01", "state": "Open"}


@pytest.mark.parametrize("name", ["log.csv.gz", "log.csv"])
def test_gzip_is_known_by_its_first_bytes(tmp_path: Path, name: str) -> None:
    assert read(tmp_path, gzip.compress(TEXT.encode()), name).rows == read(tmp_path, TEXT).rows


@pytest.mark.parametrize("data", [TEXT.replace("\n", "\r\n"), "\ufeff" + TEXT, TEXT.rstrip("\n"), TEXT + "\n\n"])
def test_line_ends_byte_order_marks_and_blank_lines_do_not_matter(tmp_path: Path, data: str) -> None:
    assert read(tmp_path, data).rows == read(tmp_path, TEXT).rows


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "utf-16", "utf-8-sig"])
def test_the_map_names_another_encoding(tmp_path: Path, encoding: str) -> None:
    table = read(tmp_path, TEXT.replace("Open", "geöffnet").encode(encoding), form=FileForm(encoding=encoding))
    assert table.rows[0].cells[2] == "geöffnet"


def test_the_map_names_another_delimiter_and_what_says_nothing(tmp_path: Path) -> None:
    form = FileForm(delimiter=";", empty=("", "?", "NULL"))
    table = read(tmp_path, TEXT.replace(",", ";").replace("Open", "?").replace("Done", " NULL "), form=form)
    assert [row.cells[2] for row in table.rows] == ["", ""]


def test_a_row_of_another_width_or_with_a_nul_byte_is_refused_alone(tmp_path: Path) -> None:
    table = read(tmp_path, TEXT + "1,2026-01-03,z,Open,more\n1,2026\n1,2026-01-04,z,Op\x00en\n1,2026-01-05,z,Done\n")
    assert [row.number for row in table.rows] == [1, 2, 6]
    assert [(refused.row, refused.reason) for refused in table.refused] == [
        (3, "it has 5 fields, more than the header's 4: look for a stray delimiter or quote"),
        (4, "it has 2 fields, fewer than the header's 4: look for a stray delimiter or quote"),
        (5, "column state holds a NUL byte: take it out"),
    ]
    assert table.refused[0].fields == ["1", "2026-01-03", "z", "Open", "more"]


@pytest.mark.parametrize(
    ("name", "data", "sentence"),
    [
        ("log.csv", b"", "is empty: export the log again"),
        ("log.csv", b"case,when,extra,state\n", "has a header and no row below it"),
        ("log.csv.gz", TEXT.encode(), "ends in .gz but is not gzip"),
        ("log.csv.gz", gzip.compress(TEXT.encode() * 99, mtime=0)[:-30], "breaks off inside its gzip data"),
        ("log.csv.gz", gzip.compress(TEXT.encode(), mtime=0)[:-8] + bytes(8), "is damaged gzip"),
        ("log.csv", TEXT.replace("y", "é").encode("latin-1"), r"row 2, about column 3: byte 0xe9 is not utf-8"),
        ("log.csv", TEXT.encode().replace(b"state", b"st\xe9te"), "the header, about column 4: byte 0xe9"),
        (
            "log.csv",
            TEXT.replace("when", "time"),
            "has no column when, for which the map asks under time.column: its col",
        ),
        ("log.csv", TEXT.replace("extra", "state"), "has two columns state: rename one"),
        ("log.csv", TEXT.replace(",", "\t"), "its first line holds no ',', so check file.delimiter in the map"),
        ("log.csv", TEXT + '3,"' + "never closed\n" * 100_000, r"row 3 is not CSV .*quote that is not closed"),
        ("log.csv", b"case,when,extra,state" + bytes(9_000_000), "line 1 is longer than 8000000 bytes"),
    ],
)
def test_a_file_that_is_wrong_as_a_whole_is_one_sentence(
    tmp_path: Path, name: str, data: bytes | str, sentence: str
) -> None:
    with pytest.raises(BadFile, match=sentence) as refused:
        read(tmp_path, data, name)
    assert str(tmp_path / name) in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_file_that_is_not_there_and_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadFile, match="does not exist: check the path"):
        read_table(tmp_path / "none.csv", FileForm(), ASKED)
    with pytest.raises(BadFile, match="is a folder"):
        read_table(tmp_path, FileForm(), ASKED)
