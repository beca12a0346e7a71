"use strict";
// Draws the charts of the first report, and of the others when they come into
// sight.
(() => {
  const { element, figure, line, heat, bytes, floats } = lockstep;
  const inside = [[0, "heat-0", "exactly equal"], [1e-2, "heat-1", "to 0.01"], [0.1, "heat-2", "to 0.1"], [1, "heat-3", "to 1: inside its bound"]];
  const outside = [[10, "heat-4", "to 10: outside"], [1000, "heat-5", "to 1000"], [Infinity, "heat-6", "beyond"]];
  const unknown = "heat-7";

  // a margin as compare/render/html's code wrote it
  const marginOf = code => code === 0 ? 0 : code <= 127 ? 10 ** ((code - 127) / 126 * 6) : code <= 253 ? 10 ** ((code - 128) / 125 * 8) : Infinity;
  const shade = Array.from({ length: 256 }, (_, code) => {
    if (code > 253) return unknown;
    const m = marginOf(code);
    return [...inside, ...outside].find(([limit]) => m <= limit)[1];
  });
  const about = code => code === 0 ? "equal" : code > 253 ? "outside by no figure: no bound, NaN or infinity" : "margin about " + figure(Number(marginOf(code).toPrecision(2)));

  const legend = (...items) => element("div", { class: "legend" }, ...items.map(([color, text, cell, dash]) =>
    element("span", {}, element("i", { class: cell ? "cell" : "", style: (cell ? "background:" : "border-top-color:") + `var(--${color})` + (dash ? ";border-top-style:dashed" : "") }), text)));
  const heatLegend = () => legend(...[...inside, ...outside].map(([, color, text]) => [color, text, true]), [unknown, "no bound, NaN or infinity", true]);
  const card = (title, text, ...children) => element("div", { class: "card" }, element("h3", {}, title), ...(text ? [element("p", { class: "soft" }, text)] : []), ...children);

  const plain = a => Array.from(a, v => Number.isFinite(v) ? v : null);

  function show(box, data) {
    const focus = data.focus;
    const firstGroup = data.groups.find(g => g.name === focus.Group) || data.groups.find(g => g.diverged) || data.groups[0];
    const state = { group: firstGroup, quantity: null, view: null, unit: 0 };

    const pickQuantity = q => { state.quantity = q; state.view = q.views.find(v => v.title === focus.View) || q.views[0]; };
    const worstUnit = g => {
      if (g.name === focus.Group && focus.Unit >= 0 && g.shown.includes(focus.Unit)) return focus.Unit;
      const v = state.view, codes = bytes(v.heat), n = g.starts.length;
      let best = 0, at = 0;
      codes.forEach((c, i) => { if (c > best) { best = c; at = Math.floor(i / n); } });
      const unit = g.units > g.lines ? Math.floor(at * g.units / g.lines) : at;
      return g.shown.includes(unit) ? unit : g.shown[0];
    };
    const pickGroup = g => {
      state.group = g;
      pickQuantity(g.quantities.find(q => g.name === focus.Group && q.name === focus.Quantity) || g.quantities.find(q => q.views.some(v => v.outside > 0)) || g.quantities[g.quantities.length - 1]);
      state.unit = worstUnit(g);
    };
    pickGroup(firstGroup);

    const choose = element("div", { class: "choose" });
    const overview = element("div", { class: "grid" });
    const along = element("div", { class: "grid" });
    const map = element("div", {});
    const gates = element("div", {});
    box.append(
      element("h2", {}, "Where, at a glance"),
      element("p", { class: "soft" }, "One picture a layer: each row is a quantity of its step, in the order in which the step computes them, Σ standing for a gate's sum before its activation. A cell is the largest margin over batch rows and units. The first coloured warm from the left is where the engines part; among those of one step, the topmost. Click a row to see more of it below."),
      heatLegend(), overview,
      choose,
      element("h2", {}, "Error along time"), along,
      element("h2", {}, "Units by steps"), map,
      element("h2", {}, "Values along time"), gates,
      ...data.left.map(t => element("p", { class: "soft" }, t)));

    const columnOf = (g, step) => { let b = 0; while (b + 1 < g.starts.length && g.starts[b + 1] <= step) b++; return b; };
    const stepsOf = (g, b) => {
      const to = (b + 1 < g.starts.length ? g.starts[b + 1] : g.steps) - 1;
      return to > g.starts[b] ? `steps ${g.starts[b]} to ${to}` : `step ${g.starts[b]}`;
    };
    const main = q => q.views.find(v => v.title === focus.View) || q.views[0];
    const focused = g => g.name === focus.Group && focus.Step >= 0;

    const drawOverview = () => {
      overview.replaceChildren();
      const draw = []; // when all cards are there, and have their widths
      for (const g of data.groups) {
        const codes = g.quantities.map(q => bytes(main(q).margin)), chart = element("div", { class: "chart" }), read = element("div", { class: "read" });
        overview.append(card(g.name, `${main(g.quantities[0]).title}; ${g.rows} ${g.rows === 1 ? "row" : "rows"}, ${g.steps} ${g.steps === 1 ? "step" : "steps"}, ${g.units} ${g.units === 1 ? "unit" : "units"}`, chart, read));
        const row = g.quantities.findIndex(q => q.name === focus.Quantity);
        draw.push(() => heat(chart, {
          starts: g.starts, end: g.steps, rows: g.quantities.length, names: g.quantities.map(q => q.symbol), nameSize: 52,
          height: Math.max(90, 22 * g.quantities.length + 46), cell: (r, b) => shade[codes[r][b]], read,
          ring: focused(g) && focus.First && row >= 0 ? { row, column: columnOf(g, focus.Step) } : null,
          tell: (r, b) => `${g.quantities[r].symbol}${g.quantities[r].words ? " (" + g.quantities[r].words + ")" : ""}, ${stepsOf(g, b)}: ${about(codes[r][b])}`,
          pick: r => { pickGroup(g); pickQuantity(g.quantities[r]); state.unit = worstUnit(g); drawAll(); },
        }));
      }
      draw.forEach(d => d());
    };

    const buttons = (title, list, isOn, isBad, label, pick) => {
      const out = element("div", {}, element("span", {}, title + " "));
      for (const x of list) {
        const b = element("button", { type: "button", "aria-pressed": String(isOn(x)), class: isBad(x) ? "bad" : "" }, label(x));
        b.addEventListener("click", () => { pick(x); drawAll(); });
        out.append(b);
      }
      return out;
    };
    const drawChoose = () => {
      choose.replaceChildren(buttons("Layer", data.groups, g => g === state.group, g => g.diverged, g => g.name, pickGroup));
      if (state.group.quantities.length > 1) choose.append(buttons("Quantity", state.group.quantities, q => q === state.quantity, q => q.views.some(v => v.outside > 0), q => q.symbol, q => { pickQuantity(q); state.unit = worstUnit(state.group); }));
      if (state.quantity.views.length > 1) choose.append(buttons("Heat map of", state.quantity.views, v => v === state.view, v => v.outside > 0, v => v.title, v => { state.view = v; }));
      const units = element("select", { "aria-label": "unit" }, ...state.group.shown.map(u => element("option", u === state.unit ? { value: u, selected: "" } : { value: u }, String(u))));
      units.addEventListener("change", () => { state.unit = Number(units.value); drawAll(); });
      choose.append(element("label", {}, element("span", {}, "Unit "), units));
    };

    const markOf = g => focused(g) && focus.First ? { x: g.starts[columnOf(g, focus.Step)], label: "first divergence: step " + focus.Step } : null;

    const drawAlong = () => {
      const g = state.group, q = state.quantity;
      along.replaceChildren();
      const draw = [];
      // Next to a gate, which is compared only in single steps, is the state.
      const last = g.quantities[g.quantities.length - 1];
      const shown = q.views.map(v => [q, v]).concat(last.views.filter(v => q.views.every(o => o.title !== v.title)).map(v => [last, v]));
      for (const [q, v] of shown) {
        const chart = element("div", { class: "chart" }), read = element("div", { class: "read" });
        along.append(card(`${g.name} ${q.symbol}, ${v.title}`, `|${v.candidate} − ${v.reference}| of the element that comes nearest to its bound, or is farthest beyond, at each step`,
          legend(["candidate", "difference"], ["bound", "its bound", false, true]), chart, read));
        draw.push(() => line(chart, {
          x: g.starts, log: true, xLabel: "step", yLabel: "|difference|", read, mark: markOf(g),
          lines: [{ label: "difference", values: v.err, color: "candidate", points: g.starts.length <= 60 }, { label: "bound", values: v.bound, color: "bound", dash: [6, 4], width: 1.5 }],
          empty: "Nothing to draw: every difference and every bound is 0.",
        }));
      }
      draw.forEach(d => d());
    };

    const drawMap = () => {
      const g = state.group, v = state.view, codes = bytes(v.heat), n = g.starts.length;
      const chart = element("div", { class: "chart" }), read = element("div", { class: "read" });
      map.replaceChildren(heatLegend(), card(`${g.name} ${state.quantity.symbol}, ${v.title}`, `Each cell is the largest margin over ${g.rows} batch ${g.rows === 1 ? "row" : "rows"}. Click one to see its unit below.`, chart, read));
      const lineOf = unit => Math.floor(unit * g.lines / g.units), unitOf = r => Math.ceil(r * g.units / g.lines);
      heat(chart, {
        starts: g.starts, end: g.steps, rows: g.lines, rowOf: unitOf, yLabel: "unit", height: Math.min(620, Math.max(150, g.lines * 7 + 60)), read,
        cell: (r, b) => shade[codes[r * n + b]],
        ring: focused(g) && focus.First && state.quantity.name === focus.Quantity && v.title === focus.View && focus.Unit >= 0 ? { row: lineOf(focus.Unit), column: columnOf(g, focus.Step) } : null,
        tell: (r, b) => `unit ${unitOf(r)}, ${stepsOf(g, b)}: ${about(codes[r * n + b])}`,
        pick: r => { const u = g.shown.find(s => lineOf(s) === r); if (u !== undefined) { state.unit = u; drawAll(); } },
      });
    };

    const drawGates = () => {
      const g = state.group, n = g.starts.length, at = g.shown.indexOf(state.unit), grid = element("div", { class: "grid" }), draw = [];
      const v0 = main(g.quantities[0]);
      gates.replaceChildren(element("p", { class: "soft" },
        `${g.name}, unit ${state.unit}, batch row ${g.row}. ${v0.title === "single steps" ? "In single steps both engines begin each step with the states of " + v0.reference + ", so that what differs is this step's own doing. " : ""}Where the lines lie on each other the dashes of ${v0.candidate} cover those of ${v0.reference}.`),
        legend(["reference", v0.reference], ["candidate", v0.candidate, false, true]), grid);
      for (const q of g.quantities) for (const v of q.views) {
        if (q.name.startsWith("sum_") && q !== state.quantity && g.quantities.length > 6) continue;
        const chart = element("div", { class: "chart" }), read = element("div", { class: "read" });
        const [ref, cand] = v.values.map(s => plain(floats(s).subarray(at * n, (at + 1) * n)));
        const differences = ref.map((x, i) => x === null || cand[i] === null ? x === cand[i] ? 0 : Infinity : Math.abs(x - cand[i]));
        const most = Math.max(...differences), at1 = differences.indexOf(most);
        grid.append(card(`${q.symbol}${q.words ? " · " + q.words : ""}`, v.title + (most === 0 ? ": the same floats throughout" : most < Infinity ? `: differ by at most ${figure(most)}, at ${stepsOf(g, at1)}` : ": one of them is not finite"), chart, read));
        draw.push(() => line(chart, {
          x: g.starts, xLabel: "step", height: 170, read, mark: focus.Unit === state.unit && q.name === focus.Quantity && v.title === focus.View ? markOf(g) : null,
          lines: [{ label: v.reference, values: ref, color: "reference", width: 4, points: false }, { label: v.candidate, values: cand, color: "candidate", dash: [5, 5], width: 2 }],
          empty: "No value is a finite number.",
        }));
      }
      draw.forEach(d => d());
    };
    const drawAll = () => { drawChoose(); drawAlong(); drawMap(); drawGates(); };
    drawOverview();
    drawAll();
  }

  let first = true;
  for (const box of document.querySelectorAll(".pictures")) {
    const data = JSON.parse(document.getElementById(box.dataset.data).textContent);
    if (!data) { box.remove(); continue; }
    const draw = () => {
      show(box, data);
      document.documentElement.dataset.drawn = String(Number(document.documentElement.dataset.drawn || 0) + 1);
    };
    if (first) {
      first = false;
      draw();
      continue;
    }
    const seen = new IntersectionObserver(entries => {
      if (!entries.some(e => e.isIntersecting)) return;
      seen.disconnect();
      draw();
    }, { rootMargin: "1000px" });
    seen.observe(box);
  }
})();
