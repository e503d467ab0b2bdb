"""How files of other systems are read: dialects, encodings, dates, stars, and what is refused."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from candor.imports import cell_values, dates
from candor.imports.row_files import Fields, Layout, read_rows
from candor.imports.text_lines import BadFile, BadUse
from resolvers.errors import Invalid

FIELDS = Fields(required=("order_id", "rating", "body", "created_at"), optional=("title",))
HEADER = "order_id,rating,body,created_at\n"
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.fixture
def read(tmp_path):
    def run(text, encoding="utf-8", name="reviews.csv", **layout):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
        return list(read_rows(path, FIELDS, Layout(**layout)))

    return run


def bodies(rows):
    return [row.cells["body"] for row in rows]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_the_header_tells_the_delimiter_and_a_mark_the_encoding(read, delimiter, encoding, ending):
    lines = ("order_id,rating,body,created_at", "O1,5,Warm 🙂,2024-02-01", "")
    rows = read(ending.join(lines).replace(",", delimiter), encoding)

    assert [(row.line, dict(row.cells)) for row in rows] == [
        (2, {"order_id": "O1", "rating": "5", "body": "Warm 🙂", "created_at": "2024-02-01"})
    ]


def test_utf_16_with_the_big_end_first_is_known_by_its_mark(read):
    text = HEADER + "O1,5,Groß,2024-02-01\n"

    assert bodies(read(b"\xfe\xff" + text.encode("utf-16-be"))) == ["Groß"]


def test_a_first_line_of_excel_names_the_delimiter_and_counts_as_a_line(read):
    rows = read("sep=;\n" + HEADER.replace(",", ";") + "O1;5;a,b,c,d,e;2024-02-01\n")

    assert [(row.line, row.cells["body"]) for row in rows] == [(3, "a,b,c,d,e")]


def test_a_delimiter_that_is_given_is_not_looked_for(read):
    header = "order_id;a,b,c,d,e,f;rating;body;created_at\n"

    assert bodies(read(header + "O1;;5;x;2024-02-01\n", delimiter=";")) == ["x"]


def test_a_file_that_lacks_columns_is_refused_with_what_its_header_has(read):
    with pytest.raises(BadFile, match=r"missing: created_at, rating.*has: order_id, body, stars"):
        read("order_id;body;stars\n")


def test_quotes_of_php_are_read(read):
    rows = read(
        HEADER
        + 'O1,5,"He said \\"wow, yes\\", twice.\nAnd left.",2024-02-01\n'
        + 'O2,4,"ends with a backslash\\",2024-02-01\n'
        + "O3,3,fine,2024-02-01\n"
        + 'O4,3,"C:\\\\dir\\\\",2024-02-01\n'
        + 'O5,3,"ends with a \\"quote\\"",2024-02-01\n'
    )

    assert [(row.line, row.error) for row in rows] == [(line, None) for line in (2, 4, 5, 6, 7)]
    assert bodies(rows) == [
        'He said "wow, yes", twice.\nAnd left.',
        "ends with a backslash\\",
        "fine",
        "C:\\\\dir\\\\",
        'ends with a "quote"',
    ]


def test_rows_that_an_open_quote_swallows_are_named_and_the_rest_is_read(read):
    rows = read(
        HEADER
        + 'O1,5,"never closed,2024-02-01\n'
        + "O2,5,swallowed,2024-02-01\n"
        + "O3,5,swallowed,2024-02-01\n"
        + 'O4,5,"quoted",2024-02-01\n'
        + "O5,5,read,2024-02-01\n"
    )

    assert [(row.line, row.last, row.error is None) for row in rows] == [
        (2, 5, False),
        (6, 6, True),
    ]


def test_a_row_of_others_within_a_broken_cell_is_no_row(read):
    """Who writes a review could otherwise write one for another order."""
    rows = read(HEADER + 'O1,5,"broken\nO9,1,forged,2024-02-01\nend" of it",2024-02-01\n')

    assert [(row.line, row.last, row.error is None) for row in rows] == [(2, 4, False)]


def test_a_quote_that_stays_open_to_the_end_of_the_file_is_an_error_of_its_lines(read):
    rows = read(HEADER + 'O1,5,"open\nO2,5,x,2024-02-01\n')

    assert [(row.line, row.last) for row in rows] == [(2, 3)]
    assert "no CSV" in rows[0].error


@pytest.mark.parametrize(
    ("octets", "hint"),
    [
        ("José".encode("latin-1"), "latin-1"),
        ("“José”".encode("cp1252"), "cp1252"),
        ("5 €".encode("cp1252"), "cp1252"),
    ],
)
def test_a_wrong_encoding_is_refused_row_by_row_with_the_one_to_try(read, octets, hint):
    text = HEADER.encode() + b"O1,5," + octets + b",2024-02-01\nO2,5,plain,2024-02-01\n"

    first, second = read(text)

    assert first.error == f"this is not utf-8; try --encoding {hint}"
    assert second.cells["body"] == "plain"


def test_windows_1252_that_is_read_as_latin_1_is_refused(tmp_path):
    path = tmp_path / "reviews.csv"
    path.write_bytes((HEADER + "O1,5,“José”,2024-02-01\n").encode("cp1252"))

    (row,) = read_rows(path, FIELDS, Layout(encoding="latin-1"))
    (same,) = read_rows(path, FIELDS, Layout(encoding="cp1252"))

    assert row.error == "this is not latin-1; try --encoding cp1252"
    assert same.cells["body"] == "“José”"


def test_a_file_of_utf_16_that_ends_within_a_character_is_refused(read):
    with pytest.raises(BadFile):
        read((HEADER + "O1,5,x,2024-02-01").encode("utf-16") + b"\x00")


def test_an_unknown_encoding_is_refused(tmp_path):
    path = tmp_path / "reviews.csv"
    path.write_text(HEADER)

    with pytest.raises(BadFile, match="no encoding klingon"):
        list(read_rows(path, FIELDS, Layout(encoding="klingon")))


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_a_column_that_is_not_there_is_refused_with_the_one_that_is(read, kind):
    text = (
        "order_id,rating,Review Text,created_at\nO1,5,x,2024-02-01\n"
        if kind == "csv"
        else '{"order_id": "O1", "rating": 5, "Review Text": "x", "created_at": "2024-02-01"}\n'
    )

    with pytest.raises(BadUse, match="Is it 'Review Text'"):
        read(text, columns={"Review text": "body"})
    assert bodies(read(text, columns={"Review Text": "body"})) == ["x"]


def test_a_column_that_only_later_rows_of_json_lines_have_is_there(read):
    first = '{"order_id": "O1", "rating": 5, "body": "x", "created_at": "2024-02-01"}\n'
    second = first.replace("}", ', "headline": "Good"}')

    rows = read(first + second, columns={"headline": "title"})

    assert [row.cells.get("title") for row in rows] == [None, "Good"]


@pytest.mark.parametrize(
    ("header", "layout"),
    [
        ("order_id,rating,body,created_at,body", {}),
        ("order_id,rating,body,created_at,text", {"columns": {"text": "body"}}),
        ("order_id,rating,body,created_at", {"fixed": {"body": "x"}}),
    ],
)
def test_a_field_has_one_source(read, header, layout):
    with pytest.raises(BadUse, match="body has more than one source"):
        read(header + "\nO1,5,x,2024-02-01,y\n", **layout)


def test_of_an_object_too(read):
    text = '{"order_id": "O1", "rating": 5, "body": "x", "text": "y", "created_at": "2024-02-01"}\n'

    (row,) = read(text, columns={"text": "body"})

    assert row.error == "a field has more than one source"


def test_columns_that_are_not_used_may_be_doubled(read):
    text = "order_id,rating,body,created_at,x,x\nO1,5,y,2024-02-01,1,2\n"

    assert bodies(read(text)) == ["y"]


def test_a_fixed_value_stands_in_each_row_and_for_a_column_that_is_missing(read):
    rows = read("order_id,body,created_at\nO1,x,2024-02-01\n", fixed={"rating": "5"})

    assert rows[0].cells["rating"] == "5"


def test_entities_are_decoded_once_and_only_in_texts(read):
    text = HEADER + "O&amp;1,5,It&#39;s fine &amp;amp; solid,2024-02-01\n"

    (row,) = read(text, unescape=True)

    assert (row.cells["order_id"], row.cells["body"]) == ("O&amp;1", "It's fine &amp; solid")
    assert bodies(read(text)) == ["It&#39;s fine &amp;amp; solid"]


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("2023-01-02 10:11:12 UTC", "2023-01-02T10:11:12"),
        ("2023-01-02 10:11:12 GMT", "2023-01-02T10:11:12"),
        ("2023-01-02 10:11:12 -0500", "2023-01-02T15:11:12"),
        ("2023-06-01T10:00:00-04:00", "2023-06-01T14:00:00"),
        ("2023-01-02T10:11:12.000Z", "2023-01-02T10:11:12"),
        ("Mon Aug 10 2015 14:16:38 GMT+0000 (GMT)", "2015-08-10T14:16:38"),
        ("Mon Aug 10 2015 14:16:38 GMT+0200 (Central European Summer Time)", "2015-08-10T12:16:38"),
        ("Mon, 10 Aug 2015 14:16:38 +0200", "2015-08-10T12:16:38"),
        ("Mon, 10 Aug 2015 14:16:38 GMT", "2015-08-10T14:16:38"),
        ("2 Jan 2023", "2023-01-01T23:00:00"),
        ("Jan 2, 2023", "2023-01-01T23:00:00"),
        ("January 2nd, 2023 at 12:05 am", "2023-01-01T23:05:00"),
        ("2 January 2023, 12:05 PM", "2023-01-02T11:05:00"),
        ("2-Jan-2023 10:11", "2023-01-02T09:11:00"),
        ("20230102", "2023-01-01T23:00:00"),
        ("2023/01/02", "2023-01-01T23:00:00"),
        ("2023/1/2 10:11", "2023-01-02T09:11:00"),
        ("2023-01-02  10:11", "2023-01-02T09:11:00"),
    ],
)
def test_a_date_with_one_meaning_is_read(cell, expected):
    assert dates.instant(cell, BERLIN).isoformat() == f"{expected}+00:00"


@pytest.mark.parametrize(
    ("cell", "hint"),
    [
        ("1/2/2023", "--date-format"),
        ("02.01.2023", "--date-format"),
        ("01-02-2023 10:00", "--date-format"),
        ("1511121312159", "unix-ms"),
        ("1596080481467", "unix-ms"),
        ("1596080481", "unix"),
        ("44928", ""),
        ("16121230.10", ""),
        ("0000-00-00 00:00:00", ""),
        ("2023-02-30", ""),
        ("30 Feb 2023", ""),
        ("2 Foo 2023", ""),
        ("Jan 2, 2023 13:05 PM", ""),
        ("yesterday", ""),
        ("", ""),
        ("9999-12-31 23:59 -1400", ""),
    ],
)
def test_any_other_is_refused_with_what_helps(cell, hint):
    with pytest.raises(ValueError, match="no date and time") as refusal:
        dates.instant(cell, UTC)
    assert hint in str(refusal.value)


def test_formats_are_tried_in_their_order():
    formats = ("%m/%d/%Y", "%d/%m/%Y", "%d.%m.%Y %H:%M", "unix-ms")

    def read(cell):
        return dates.instant(cell, BERLIN, formats)

    assert read("3/14/2024") == datetime(2024, 3, 13, 23, tzinfo=UTC)
    assert read("14/3/2024") == datetime(2024, 3, 13, 23, tzinfo=UTC)
    assert read("03/02/2024") == datetime(2024, 3, 1, 23, tzinfo=UTC)
    assert read("14.03.2024 10:00") == datetime(2024, 3, 14, 9, tzinfo=UTC)
    assert read("1596080481467") == datetime(2020, 7, 30, 3, 41, 21, 467000, tzinfo=UTC)
    assert read("2024-03-14T10:00Z") == datetime(2024, 3, 14, 10, tzinfo=UTC)


@pytest.mark.parametrize("bad", ["", "x", "%H:%M", "%m/%d", "%Q", "%Y-%m", "%", "unix-s"])
def test_a_format_without_a_whole_date_is_refused(bad):
    with pytest.raises(ValueError, match="no format of a date"):
        dates.check_format(bad)


@pytest.mark.parametrize(
    ("cell", "number"),
    [
        *(("5", 5), (" 4 ", 4), ("5.0", 5), ("3.00", 3), ("5/5", 5), ("4 / 5", 4), ("5.0/5.0", 5)),
        *(("★★★★★", 5), ("★★★☆☆", 3), ("★", 1), ("⭐️⭐️", 2), ("", None), ("10", 10), ("0", 0)),
    ],
)
def test_stars_are_read_however_they_are_written(cell, number):
    assert cell_values.stars("rating", cell) == number


@pytest.mark.parametrize(
    "cell", ["4.5", "5,0", "5/10", "-1", "five", "★★☆", "☆☆☆☆☆", "★★★★★★", "½", "5 stars", "1e0"]
)
def test_anything_else_is_no_number_of_stars(cell):
    with pytest.raises(Invalid, match="no whole number of stars"):
        cell_values.stars("rating", cell)
