(() => {
  "use strict";
  const data = JSON.parse(document.getElementById("report-data").textContent);
  const make = (tag, properties = {}, ...children) => {
    const node = Object.assign(document.createElement(tag), properties);
    node.append(...children);
    return node;
  };
  const idOf = link => decodeURIComponent(link.hash.slice(1));

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

  // Contents: closed on a narrow page; they follow the section that is being read.
  const nav = document.getElementById("contents");
  const contents = nav.querySelector("details");
  if (matchMedia("(max-width: 62rem)").matches) contents.open = false;
  const entries = new Map([...contents.querySelectorAll("a")].map(a => [idOf(a), a]));
  const sections = [...document.querySelectorAll("main section[id]")].filter(section => entries.has(section.id));
  let current = null;
  const follow = () => {
    let reading = null;
    for (const section of sections) if (section.getBoundingClientRect().top <= innerHeight * 0.3) reading = section.id;
    if (reading === current) return;
    entries.get(current)?.removeAttribute("aria-current");
    current = reading;
    const entry = entries.get(current);
    if (!entry) return;
    entry.setAttribute("aria-current", "true");
    const [place, frame] = [entry.getBoundingClientRect(), nav.getBoundingClientRect()];
    if (place.top < frame.top + 40 || place.bottom > frame.bottom - 40) nav.scrollTop += place.top - frame.top - frame.height / 3;
  };
  let waiting = false;
  addEventListener("scroll", () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => { waiting = false; follow(); });
  }, { passive: true });
  follow();

  // Sections are found by any word in them, and linked to by their headings.
  const search = document.getElementById("search");
  search.closest("p").hidden = false;
  search.addEventListener("input", () => {
    const wanted = search.value.trim().toLowerCase();
    let found = 0;
    for (const section of sections) {
      const fits = !wanted || section.textContent.toLowerCase().includes(wanted);
      found += fits;
      entries.get(section.id).closest("li").hidden = !fits;
    }
    nav.querySelector("output").textContent = wanted ? `${found} found` : "";
  });
  for (const section of sections) {
    const heading = section.querySelector("h2, h3");
    if (!heading || heading.parentNode !== section) continue;
    const link = make("a", { className: "here", href: `#${section.id}`, textContent: "#" });
    link.setAttribute("aria-label", `Link to: ${heading.textContent}`);
    heading.append(" ", link);
  }

  // Where a link within the text leads: a card on hover, on focus, on tap; a click on a number keeps it open.
  const byAnchor = new Map(Object.entries(data.trace.numbers).map(([key, number]) => [number.anchor, [key, number]]));
  const card = make("div", { className: "origin", id: "origin", hidden: true });
  card.setAttribute("role", "group");
  card.setAttribute("aria-label", "Where this leads");
  document.body.append(card);
  const back = make("button", { type: "button", className: "back", textContent: "Back to where you were", hidden: true });
  document.body.append(back);
  let left = null;
  back.addEventListener("click", () => {
    back.hidden = true;
    left?.scrollIntoView({ block: "center" });
    giveBack(left);
  });
  const go = (from, to) => {
    left = from;
    back.hidden = false;
    close();
    to.scrollIntoView({ block: "center" });
    to.focus({ preventScroll: true });
  };

  let owner = null;
  let kept = false;
  let returning = false; // focus that goes back to a link opens no card
  const giveBack = link => { returning = true; link?.focus({ preventScroll: true }); returning = false; };
  let leaving = 0;
  const list = () => {
    const node = make("dl");
    node.fact = (name, ...values) => {
      if (values.every(value => value === undefined || value === null || value === "")) return;
      node.append(make("dt", { textContent: name }), make("dd", {}, ...values));
    };
    return node;
  };
  const code = text => make("code", { textContent: text });
  const placeOf = link => {
    const holder = link.closest("section")?.querySelector("h2, h3");
    const name = holder ? holder.firstChild.textContent.trim() + holder.textContent.slice(holder.firstChild.textContent.length).replace(/\s*#$/, "") : "start";
    return link.closest("table") ? `${name}, a table` : name;
  };
  // On hover a number says what it is, in few lines; a click opens all that is known of it.
  const origin = (link, key, number, whole) => {
    const facts = list();
    facts.fact("Value", number.value === null ? `none: ${number.missing}` : String(number.value));
    if (number.low !== undefined && number.low !== null) facts.fact("95 % interval", `${number.low} to ${number.high}`);
    facts.fact("Computed", number.how);
    facts.fact("Formula", number.formula);
    if (number.seeds?.length) facts.fact("Seeds", number.seeds.join(", "));
    const name = make("div", { className: "key", textContent: key });
    if (!whole) return [name, facts, make("p", { textContent: "Click: all that is known of it." })];
    const runs = number.runs ?? [];
    for (const run of runs) {
      const made = data.trace.runs[run];
      facts.fact("Run", made ? `${run}, ${made.way}` : run);
      if (!made || runs.length > 3) continue;
      facts.fact("Config", made.config);
      if (made.trainer) facts.fact("Trained by", code(made.trainer));
      for (const [file, digest] of Object.entries(made.files)) {
        facts.fact("File", make("a", { href: `../${file}`, textContent: file }), `, SHA-256 ${digest}`);
      }
      facts.fact("Code", (made.fingerprint ?? []).join(", "));
      facts.fact("Data", (made.data_checksum ?? []).join(", "));
      for (const [file, digest] of Object.entries(made.imported ?? {})) facts.fact("Imported", `${file}, SHA-256 ${digest}`);
      if (!Object.keys(made.imported ?? {}).length) facts.fact("Make it again", code(`rederive train ${run}`));
    }
    facts.fact("All about it", code(`rederive trace ${key}`));
    facts.fact("Figures", (number.figures ?? []).map(name => name.replaceAll("_", " ")).join(", "));
    facts.fact("Used in", number.uses.join("; "));
    const others = [...document.querySelectorAll(`main a.num[href="${link.getAttribute("href")}"]`)].filter(other => other !== link);
    const links = others.slice(0, 6).flatMap((other, i) => {
      const jump = make("button", { type: "button", className: "jump", textContent: placeOf(other) });
      jump.addEventListener("click", () => go(link, other));
      return i ? ["; ", jump] : [jump];
    });
    if (links.length) facts.fact("Also in", ...links);
    const entry = make("a", { href: `#${number.anchor}`, textContent: "Its line in the appendix" });
    entry.addEventListener("click", () => { left = link; back.hidden = false; close(); });
    return [name, facts, make("p", {}, entry)];
  };
  const contentOf = (link, whole) => {
    const found = byAnchor.get(idOf(link));
    if (found) return origin(link, ...found, whole);
    const target = document.getElementById(idOf(link));
    const holder = target?.closest("li, tr, figcaption, .caption");
    if (!holder) return null;
    if (holder.tagName === "TR") {
      const facts = list();
      const heads = [...holder.closest("table").tHead.rows[0].cells].map(cell => cell.textContent);
      [...holder.cells].forEach((cell, i) => facts.fact(heads[i], cell.textContent));
      return [facts];
    }
    return [make("div", { textContent: holder.textContent })];
  };
  const open = (link, whole = false) => {
    if (owner === link && !card.hidden && !whole) { clearTimeout(leaving); return; }
    const content = contentOf(link, whole);
    if (!content) return;
    clearTimeout(leaving);
    close();
    owner = link;
    link.setAttribute("aria-describedby", "origin");
    card.replaceChildren(...content);
    card.hidden = false;
    // In the margin where that is wide enough, so that it covers no row; else below its number, or above.
    const [place, text] = [link.getBoundingClientRect(), document.querySelector("main").getBoundingClientRect()];
    const margin = root.clientWidth - text.right - 24;
    const beside = margin >= 300;
    card.style.maxWidth = beside ? `${margin}px` : "";
    const box = card.getBoundingClientRect();
    const from = beside ? text.right + 12 : Math.max(8, Math.min(place.left, root.clientWidth - box.width - 8));
    const below = place.bottom + 6 + box.height < innerHeight || place.top < box.height + 6;
    const level = Math.max(8, Math.min(place.top, innerHeight - box.height - 8));
    card.style.left = `${from + scrollX}px`;
    card.style.top = `${(beside ? level : below ? place.bottom + 6 : place.top - box.height - 6) + scrollY}px`;
  };
  const keep = () => {
    kept = true;
    const button = make("button", { type: "button", className: "close", textContent: "Close" });
    button.addEventListener("click", () => { const from = owner; close(); giveBack(from); });
    card.prepend(button);
  };
  const close = () => { card.hidden = true; kept = false; owner?.removeAttribute("aria-describedby"); owner = null; };
  const leave = () => { if (!kept) leaving = setTimeout(close, 150); };
  const linkAt = event => event.target.closest?.("main a.num, main a.cite, main a.see, main a.verdict");
  let touched = false;
  document.addEventListener("pointerdown", event => { touched = event.pointerType === "touch"; if (!linkAt(event) && !card.contains(event.target)) close(); });
  document.addEventListener("pointerover", event => { const link = linkAt(event); if (link && !kept && event.pointerType !== "touch") open(link); });
  document.addEventListener("pointerout", event => { if (linkAt(event) && event.pointerType !== "touch") leave(); });
  document.addEventListener("focusin", event => { const link = linkAt(event); if (link?.matches(":focus-visible") && !kept && !returning) open(link); });
  document.addEventListener("focusout", event => { if (linkAt(event) && !card.contains(event.relatedTarget)) leave(); });
  document.addEventListener("keydown", event => { if (event.key === "Escape") { const from = kept ? owner : null; close(); giveBack(from); } });
  card.addEventListener("pointerenter", () => clearTimeout(leaving));
  card.addEventListener("pointerleave", leave);
  // A click on a number keeps its card, which the keyboard enters; elsewhere a first tap shows, a second one goes.
  document.addEventListener("click", event => {
    const link = linkAt(event);
    if (!link || event.metaKey || event.ctrlKey) return;
    const number = link.classList.contains("num");
    if (!number && !touched) { left = link; back.hidden = false; close(); return; }
    if (!number && owner === link) { left = link; back.hidden = false; close(); return; }
    event.preventDefault();
    if (number && kept && owner === link) { close(); return; }
    open(link, number);
    if (number && owner === link) { keep(); if (!touched) card.querySelector(".close").focus({ preventScroll: true }); }
  });

  // What can be copied has a button for it.
  const copies = (text, label) => {
    const button = make("button", { type: "button", className: "copy", textContent: label });
    button.addEventListener("click", async () => {
      const area = make("textarea", { value: text() });
      try { await navigator.clipboard.writeText(area.value); }
      catch { document.body.append(area); area.select(); document.execCommand("copy"); area.remove(); } // a page from disk
      button.textContent = "Copied";
      setTimeout(() => { button.textContent = label; }, 1500);
    });
    return button;
  };
  for (const block of document.querySelectorAll("details.code, details.cite-this")) {
    block.querySelector("summary").after(copies(() => block.querySelector("pre").textContent, "Copy"));
  }

  // Tables sort by a click on a column's head: up, down, and back to the order of the text.
  const cellText = (row, column) => row.cells[column]?.textContent.trim().replace(/\u2212/g, "-").replace(/,(?=\d{3})/g, "") ?? "";
  for (const table of document.querySelectorAll("main .wide table")) {
    const body = table.tBodies[0];
    if (!table.tHead || !body) continue;
    const rows = [...body.rows];
    const heads = [...table.tHead.rows[0].cells];
    const quoted = text => /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
    const csv = () => [heads.map(head => head.textContent.trim()), ...[...body.rows].map(row => [...row.cells].map((_, i) => cellText(row, i).replaceAll("\u00a0", " ")))]
      .map(line => line.map(quoted).join(",")).join("\n") + "\n";
    table.closest(".wide").after(copies(csv, "Copy as CSV"));
    if (rows.length < 2) continue;
    for (const [column, head] of heads.entries()) {
      const button = make("button", { type: "button" });
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        const next = { ascending: "descending", descending: null }[head.getAttribute("aria-sort")];
        for (const other of heads) other.removeAttribute("aria-sort");
        if (next === null) { body.append(...rows); return; }
        const numeric = rows.every(row => /^([-+]?\d|\u2013?$)/.test(cellText(row, column)));
        const compare = (a, b) => {
          const [x, y] = [cellText(a, column), cellText(b, column)];
          const [u, v] = [parseFloat(x), parseFloat(y)];
          if (!numeric) return x.localeCompare(y);
          return (Number.isNaN(u) ? 1 : 0) - (Number.isNaN(v) ? 1 : 0) || u - v;
        };
        const down = next === "descending";
        head.setAttribute("aria-sort", next ?? "ascending");
        body.append(...[...rows].sort((a, b) => (down ? -1 : 1) * compare(a, b)));
      });
    }
  }

  // What scrolls by itself is reached by the keyboard; what has room does not stop it.
  const reach = () => {
    for (const node of document.querySelectorAll(".formula, p:has(> math[display]), pre, .drawing")) {
      if (node.scrollWidth > node.clientWidth + 1) {
        node.tabIndex = 0;
        if (!node.hasAttribute("aria-label")) { node.setAttribute("role", "group"); node.setAttribute("aria-label", node.tagName === "PRE" ? "Code" : node.classList.contains("drawing") ? "Figure" : "Formula"); }
      }
    }
  };
  reach();
  addEventListener("resize", reach);

  exploreCurves(data.figures, make);
})();
