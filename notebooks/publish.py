"""Execute every notebook of this folder and publish it as HTML: ``python notebooks/publish.py [FOLDER]``."""

import sys
from pathlib import Path

import jupytext
from nbclient import NotebookClient
from nbconvert import HTMLExporter

HERE = Path(__file__).parent


def publish(source: Path, folder: Path) -> Path:
    """Execute one py:percent notebook from its own folder and write it, with all output, as HTML.

    Raises
    ------
    nbclient.exceptions.CellExecutionError
        If a cell fails; nothing is written then.
    """
    notebook = jupytext.read(source)
    client = NotebookClient(
        notebook, timeout=600, kernel_name="python3", resources={"metadata": {"path": str(HERE)}}
    )
    client.execute()
    # Without addresses of scripts the page asks nobody else for anything.
    exporter = HTMLExporter(
        exclude_input_prompt=True,
        exclude_output_prompt=True,
        embed_images=True,
        mathjax_url="",
        require_js_url="",
        mermaid_js_url="",
    )
    html, _ = exporter.from_notebook_node(notebook, {"metadata": {"name": source.stem}})
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{source.stem}.html"
    target.write_text(html, encoding="utf-8")
    return target


if __name__ == "__main__":
    out = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE.parent / "site"
    for path in sorted(HERE.glob("[0-9]*.py")):
        print(publish(path, out))
