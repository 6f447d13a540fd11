"""Execute every notebook of this folder and publish it: ``python notebooks/publish.py [SITE [PAGES]]``.

SITE (``site/``) gets HTML that needs nothing but a browser; PAGES (``docs/notebooks/``) gets Markdown with
pictures beside it, which shows the output where the repository is browsed.
"""

import re
import sys
from pathlib import Path

import jupytext
import nbformat
from nbclient import NotebookClient
from nbconvert import HTMLExporter, MarkdownExporter

HERE = Path(__file__).parent
# Only tables and text are left of HTML in Markdown, because the sites that show it take out the rest.
_DRAWN = re.compile(r"<(style|svg|script|caption)\b.*?</\1>", re.DOTALL)
_TAG = re.compile(r"<(/?\w+)([^>]*)>")
_SPAN = re.compile(r" (?:col|row)span=\"?\d+\"?")


def executed(source: Path) -> nbformat.NotebookNode:
    """Return one py:percent notebook with its output, executed from its own folder.

    Raises
    ------
    nbclient.exceptions.CellExecutionError
        If a cell fails.
    """
    notebook = jupytext.read(source)
    client = NotebookClient(
        notebook, timeout=600, kernel_name="python3", resources={"metadata": {"path": str(HERE)}}
    )
    client.execute()
    return notebook


def write_html(notebook: nbformat.NotebookNode, target: Path) -> None:
    """Write an executed notebook as one HTML file."""
    # Without addresses of scripts the page asks nobody else for anything.
    exporter = HTMLExporter(
        exclude_input_prompt=True,
        exclude_output_prompt=True,
        embed_images=True,
        mathjax_url="",
        require_js_url="",
        mermaid_js_url="",
    )
    html, _ = exporter.from_notebook_node(notebook, {"metadata": {"name": target.stem}})
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(html, encoding="utf-8")


def write_markdown(notebook: nbformat.NotebookNode, target: Path) -> None:
    """Write an executed notebook as Markdown, with its pictures as files beside it."""
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            if "text/html" in output.get("data", {}):
                output.data["text/html"] = plain_html(output.data["text/html"])
    resources = {"unique_key": target.stem, "output_files_dir": "pictures"}
    text, made = MarkdownExporter().from_notebook_node(notebook, resources)
    for old in (target.parent / "pictures").glob(f"{target.stem}_*.png"):
        old.unlink()
    for name, content in made["outputs"].items():
        picture = target.parent / name
        picture.parent.mkdir(parents=True, exist_ok=True)
        picture.write_bytes(content)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8")


def plain_html(html: str) -> str:
    """Return HTML without drawings, styles and attributes, on one line: one block of Markdown.

    Examples
    --------
    >>> plain_html('<style>p {}</style><table id="a1"><tr><td class="x" colspan="2">1</td></tr></table>')
    '<table><tr><td colspan="2">1</td></tr></table>'
    """
    text = _TAG.sub(lambda tag: f"<{tag[1]}{''.join(_SPAN.findall(tag[2]))}>", _DRAWN.sub("", html))
    text = re.sub(r"</?(?:span|i|div|section|figure|figcaption|bdi)>", "", text)
    # Headings of an output are none of the page, and a dollar begins mathematics for some sites.
    text = re.sub(r"<h\d>(.*?)</h\d>", r"<p><strong>\1</strong></p>", text).replace("$", "&#36;")
    return re.sub(r"\s+", " ", text).replace("> <", "><").strip()


def publish(source: Path, site: Path, pages: Path) -> tuple[Path, Path]:
    """Execute a notebook and write it as HTML and as Markdown; nothing is written if a cell fails."""
    notebook = executed(source)
    targets = site / f"{source.stem}.html", pages / f"{source.stem}.md"
    write_html(notebook, targets[0])
    write_markdown(notebook, targets[1])
    return targets


if __name__ == "__main__":
    out = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE.parent / "site"
    beside = Path(sys.argv[2]) if len(sys.argv) > 2 else HERE.parent / "docs" / "notebooks"
    for path in sorted(HERE.glob("[0-9]*.py")):
        print(*publish(path, out, beside), sep="\n")
