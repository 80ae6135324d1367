"""The page in an open browser while its text is written: a saved sentence shows in a moment, or what is wrong with it.

    serve(Preview(layout, derivations), port)

One process stays, with all modules loaded. On a change below the text or the theme it tests the conclusions again if
their file is another, renders the text, and lets pandoc convert the sections whose Markdown is not that of last time.
What it makes lies in a temporary folder: the build's own files stay as they are.
"""

import json
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from rederive.errors import UserError
from rederive.layout import CLAIMS, PUBLISHED, PUBLISHED_CURVES, TEXT, THEME, Layout
from rederive.report.formats import html_section, page, split_front_matter
from rederive.report.render import render
from rederive.results.claims import test_claims
from rederive.results.summarise import summarise

PAGE = "/report/report.html"
# A page that is opened anew, or whose server was away, has another number than the server and reloads; the browser
# keeps the place. A mistake is shown over the page as it was.
CLIENT = """
<script>
(() => {
  const told = Object.assign(document.createElement("pre"), { hidden: true });
  told.style = "position: fixed; inset: auto 0 0 0; z-index: 99; margin: 0; background: #a3261b; color: #fff";
  document.body.append(told);
  new EventSource("/events").onmessage = event => {
    const { number, error } = JSON.parse(event.data);
    if (number !== %d) location.reload();
    told.hidden = !error;
    told.textContent = error;
  };
})();
</script>
"""


class Preview:
    """The page of a build by the text as it is now, and whoever waits for the next one."""

    def __init__(
        self, layout: Layout, derivations: Sequence[Path], templates: Path = TEXT, theme: Path = THEME
    ) -> None:
        """Take the results of a build, and the files of what was proved. Raises UserError where it has no numbers."""
        if not layout.numbers.exists():
            raise UserError(f"{layout.numbers}: not found; build the report once, then preview its text")
        self.folder, self.templates, self.theme = layout.folder, Path(templates), Path(theme)
        self.derivations = list(derivations)
        self.html, self.number, self.error = "", 0, ""
        self._temporary = tempfile.TemporaryDirectory(prefix="rederive-preview-")
        self._layout = Layout(Path(self._temporary.name))
        made = {
            layout.claims.name,
            layout.claims.with_suffix(".csv").name,
            layout.numbers.name,
            layout.tables.name,
            layout.report("md").parent.name,
        }
        for path in layout.folder.iterdir():
            if path.name not in made:
                (self._layout.folder / path.name).symlink_to(path.resolve())
        self._claims = b""
        self._converted: dict[tuple[bytes, str], str] = {}
        self._changed = threading.Condition()

    def update(self) -> None:
        """Make the page anew, or remember what is wrong with the text, and tell those who wait."""
        try:
            html, error = self._page(), ""
        except UserError as mistake:
            html, error = self.html, str(mistake)
        with self._changed:
            self.number += html != self.html
            self.html, self.error = html, error
            self._changed.notify_all()

    def states(self) -> Iterator[tuple[int, str]]:
        """Yield the number of the page and what is wrong with the text, now and whenever they change."""
        told: tuple[int, str] | None = None
        while True:
            with self._changed:
                self._changed.wait_for(lambda told=told: (self.number, self.error) != told)  # type: ignore[misc]
                told = (self.number, self.error)
            yield told

    def _page(self) -> str:
        layout = self._layout
        claims = self.templates / CLAIMS.name
        if (content := claims.read_bytes()) != self._claims:
            published = (self.templates / PUBLISHED.name, self.templates / PUBLISHED_CURVES.name)
            test_claims(layout, self.derivations, claims, *published)
            summarise(layout, self.derivations, *published)
            self._claims = content
        render(layout, self.derivations, self.templates)
        front, body = split_front_matter(layout.report("md").read_text(encoding="utf-8"))
        rules = (self.theme / "filter.lua").read_bytes()
        used: dict[tuple[bytes, str], str] = {}

        def convert(markdown: str) -> str:
            key = (rules, markdown)
            used[key] = self._converted.get(key) or html_section(markdown, self.theme)
            return used[key]

        made = page(body, front, layout.figures.resolve(), layout.trace, self.theme, convert)
        self._converted = used
        return made


class _Handler(SimpleHTTPRequestHandler):
    """The page, its events, and the build's files, to which numbers lead."""

    def __init__(self, *arguments: object, preview: Preview, **options: object) -> None:
        self.preview = preview
        super().__init__(*arguments, directory=str(preview.folder), **options)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        """Answer a request."""
        if self.path == "/":
            self.send_response(302)
            self.send_header("Location", PAGE)
            self.end_headers()
        elif self.path == PAGE:
            client = CLIENT % self.preview.number
            content = self.preview.html.replace("</body>", f"{client}</body>").encode()
            self._begin("text/html; charset=utf-8")
            self.wfile.write(content)
        elif self.path == "/events":
            self._begin("text/event-stream")
            try:
                for number, error in self.preview.states():
                    self.wfile.write(f"data: {json.dumps({'number': number, 'error': error})}\n\n".encode())
                    self.wfile.flush()
            except OSError:  # the page was closed
                pass
        else:
            super().do_GET()

    def _begin(self, kind: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Cache-Control", "no-store")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing: the terminal tells of edits."""


def server(preview: Preview, port: int) -> ThreadingHTTPServer:
    """Return a server on this machine alone; port 0 is any that is free."""
    made = ThreadingHTTPServer(("127.0.0.1", port), partial(_Handler, preview=preview))
    made.daemon_threads = True
    return made


def serve(preview: Preview, port: int, stop: threading.Event | None = None) -> None:
    """Serve the page, and follow the text until interrupted or stopped."""
    import watchfiles

    http = server(preview, port)
    threading.Thread(target=http.serve_forever, daemon=True).start()
    print(f"http://127.0.0.1:{http.server_port}/", flush=True)
    try:
        _tell(preview)
        for _ in watchfiles.watch(
            preview.templates, preview.theme, step=10, debounce=100, stop_event=stop, raise_interrupt=False
        ):
            _tell(preview)
    finally:
        http.shutdown()
        http.server_close()


def _tell(preview: Preview) -> None:
    began = time.perf_counter()
    preview.update()
    print(preview.error or f"page {preview.number} in {time.perf_counter() - began:.2f} s", flush=True)
