// Curves that the reader can question, drawn by uPlot over the same numbers as the printed figure, which stays where
// there is no JavaScript: a line per seed, the write-up's curve, linear or logarithmic, zoom, values, by keyboard too.
const exploreCurves = (figures, make) => {
  "use strict";
  const root = document.documentElement;
  const ink = name => getComputedStyle(root).getPropertyValue(`--${name}`).trim();
  const charts = [];
  new MutationObserver(() => charts.forEach(chart => chart.draw())).observe(root, { attributeFilter: ["data-theme"] });

  // The lines of a panel: for each experiment our mean, its seeds, and the published curve, on common epochs.
  const linesOf = panel => {
    const epochs = [...new Set(panel.series.flatMap(s => [...Object.keys(s.values), ...Object.keys(s.published)]))].map(Number).sort((a, b) => a - b);
    const on = values => epochs.map(epoch => values[epoch] ?? null);
    const lines = panel.series.flatMap((series, i) => [
      { i, kind: "ours", label: series.label, values: on(series.values) },
      ...Object.entries(series.seeds ?? {}).map(([seed, values]) => ({ i, kind: "seeds", label: `${series.label}, seed ${seed}`, values: on(values) })),
      ...(Object.keys(series.published).length ? [{ i, kind: "published", label: `${series.label}, published`, values: on(series.published) }] : []),
    ]);
    return { epochs, lines };
  };

  const chartOf = (panel, state) => {
    const { epochs, lines } = linesOf(panel);
    const hidden = new Set();
    const shown = line => !hidden.has(line.i) && (line.kind === "ours" || state[line.kind]);
    const readout = make("p", { className: "values" });
    readout.setAttribute("aria-live", "polite");
    const frame = make("div", { className: "chart", tabIndex: 0 });
    frame.setAttribute("role", "group");
    frame.setAttribute("aria-label", `${panel.title}, by epoch. Arrow keys read the values epoch by epoch; drag to zoom, double click to zoom out.`);
    const legend = make("p", { className: "legend" });
    let plot = null;
    let at = null;

    const read = index => {
      at = index;
      if (index === null || index === undefined) { readout.textContent = ""; return; }
      const values = lines.filter(line => shown(line) && line.kind !== "seeds" && line.values[index] !== null);
      readout.textContent = `Epoch ${epochs[index]}: ${values.map(line => `${line.label} ${line.values[index].toPrecision(4)}`).join("; ") || "no value"}.`;
    };
    const draw = () => {
      plot?.destroy();
      const colour = line => ink(panel.series[line.i].colour);
      const axis = { stroke: ink("ink"), grid: { stroke: ink("grid"), width: 1 }, ticks: { stroke: ink("grid"), width: 1 }, font: "12px system-ui, sans-serif" };
      plot = new uPlot({
        width: frame.clientWidth || 320, height: 260, legend: { show: false },
        scales: { x: { time: false }, y: { distr: state.log ? 3 : 1 } },
        axes: [{ ...axis, incrs: [1, 2, 5, 10, 20, 50] }, { ...axis, size: 56, values: (_, ticks) => ticks.map(tick => tick === null ? "" : String(tick)) }],
        cursor: { drag: { x: true, y: true, uni: 30 } },
        hooks: { setCursor: [u => read(u.cursor.idx)] },
        series: [{}, ...lines.map(line => ({
          show: shown(line), stroke: colour(line), points: { show: line.kind === "ours" && epochs.length <= 40, size: 5, fill: colour(line) },
          ...({ ours: { width: 2, dash: panel.series[line.i].dash.map(part => 2 * part) }, seeds: { width: 0.75 }, published: { width: 1.25, dash: [2, 3] } })[line.kind],
        }))],
      }, [epochs, ...lines.map(line => state.log ? line.values.map(value => value > 0 ? value : null) : line.values)], frame);
    };
    panel.series.forEach((series, i) => {
      const swatch = make("i");
      swatch.style.background = `var(--${series.colour})`;
      const button = make("button", { type: "button" }, swatch, series.label);
      button.setAttribute("aria-pressed", "true");
      button.addEventListener("click", () => {
        hidden.has(i) ? hidden.delete(i) : hidden.add(i);
        button.setAttribute("aria-pressed", String(!hidden.has(i)));
        draw();
      });
      legend.append(button);
    });
    frame.addEventListener("keydown", event => {
      const step = { ArrowLeft: -1, ArrowRight: 1, Home: -epochs.length, End: epochs.length }[event.key];
      if (!step) return;
      event.preventDefault();
      const next = Math.max(0, Math.min(epochs.length - 1, (at ?? -1) + step));
      const line = lines.find(candidate => shown(candidate) && candidate.values[next] !== null);
      plot.setCursor({ left: plot.valToPos(epochs[next], "x"), top: line ? plot.valToPos(line.values[next], "y") : 0 });
      read(next);
    });
    const node = make("div", { className: "panel" }, make("p", { className: "panel-title", textContent: panel.title }), frame, legend, readout);
    return { node, draw, resize: () => plot?.setSize({ width: frame.clientWidth, height: 260 }) };
  };

  for (const svg of document.querySelectorAll("svg.plot")) {
    const panels = (figures[svg.dataset.figure] ?? []).filter(panel => panel.series.length);
    if (!panels.length) continue;
    const open = make("button", { type: "button", className: "explore", textContent: "Explore the curves" });
    open.setAttribute("aria-expanded", "false");
    let box = null;
    let mine = [];
    const build = () => {
      const state = { seeds: false, published: true, log: panels.every(panel => panel.log) };
      mine = panels.map(panel => chartOf(panel, state));
      charts.push(...mine);
      const choice = (key, text) => {
        const input = make("input", { type: "checkbox", checked: state[key] });
        input.addEventListener("change", () => { state[key] = input.checked; mine.forEach(chart => chart.draw()); });
        return make("label", {}, input, ` ${text}`);
      };
      const seeds = panels.some(panel => panel.series.some(series => Object.keys(series.seeds ?? {}).length > 1));
      const published = panels.some(panel => panel.series.some(series => Object.keys(series.published).length));
      const reset = make("button", { type: "button", textContent: "Whole curves" });
      reset.addEventListener("click", () => mine.forEach(chart => chart.draw()));
      const tools = make("p", { className: "choices" }, choice("log", "Logarithmic"), ...(seeds ? [choice("seeds", "A line per seed")] : []), ...(published ? [choice("published", "Published")] : []), reset);
      box = make("div", { className: "explorer" }, tools, make("div", { className: "panels" }, ...mine.map(chart => chart.node)));
      svg.closest(".drawing").after(box);
      mine.forEach(chart => chart.draw());
      new ResizeObserver(() => mine.forEach(chart => chart.resize())).observe(box);
    };
    open.addEventListener("click", () => {
      const opening = open.getAttribute("aria-expanded") === "false";
      open.setAttribute("aria-expanded", String(opening));
      open.textContent = opening ? "Back to the figure" : "Explore the curves";
      svg.closest(".drawing").hidden = opening;
      if (box) box.hidden = !opening;
      else build();
      if (opening) mine.forEach(chart => chart.resize());
    });
    svg.closest("figure").querySelector("figcaption").before(open);
  }
};
