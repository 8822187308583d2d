"""Every format read back: whole, escaped, and rounded only where people read it."""

from __future__ import annotations

import csv
import io
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from table_files import algorithm, counts_of, write_counts, write_study

from fcn.errors import shown
from p2p_eval.errors import InputError
from p2p_eval.tables.choice import parse_chosen
from p2p_eval.tables.definitions import TABLES
from p2p_eval.tables.fill import fill_tables
from p2p_eval.tables.filled import Tables
from p2p_eval.tables.latex import escaped
from p2p_eval.tables.render import FORMATS, render

SPECIAL = "\\`*_{}[]<>()#+!|~&$@:-%^\"'"
HOSTILE = [
    "<script>alert(1)</script>",
    "a|b\n| c | d |\n# e `code` ``x`` [l](http://x.y) &lt; $x$ @you",
    "\\end{tabular}\\input{/etc/passwd} 50% ^~ --- {",
    "=1+1",
    "日本語 \N{RIGHT-TO-LEFT OVERRIDE}x \x07",
    "no UTF-8 \udcff",
]


@pytest.fixture(scope="module")
def tables(full: Path) -> Tables:
    return fill_tables(full, draws=50)


def two_signatures(out: Path) -> Tables:
    for number, name in enumerate(("L1", "GAN")):
        settings = f"labels:files|version:{number}"
        write_counts(out, name, counts_of(0.3 + 0.3 * number), settings=settings)
    return fill_tables(out, ["1"], draws=50)


def hostile_study(out: Path, text: str) -> Tables:
    name = f"n {text}"
    write_study(out / "study.json", [algorithm(name, signature=text), algorithm("pix2pix")])
    return fill_tables(out, ["5"], rows=[parse_chosen(f"5:Zhang-2016={name}")], draws=50)


def cells_of(line: str) -> list[str]:
    """Cells of a row of GitHub's Markdown; a backslash keeps a bar from ending one."""
    assert line.startswith("| ")
    assert line.endswith(" |")
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", line[1:-1])]


def unescaped(text: str) -> str:
    return re.sub(r"\\([^\w\s])", r"\1", text)


def test_markdown_is_one_table_each(tables: Tables) -> None:
    parts = render(tables, "md").split("### ")[1:]
    assert [part.partition(":")[0] for part in parts] == [table.label for table in TABLES]
    for part, table in zip(parts, tables.tables, strict=True):
        lines = [cells_of(line) for line in part.splitlines() if line.startswith("| ")]
        assert len({len(line) for line in lines}) == 1
        names = [unescaped(line[0]) for line in lines]
        assert names[1 : 1 + len(table.rows)] == [row.name for row in table.rows]
    first = cells_of(next(line for line in parts[0].splitlines() if line.startswith("| GAN")))
    ours = tables.tables[0].rows[1].measured[0]
    assert ours
    figure = ours.figures["per_pixel_acc"]
    assert first[1:3] == ["0.22", f"{figure.value:.2f} ({figure.low:.2f}–{figure.high:.2f})"]
    assert re.search(r"\| rank agreement \|  \| τ = 0\.\d\d \(6 rows\) \|", parts[0])
    assert "| L1 | 2.8 ± 1.0 | 2.0 ± 1.2 | 0.8 ± 0.3 | 1.0 ± 1.2 |" in parts[3]


def test_missing_rows_show_a_dash(out: Path) -> None:
    write_counts(out, "L1", counts_of(0.6))
    text = render(fill_tables(out, ["1"], draws=50), "md")
    assert "| GAN | 0.22 | – | 0.05 | – | 0.01 | – |" in text
    assert "rank agreement" not in text


def test_different_signatures_have_columns_of_their_own(out: Path) -> None:
    text = render(two_signatures(out), "md")
    head, _, first, second, *_ = (line for line in text.splitlines() if line.startswith("|"))
    assert cells_of(head)[1:4] == [
        "Per-pixel acc., paper", "Per-pixel acc., ours a", "Per-pixel acc., ours b",
    ]  # fmt: skip
    assert cells_of(first)[3] == cells_of(second)[2] == "–"
    assert cells_of(first)[2] != "–"
    for letter, number in (("a", 0), ("b", 1)):
        signature = f"fcn-score|protocol:paper|labels:files|version:{number}"
        assert f"- Signature {letter}: `{signature}`" in text
    assert "Columns a, b were made with different settings: not comparable." in text


def test_provenance_stands_below(tables: Tables) -> None:
    text = render(tables, "md")
    assert "L1+cGAN-seed1, L1+cGAN-seed2 (2 seeds, 8 frames)" in text
    assert re.search(r"protocol paper; sha256 of 14 score files: [0-9a-f]{16}\n", text)
    assert "pix2pix (2000 trials)" in text


class Page(HTMLParser):
    """Tags in balance, tables as rows of texts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.tables: list[list[list[str]]] = []
        self.text = ""
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag != "meta":
            self.open.append(tag)
        if tag == "table":
            self.tables.append([])
        if tag == "tr":
            self.tables[-1].append([])
        if tag in ("td", "th"):
            self.tables[-1][-1].append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data
        if self.open[-1:] in (["td"], ["th"]):
            self.tables[-1][-1][-1] += data


def test_html_says_what_markdown_says(tables: Tables) -> None:
    page = Page(render(tables, "html"))
    assert len(page.tables) == 7
    blocks = render(tables, "md").split("### ")[1:]
    for rows, block in zip(page.tables, blocks, strict=True):
        lines = [cells_of(line) for line in block.splitlines() if line.startswith("| ")]
        assert rows[2:] == [[unescaped(cell) for cell in line] for line in lines[1:]]
        assert len(rows[1]) == len(lines[0]) - 1


def test_html_loads_nothing(tables: Tables) -> None:
    text = render(tables, "html")
    page = Page(text)
    assert not {"script", "link", "img", "iframe", "a"} & {tag for tag, _ in page.tags}
    assert not re.search(r"https?://|url\(|@import", text)
    policy = next(a for _, a in page.tags if a.get("http-equiv") == "Content-Security-Policy")
    assert (policy["content"] or "").startswith("default-src 'none'")
    ids = [a["id"] for _, a in page.tags if "id" in a]
    assert len(ids) == len(set(ids)) == 7


def check_latex(text: str) -> list[list[list[str]]]:
    """Braces and environments in balance, as many cells as columns; return the rows."""
    text = "\n".join(line for line in text.splitlines() if not line.startswith("%"))
    assert text.isascii()
    plain = re.sub(r"\\[\\{}$&#%_]", "", text)
    depth = 0
    for character in plain:
        depth += {"{": 1, "}": -1}.get(character, 0)
        assert depth >= 0
    assert depth == 0
    assert plain.count("$") % 2 == 0
    assert not set(plain) & set("#%_^~<>|")
    opened: list[str] = []
    for kind, name in re.findall(r"\\(begin|end)\{(\w+)\}", text):
        if kind == "begin":
            opened.append(name)
        else:
            assert opened.pop() == name
    assert opened == []
    tables = []
    for columns, body in re.findall(
        r"\\begin\{tabular\}\{(\w+)\}(.*?)\\end\{tabular\}", text, re.DOTALL
    ):
        rows = [
            re.split(r"(?<!\\)&", line.strip().removesuffix(r"\\"))
            for line in body.splitlines()
            if line.endswith(r"\\") and r"\multicolumn" not in line
        ]
        assert {len(row) for row in rows} == {len(columns)}
        spans = sum(map(int, re.findall(r"\\multicolumn\{(\d+)\}", body)))
        assert spans == len(columns) - 1
        tables.append([[cell.strip() for cell in row] for row in rows])
    return tables


def test_latex_is_whole(tables: Tables) -> None:
    text = render(tables, "latex")
    found = check_latex(text)
    assert len(found) == 7
    for rows, table in zip(found, tables.tables, strict=True):
        assert [row[0] for row in rows[1 : 1 + len(table.rows)]] == [
            row.name.replace("×", r"$\times$") for row in table.rows
        ]
    assert found[0][1][1] == "0.42"
    assert r"2.8 $\pm$ 1.0" in found[3][1]
    assert text.count(r"\toprule") == text.count(r"\bottomrule") == 7
    assert re.search(r"^% p2p-eval .*sha256 of 14 score files: [0-9a-f]{16}$", text, re.MULTILINE)


def test_latex_escapes_every_character() -> None:
    everything = "".join(map(chr, range(32, 0x250)))
    check_latex(escaped(everything))
    assert escaped("a--b---c") == "a-{}-b-{}-{}-c"
    assert escaped("\\") == r"\textbackslash{}"


def test_csv_has_full_precision(tables: Tables) -> None:
    text = render(tables, "csv")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert text.startswith("table,row,figure,paper,ours,low,high,seeds,frames,signature\n")
    assert len(rows) == sum(len(t.rows) * len(t.definition.columns) for t in tables.tables)
    by_key = {(row["table"], row["row"], row["figure"]): row for row in rows}
    for table in tables.tables:
        for row in table.rows:
            for column, paper, ours in zip(
                table.definition.columns, row.paper, row.measured, strict=True
            ):
                line = by_key[table.definition.key, row.name, column.key]
                assert ours
                figure = ours.figures[column.figure]
                assert float(line["paper"]) == paper.value
                assert float(line["ours"]) == figure.value
                assert float(line["low"]) == figure.low
                assert float(line["high"]) == figure.high
                assert int(line["seeds"]) == len(ours.experiments)
                assert int(line["frames"]) == ours.items
                assert line["signature"] == ours.signature


def test_csv_leaves_empty_what_is_not_known(out: Path) -> None:
    write_counts(out, "L1", counts_of(0.6))
    text = render(fill_tables(out, ["1"], draws=50), "csv")
    assert "1,GAN,per_pixel_acc,0.22,,,,,,\n" in text


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_names_and_signatures(out: Path, text: str) -> None:
    tables = hostile_study(out, text)
    line = " ".join(shown(text).split())
    page = Page(render(tables, "html"))
    assert not {"script", "img"} & {tag for tag, _ in page.tags}
    assert f"n {line} (2000 trials)" in page.text
    assert page.text.count(line) == 2
    check_latex(render(tables, "latex"))
    comments = [line for line in render(tables, "latex").splitlines() if line.startswith("%")]
    assert len(comments) == 5  # the label, two of provenance, two signatures
    for row in csv.DictReader(io.StringIO(render(tables, "csv"))):
        assert not row["signature"].startswith(("=", "+", "-", "@"))
    markdown = render(tables, "md")
    rows = [
        cells_of(line)
        for line in markdown.splitlines()
        if line.startswith("|") and "|:-" not in line
    ]
    assert {len(row) for row in rows} == {len(rows[0])}
    (heading,) = re.findall("^#.*", markdown, re.MULTILINE)
    assert heading.startswith("### Table 5")
    (ours,) = re.findall("^- Ours: .*", markdown, re.MULTILINE)
    assert not re.search(r"(?<!\\)[<|`\[$*]", ours)
    assert line in unescaped(ours) or "\\" in line
    for form in FORMATS:
        assert not set(render(tables, form)) & set("\N{RIGHT-TO-LEFT OVERRIDE}\x07\udcff")


def test_an_unknown_format_is_refused(tables: Tables) -> None:
    form: Any = "docx"
    with pytest.raises(InputError, match="got format 'docx', expected one of md, latex, html, csv"):
        render(tables, form)
