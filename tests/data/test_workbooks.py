"""Workbooks of Excel, written here as the files that they are: XML in a zip archive."""

import zipfile
from xml.sax.saxutils import escape

import pytest

from bayes_cx.data import read_transactions
from bayes_cx.errors import InputError

pytestmark = pytest.mark.usefixtures("one_database")
_TYPES = """<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">
<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>
<Default Extension="xml" ContentType="application/xml"/><Override PartName="/xl/workbook.xml"
ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/></Types>"""
_RELATIONS = (
    '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">{}</Relationships>'
)
_OF = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
_STYLES = (
    f"""<styleSheet {_MAIN}><cellXfs count="2"><xf numFmtId="0"/><xf numFmtId="14"/></cellXfs></styleSheet>"""
)


class Day(int):
    """Days since 1899-12-30, as Excel counts them."""


def _cell(value):
    if value is None:
        return "<c/>"
    if isinstance(value, Day):
        return f'<c s="1"><v>{int(value)}</v></c>'
    if isinstance(value, str):
        return f'<c t="inlineStr"><is><t>{escape(value)}</t></is></c>'
    return f"<c><v>{value}</v></c>"


def workbook(path, sheets):
    def link(number, kind, target):
        return f'<Relationship Id="r{number}" Type="{_OF}/{kind}" Target="{target}"/>'

    names = list(sheets)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("[Content_Types].xml", _TYPES)
        archive.writestr("_rels/.rels", _RELATIONS.format(link(0, "officeDocument", "xl/workbook.xml")))
        listed = "".join(
            f'<sheet name="{name}" sheetId="{number}" r:id="r{number}"/>'
            for number, name in enumerate(names, 1)
        )
        archive.writestr(
            "xl/workbook.xml", f'<workbook {_MAIN} xmlns:r="{_OF}"><sheets>{listed}</sheets></workbook>'
        )
        links = [link(number, "worksheet", f"sheet{number}.xml") for number in range(1, len(names) + 1)]
        archive.writestr(
            "xl/_rels/workbook.xml.rels",
            _RELATIONS.format("".join([*links, link(0, "styles", "styles.xml")])),
        )
        archive.writestr("xl/styles.xml", _STYLES)
        for number, name in enumerate(names, 1):
            rows = "".join(f"<row>{''.join(map(_cell, row))}</row>" for row in sheets[name])
            archive.writestr(
                f"xl/sheet{number}.xml", f"<worksheet {_MAIN}><sheetData>{rows}</sheetData></worksheet>"
            )
    return path


def read(source, **more):
    return read_transactions(source, customer="id", time="when", amount="paid", **more)


@pytest.fixture
def orders(tmp_path):
    return workbook(
        tmp_path / "orders.xlsx",
        {
            "2024": [
                ["Orders of 2024"],
                [None],
                ["id", "when", "paid", "note"],
                [17850, Day(45292), 5.5, "gift"],
                [None, None, None, None],
                ["C12", Day(45293), 6, None],
                [None, Day(45293), 6, None],
            ],
            "Notes": [["made by hand"]],
            "2025": [["when", "paid", "id"], [Day(45658), 7, 17850]],
        },
    )


def test_all_sheets_with_the_columns_are_read_by_their_names(orders):
    transactions = read(orders)
    rows = transactions.accepted.project("customer, CAST(time AS VARCHAR), CAST(amount AS DOUBLE)").fetchall()
    assert rows == [
        ("17850", "2024-01-01 00:00:00", 5.5),
        ("C12", "2024-01-02 00:00:00", 6),
        ("17850", "2025-01-01 00:00:00", 7),
    ]
    assert transactions.rejected_by_reason == {"missing customer": 1}
    doubled = read_transactions(orders, customer="id", time="when", amount="2 * paid")
    assert doubled.accepted.aggregate("CAST(sum(amount) AS DOUBLE)").fetchall() == [(37,)]
    assert read(orders, query="SELECT * FROM data WHERE note = 'gift'").rows_accepted == 1


def test_several_workbooks_are_one_table_and_numbers_stay_numbers(orders, tmp_path):
    other = workbook(tmp_path / "more.XLSX", {"all": [["id", "when", "paid"], [1, Day(45658), 7]]})
    assert read(other).accepted.project("customer").fetchall() == [(1,)]
    assert read([orders, other]).rows_accepted == 4
    assert read(tmp_path).source == f"{tmp_path.name} (2 files)"


def test_a_workbook_without_the_columns_or_not_whole(orders, tmp_path):
    with pytest.raises(
        InputError, match=r"no sheet of orders\.xlsx has the columns 'customer'.*'id', 'when'"
    ):
        read_transactions(orders, customer="customer", time="when")
    (tmp_path / "old.xls").write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600))
    with pytest.raises(InputError, match=r"old\.xls cannot be read"):
        read(tmp_path / "old.xls")
    cut = tmp_path / "cut.xlsx"
    cut.write_bytes(orders.read_bytes()[:-200])
    with pytest.raises(InputError, match=r"cut\.xlsx is neither"):
        read(cut)
