"""Render page one of the CDNOW report as retention.png: ``make image``."""

from pathlib import Path

import pypdfium2

HERE = Path(__file__).parent
REPORT = HERE.parents[1] / "reports" / "cdnow" / "retention.pdf"

with pypdfium2.PdfDocument(REPORT) as report:
    page = report[0].render(scale=1.6).to_pil()
# A palette makes a page of text and lines a third of the size.
page.quantize(128).save(HERE / "retention.png", optimize=True)
print(HERE / "retention.png")
