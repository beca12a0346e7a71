"use strict";
// Draws charts with uPlot in the colours of the page. Values that are null are
// not drawn.
const lockstep = (() => {
  const root = document.documentElement;
  root.dataset.errors = "0";
  addEventListener("error", e => {
    root.dataset.errors = String(Number(root.dataset.errors) + 1);
    root.dataset.error = e.message;
  });

  const color = name => getComputedStyle(root).getPropertyValue("--" + name).trim();
  const element = (tag, attributes, ...children) => {
    const e = document.createElement(tag);
    for (const [k, v] of Object.entries(attributes || {})) {
      if (k === "style") e.style.cssText = v; else if (k === "class") e.className = v; else e.setAttribute(k, v);
    }
    e.append(...children);
    return e;
  };
  const figure = v => v === null || v === undefined ? "–" : v === 0 ? "0" : Math.abs(v) >= 1e-3 && Math.abs(v) < 1e5 ? Number(v.toPrecision(4)).toString() : v.toExponential(2);

  // drawn are the charts that are there, each with how to draw it again.
  const drawn = new Map();
  const again = () => { for (const [box, draw] of [...drawn]) if (box.isConnected && box.clientWidth) draw(); else if (!box.isConnected) drawn.delete(box); };
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", again);
  let timer;
  addEventListener("resize", () => { clearTimeout(timer); timer = setTimeout(again, 150); });

  const axis = extra => Object.assign({
    stroke: color("soft"), grid: { stroke: color("grid"), width: 1 }, ticks: { stroke: color("line"), width: 1, size: 4 },
    font: "12px system-ui, sans-serif", labelFont: "12px system-ui, sans-serif", labelSize: 18, gap: 4,
  }, extra);

  // whole numbers alone mark steps and units
  const integers = (u, axisIndex, min, max, increment) => {
    const step = Math.max(1, Math.ceil(increment)), out = [];
    for (let v = Math.ceil(min / step) * step; v <= max; v += step) out.push(v || 0); // no -0
    return out;
  };

  const put = (box, options, data) => {
    const draw = () => {
      box.replaceChildren();
      new uPlot(Object.assign({ width: Math.max(200, box.clientWidth) }, options()), data, box);
    };
    drawn.set(box, draw);
    draw();
  };

  // line draws lines over x. spec: x, lines [{label, values, color, dash, width,
  // points}], log, xLabel, yLabel, height, mark {x, label}, read (an element that
  // shows the values under the cursor).
  const line = (box, spec) => {
    const data = [spec.x, ...spec.lines.map(l => spec.log ? l.values.map(v => v > 0 ? v : null) : l.values)];
    const some = data.slice(1).some(l => l.some(v => v !== null));
    if (!some) {
      box.replaceChildren(element("p", { class: "soft" }, spec.empty || "Nothing to draw: every value is 0."));
      drawn.delete(box);
      return;
    }
    const few = spec.x.length <= 60;
    put(box, () => ({
      height: spec.height || 220, padding: [8, 12, 0, 0], legend: { show: false },
      cursor: { y: false, points: { size: 6 } },
      scales: {
        x: { time: false, range: (u, min, max) => min === max ? [min - 1, max + 1] : [min, max] },
        y: spec.log ? { distr: 3, range: (u, min, max) => {
          const low = Math.floor(Math.log10(min) + 1e-9), high = Math.ceil(Math.log10(max) - 1e-9);
          return [10 ** low, 10 ** Math.max(high, low + 1)];
        } } : spec.range ? { range: spec.range } : {},
      },
      axes: [
        axis({ label: spec.xLabel, splits: spec.fractions ? undefined : integers, size: 32, values: (u, s) => s.map(v => figure(v)) }),
        axis({ label: spec.yLabel, size: 62, values: (u, s) => s.map(v => v === null ? "" : spec.log ? v.toExponential(0) : figure(v)) }),
      ],
      series: [{}, ...spec.lines.map(l => ({
        label: l.label, stroke: color(l.color), width: l.width || 2, dash: l.dash, spanGaps: true,
        points: { show: l.points === undefined ? few && !l.dash : l.points, size: 5, fill: color(l.color) },
      }))],
      hooks: {
        draw: [u => {
          if (!spec.mark) return;
          const at = u.valToPos(spec.mark.x, "x", true), c = u.ctx;
          c.save();
          c.strokeStyle = color("bad"); c.fillStyle = color("bad"); c.lineWidth = devicePixelRatio; c.setLineDash([4 * devicePixelRatio, 3 * devicePixelRatio]);
          c.beginPath(); c.moveTo(at, u.bbox.top); c.lineTo(at, u.bbox.top + u.bbox.height); c.stroke();
          c.font = 12 * devicePixelRatio + "px system-ui, sans-serif";
          const right = at > u.bbox.left + u.bbox.width / 2;
          c.textAlign = right ? "right" : "left"; c.textBaseline = "top";
          c.fillText(spec.mark.label, at + (right ? -5 : 5) * devicePixelRatio, u.bbox.top + 2 * devicePixelRatio);
          c.restore();
        }],
        setCursor: [u => {
          if (!spec.read) return;
          const i = u.cursor.idx;
          spec.read.textContent = i === null || i === undefined || u.cursor.left < 0 ? "" :
            (spec.xName || "step") + " " + spec.x[i] + ": " + spec.lines.map(l => l.label + " " + figure(l.values[i])).join(" · ");
        }],
      },
    }), data);
  };

  // heat draws cells. spec: starts (of the columns, steps), end, rows, names (of
  // the rows, or null for numbers), cell(row, column) → a colour's name, height,
  // yLabel, ring {row, column}, pick(row, column), read, tell(row, column).
  const heat = (box, spec) => {
    const n = spec.starts.length, rows = spec.rows;
    const columnOf = x => { let b = 0; while (b + 1 < n && spec.starts[b + 1] - 0.5 <= x) b++; return b; };
    const under = u => {
      if (u.cursor.left < 0 || u.cursor.top < 0) return null;
      const row = Math.floor(u.posToVal(u.cursor.top, "y") + 0.5), column = columnOf(u.posToVal(u.cursor.left, "x"));
      return row >= 0 && row < rows ? [row, column] : null;
    };
    put(box, () => ({
      height: spec.height, padding: [6, 12, 0, 0], legend: { show: false },
      cursor: { drag: { x: false, y: false }, points: { show: false }, x: false, y: false },
      scales: {
        x: { time: false, range: [spec.starts[0] - 0.5, spec.end - 0.5] },
        y: { range: [-0.5, rows - 0.5], dir: -1 },
      },
      axes: [
        axis({ label: spec.xLabel || "step", splits: integers, size: 32, grid: { show: false } }),
        axis({
          label: spec.yLabel, size: spec.names ? spec.nameSize || 70 : 50, grid: { show: false },
          splits: spec.names ? () => spec.names.map((_, i) => i) : integers,
          values: (u, s) => s.map(v => spec.names ? spec.names[v] : spec.rowOf ? spec.rowOf(v) : v),
        }),
      ],
      series: [{}, { stroke: "transparent", points: { show: false } }],
      hooks: {
        draw: [u => {
          const c = u.ctx, palette = {};
          const xs = [...spec.starts, spec.end].map(v => Math.round(u.valToPos(v - 0.5, "x", true)));
          const ys = Array.from({ length: rows + 1 }, (_, r) => Math.round(u.valToPos(r - 0.5, "y", true)));
          const gapX = (xs[n] - xs[0]) / n > 6 * devicePixelRatio ? devicePixelRatio : 0, gapY = (ys[rows] - ys[0]) / rows > 6 * devicePixelRatio ? devicePixelRatio : 0;
          c.save();
          for (let r = 0; r < rows; r++) for (let b = 0; b < n; b++) {
            const name = spec.cell(r, b);
            c.fillStyle = palette[name] || (palette[name] = color(name));
            c.fillRect(xs[b], ys[r], Math.max(1, xs[b + 1] - xs[b] - gapX), Math.max(1, ys[r + 1] - ys[r] - gapY));
          }
          if (spec.ring) {
            const x = xs[spec.ring.column], y = ys[spec.ring.row], w = Math.max(xs[spec.ring.column + 1] - x, 6 * devicePixelRatio), h = Math.max(ys[spec.ring.row + 1] - y, 6 * devicePixelRatio);
            c.strokeStyle = color("accent"); c.lineWidth = 2.5 * devicePixelRatio;
            c.strokeRect(x - devicePixelRatio, y - devicePixelRatio, w + devicePixelRatio, h + devicePixelRatio);
          }
          c.restore();
        }],
        setCursor: [u => {
          const at = under(u);
          if (spec.read) spec.read.textContent = at ? spec.tell(...at) : "";
        }],
        ready: [u => {
          if (!spec.pick) return;
          u.over.style.cursor = "pointer";
          u.over.addEventListener("click", () => { const at = under(u); if (at) spec.pick(...at); });
        }],
      },
    }), [[spec.starts[0] - 0.5, spec.end - 0.5], [null, null]]);
  };

  const bytes = s => Uint8Array.from(atob(s), c => c.charCodeAt(0));
  const floats = s => new Float32Array(bytes(s).buffer);
  return { color, element, figure, line, heat, bytes, floats };
})();
