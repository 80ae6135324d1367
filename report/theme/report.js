"use strict";
(() => {
  const data = JSON.parse(document.getElementById("report-data").textContent);
  const make = (tag, properties = {}, ...children) => {
    const node = Object.assign(document.createElement(tag), properties);
    node.append(...children);
    return node;
  };

  // Light and dark: the system's choice until the reader makes one.
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");
  const stored = () => { try { return localStorage.getItem("theme"); } catch { return null; } };
  const show = () => { root.dataset.theme = stored() ?? root.dataset.chosen ?? (system.matches ? "dark" : "light"); };
  system.addEventListener("change", show);
  show();
  document.getElementById("theme").addEventListener("click", () => {
    root.dataset.chosen = root.dataset.theme === "dark" ? "light" : "dark";
    try { localStorage.setItem("theme", root.dataset.chosen); } catch { /* a page from disk may keep nothing */ }
    show();
  });

  // Contents: closed on a narrow page; the section that is being read is marked.
  const contents = document.querySelector("#contents details");
  if (matchMedia("(max-width: 62rem)").matches) contents.open = false;
  const entries = new Map([...contents.querySelectorAll("a")].map(a => [decodeURIComponent(a.hash.slice(1)), a]));
  const seen = new IntersectionObserver(changes => {
    for (const change of changes) {
      if (!change.isIntersecting) continue;
      contents.querySelector("[aria-current]")?.removeAttribute("aria-current");
      entries.get(change.target.id)?.setAttribute("aria-current", "true");
    }
  }, { rootMargin: "0px 0px -75% 0px" });
  document.querySelectorAll("main section[id]").forEach(section => seen.observe(section));

  // Where a number comes from: on hover, on focus, on tap.
  const byAnchor = new Map(Object.entries(data.trace.numbers).map(([key, number]) => [number.anchor, [key, number]]));
  const origin = make("div", { className: "origin", id: "origin", hidden: true });
  origin.setAttribute("role", "tooltip");
  document.body.append(origin);
  let owner = null;
  let leaving = 0;

  const facts = (key, number) => {
    const list = make("dl");
    const fact = (name, value) => { if (value !== undefined && value !== null && value !== "") list.append(make("dt", { textContent: name }), make("dd", { textContent: value })); };
    fact("Value", number.value === null ? `none: ${number.missing}` : String(number.value));
    if (number.low !== undefined && number.low !== null) fact("95 % interval", `${number.low} to ${number.high}`);
    fact("Computed", number.how);
    fact("Formula", number.formula);
    if (number.seeds?.length) fact("Seeds", number.seeds.join(", "));
    for (const run of number.runs ?? []) {
      const made = data.trace.runs[run];
      fact("Run", made ? `${run}, by rule ${made.rule}` : run);
      if (!made || number.runs.length > 3) continue;
      fact("Config", made.config);
      for (const [file, digest] of Object.entries(made.files)) fact("File", `${file}, SHA-256 ${digest}`);
      fact("Code", (made.fingerprint ?? []).join(", "));
      fact("Data", (made.data_checksum ?? []).join(", "));
    }
    fact("Figures", (number.figures ?? []).join(", "));
    fact("Used in", number.uses.join("; "));
    return [make("div", { className: "key", textContent: key }), list];
  };
  const open = link => {
    const found = byAnchor.get(decodeURIComponent(link.hash.slice(1)));
    if (!found) return;
    clearTimeout(leaving);
    owner?.removeAttribute("aria-describedby");
    owner = link;
    link.setAttribute("aria-describedby", "origin");
    origin.replaceChildren(...facts(...found));
    origin.hidden = false;
    const place = link.getBoundingClientRect();
    const box = origin.getBoundingClientRect();
    const left = Math.max(8, Math.min(place.left, root.clientWidth - box.width - 8));
    const below = place.bottom + 6 + box.height < innerHeight || place.top < box.height + 6;
    origin.style.left = `${left + scrollX}px`;
    origin.style.top = `${(below ? place.bottom + 6 : place.top - box.height - 6) + scrollY}px`;
  };
  const close = () => { origin.hidden = true; owner?.removeAttribute("aria-describedby"); owner = null; };
  const leave = () => { leaving = setTimeout(close, 150); };
  const numberAt = event => event.target.closest?.("a.num");
  let touched = false;
  document.addEventListener("pointerdown", event => { touched = event.pointerType === "touch"; if (!numberAt(event) && !origin.contains(event.target)) close(); });
  document.addEventListener("pointerover", event => { const link = numberAt(event); if (link && event.pointerType !== "touch") open(link); });
  document.addEventListener("pointerout", event => { if (numberAt(event) && event.pointerType !== "touch") leave(); });
  document.addEventListener("focusin", event => { const link = numberAt(event); if (link?.matches(":focus-visible")) open(link); });
  document.addEventListener("focusout", event => { if (numberAt(event)) leave(); });
  document.addEventListener("keydown", event => { if (event.key === "Escape") close(); });
  origin.addEventListener("pointerenter", () => clearTimeout(leaving));
  origin.addEventListener("pointerleave", leave);
  // A first tap shows where the number comes from, a second one goes to the appendix.
  document.addEventListener("click", event => {
    const link = numberAt(event);
    if (!link || !touched) return;
    if (owner === link) { close(); return; }
    event.preventDefault();
    open(link);
  });

  // Tables sort by a click on a column's head: by number where all cells have one, else as text.
  const cellText = (row, column) => row.cells[column]?.textContent.trim().replace(/\u2212/g, "-").replace(/,(?=\d{3})/g, "") ?? "";
  for (const table of document.querySelectorAll("main table")) {
    const body = table.tBodies[0];
    if (!table.tHead || !body || body.rows.length < 2) continue;
    for (const [column, head] of [...table.tHead.rows[0].cells].entries()) {
      const button = make("button", { type: "button" });
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        const down = head.getAttribute("aria-sort") === "ascending";
        const rows = [...body.rows];
        const numeric = rows.every(row => /^([-+]?\d|\u2013?$)/.test(cellText(row, column)));
        const compare = (a, b) => {
          const [x, y] = [cellText(a, column), cellText(b, column)];
          const [u, v] = [parseFloat(x), parseFloat(y)];
          if (!numeric) return x.localeCompare(y);
          return (Number.isNaN(u) ? 1 : 0) - (Number.isNaN(v) ? 1 : 0) || u - v;
        };
        rows.sort((a, b) => (down ? -1 : 1) * compare(a, b));
        for (const other of head.parentNode.cells) other.removeAttribute("aria-sort");
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        body.append(...rows);
      });
    }
  }

  // Values of curves on hover: those of all curves of the panel at the epoch under the pointer.
  for (const svg of document.querySelectorAll("svg.plot")) {
    const panels = (data.figures[svg.dataset.figure] ?? []).filter(panel => panel.series.length);
    if (!panels.length) continue;
    const drawing = svg.parentNode;
    const readout = make("div", { className: "readout", hidden: true });
    const hairline = make("div", { className: "hairline", hidden: true });
    drawing.append(hairline, readout);
    const hide = () => { readout.hidden = hairline.hidden = true; };
    svg.addEventListener("pointerleave", hide);
    svg.addEventListener("pointermove", event => {
      const shown = svg.getBoundingClientRect();
      const scale = svg.viewBox.baseVal.width / shown.width;
      const [x, y] = [(event.clientX - shown.left) * scale, (event.clientY - shown.top) * scale];
      const panel = panels.find(({ box }) => x >= box[0] && x <= box[2] && y >= box[1] && y <= box[3]);
      if (!panel) { hide(); return; }
      const [left, , right] = panel.box;
      const epoch = Math.round(panel.x[0] + (x - left) / (right - left) * (panel.x[1] - panel.x[0]));
      const lines = panel.series.flatMap(series => {
        const [ours, published] = [series.values[epoch], series.published[epoch]];
        if (ours === undefined && published === undefined) return [];
        const dot = make("i");
        dot.style.background = `var(--${series.colour})`;
        const text = ours === undefined ? "" : ` ${ours.toPrecision(3)}`;
        return [make("div", {}, dot, `${series.label}:${text}${published === undefined ? "" : ` (published ${published})`}`)];
      });
      if (!lines.length) { hide(); return; }
      readout.replaceChildren(make("div", { textContent: `Epoch ${epoch}` }), ...lines);
      readout.hidden = hairline.hidden = false;
      const at = (left + (epoch - panel.x[0]) / (panel.x[1] - panel.x[0]) * (right - left)) / scale;
      Object.assign(hairline.style, { left: `${at}px`, top: `${panel.box[1] / scale}px`, height: `${(panel.box[3] - panel.box[1]) / scale}px` });
      readout.style.left = `${Math.min(at + 12, Math.max(0, shown.width - readout.offsetWidth))}px`;
      readout.style.top = `${panel.box[1] / scale}px`;
    });
  }
})();
