"""The report's source as one archive: unpacked anywhere, `latexmk` in it gives the PDF.

    tex_source(report_md, report_tex, numbers_csv, figures_dir, output)

Equal inputs give an equal archive: sorted names, no dates, no owners.
"""

import gzip
import io
import tarfile
from pathlib import Path

from rederive.files import write_bytes
from rederive.report.site import beside_figures

LATEXMKRC = "$pdf_mode = 1;\n@default_files = ('report.tex');\n"


def tex_source(report_md: Path, report_tex: Path, numbers_csv: Path, figures_dir: Path, output: Path) -> None:
    """Write the archive: report.tex, report.md, numbers.csv, the figures in `figures/`, and latexmk's settings."""
    figures_dir = Path(figures_dir)
    markdown = Path(report_md).read_text(encoding="utf-8")
    contents = {
        "report.tex": Path(report_tex).read_bytes(),
        "report.md": beside_figures(markdown, figures_dir).encode(),
        "numbers.csv": Path(numbers_csv).read_bytes(),
        "latexmkrc": LATEXMKRC.encode(),
    }
    for path in sorted(figures_dir.iterdir()):
        if path.suffix in (".pdf", ".svg", ".csv"):
            contents[f"figures/{path.name}"] = path.read_bytes()
    buffer = io.BytesIO()
    with gzip.GzipFile(fileobj=buffer, mode="wb", mtime=0) as packed, tarfile.open(fileobj=packed, mode="w") as archive:
        for name, content in sorted(contents.items()):
            entry = tarfile.TarInfo(f"report-source/{name}")
            entry.size = len(content)
            entry.mode = 0o644
            archive.addfile(entry, io.BytesIO(content))
    write_bytes(output, buffer.getvalue())
