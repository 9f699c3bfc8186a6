/* Parallel coordinates of the runs of a sweep: canvas and DOM, no dependencies; docs/architecture.md tells how to use it.
First what can be computed without a page, then parallel(), the chart. A row is the number of a run. */

const BINS = 24, NONE = BINS, FAILED = BINS + 1, GREY = BINS + 2; // shades; runs without a value, failed, brushed out
const HEAD = 60, SLOT = 34, ROW = 26, SIDE = 80, GAP = 60; // px; the slot of missing values is below the axes
const MAX_BUNDLE = 240, SEGMENTS = 5000; // lines under the mouse; pieces of lines in one frame

// The colours of homerun.charts.colors.
const OKABE_ITO = "#0072b2 #d55e00 #009e73 #cc79a7 #e69f00 #56b4e9 #8c6d31 #f0e442".split(" ");
const CIVIDIS = "#00224e #2a3f6d #575d6d #7d7c78 #a59c74 #d2c060 #fee838".split(" ");
const LIGHT = { ink: "#1b1f24", muted: "#69727d", grid: "#d9dde2", paper: "#ffffff" };
const DARK = { ink: "#e8eaed", muted: "#98a1ac", grid: "#3a4149", paper: "#15181c" };
const PINS = OKABE_ITO.slice(2, 4);

// ---- columns, scales, numbers

const clamp = (value, low, high) => Math.min(high, Math.max(low, value));
const ascending = (values) => Float64Array.from(values).filter((value) => !isNaN(value)).sort();

// data: values, or codes of levels; NaN where missing.
export function readColumn(raw, count) {
	const source = raw.codes || raw.values || [], data = new Float64Array(count).fill(NaN);
	for (let row = 0; row < count; row++) data[row] = source[row] ?? NaN;
	const sorted = ascending(data), distinct = [...new Set(sorted)], few = distinct.length < 9 && distinct;
	const [lo, hi] = few.length === 0 ? [0, 1] : [sorted[0], sorted.at(-1)], positive = !raw.levels && lo > 0;
	return { odd: {}, ...raw, data, sorted, lo, hi, missing: count - sorted.length, few, positive, log: Boolean(raw.log && positive) };
}

/** Return {to, from}: of a value the place on the axis (0 bottom, 1 top), and back. */
export function scaleOf({ levels, log, lo, hi, flip }) {
	const turn = (t) => (flip ? 1 - t : t), n = levels?.length || 1;
	if (levels) return { to: (code) => turn((code + 0.5) / n), from: (t) => clamp(Math.floor(turn(t) * n), 0, n - 1) };
	const [forth, back] = log ? [Math.log10, (v) => 10 ** v] : [Number, Number];
	const pad = lo < hi ? 0 : log ? 0.5 : Math.abs(lo) * 0.05 || 1, start = forth(lo) - pad, span = forth(hi) + pad - start;
	return { to: (value) => turn((forth(value) - start) / span), from: (t) => back(start + turn(t) * span) };
}

export function numberText(value, digits = 4) {
	const size = Math.abs(value), rounded = Number(value.toPrecision(digits));
	return size < 1e5 && (size >= 1e-3 || !size) ? String(rounded) : rounded.toExponential().replace("+", "");
}

export function valueText({ data, levels, odd }, row) {
	const value = data[row];
	if (isNaN(value)) return odd[row] || "missing";
	return levels ? levels[value] : Number.isInteger(value) ? String(value) : numberText(value, 7);
}

const elide = (text, most) => (text.length > most ? text.slice(0, most / 3) + "\u2026" + text.slice(-(most * 2) / 3) : text);
const breakable = (name) => name.replace(/[_./-]/g, "$&\u200b");

export function linearTicks(lo, hi, about, integer) {
	const raw = (hi - lo) / about, power = 10 ** Math.floor(Math.log10(raw)), ticks = [];
	const step = Math.max(integer ? 1 : 0, power * [1, 2, 5, 10].find((m) => m * power >= raw * 0.999));
	for (let k = Math.ceil(lo / step - 1e-9); k * step <= hi + step * 1e-9; k++) ticks.push(Number((k * step).toPrecision(12)));
	return ticks;
}

export function logTicks(lo, hi, about) {
	const decades = Math.log10(hi / lo), every = Math.ceil(decades / about), ticks = [];
	if (decades < 0.7) return linearTicks(lo, hi, about);
	for (let e = Math.floor(Math.log10(lo)); e <= Math.log10(hi); e++)
		if (e % every === 0) for (const m of decades * 3 <= about + 2 ? [1, 2, 5] : [1]) ticks.push(Number(`${m}e${e}`));
	return ticks.filter((v) => v >= lo * 0.9999 && v <= hi * 1.0001);
}

/** Return the ticks of an axis so many px high, [{at, text}], none nearer than 14 px to another. */
export function ticksOf(column, height) {
	const { levels, few, log, lo, hi, integer } = column, { to } = scaleOf(column), ticks = [];
	const about = Math.max(2, Math.floor(height / 42)), round = log ? logTicks : linearTicks;
	const values = [...(levels?.keys() || few || round(lo, hi, about, integer))];
	const step = Math.min(...values.slice(1).map((v, k) => v - values[k])), size = Math.max(...values.map(Math.abs));
	const digits = log ? 4 : clamp(Math.ceil(Math.log10(size / step)) + 1, 4, 12); // tell 1,000,001 from 1,000,002
	for (const value of values) {
		const at = to(value), isFree = ticks.every((tick) => Math.abs(at - tick.at) * height >= 14);
		if (isFree) ticks.push({ at, text: levels ? levels[value] : numberText(value, digits) });
	}
	return ticks;
}

// ---- rows: order, places, picking

export function bestFirst(data, goal, rows = data.keys()) {
	const sign = goal === "maximize" ? -1 : 1;
	return [...rows].sort((a, b) => isNaN(data[a]) - isNaN(data[b]) || sign * (data[a] - data[b]));
}

// Equal values share their mean place in 0..1.
export function quantiles(data) {
	const sorted = ascending(data), ends = new Map();
	sorted.forEach((value, k) => ends.set(value, [ends.get(value)?.[0] ?? k, k]));
	const places = new Map([...ends].map(([value, [first, last]]) => [value, (first + last) / 2 / (sorted.length - 1)]));
	return data.map((value) => places.get(value) ?? NaN);
}

export function median(rows, { data }) {
	const known = ascending(Array.from(rows, (row) => data[row])), middle = (known.length - 1) / 2;
	return (known[Math.floor(middle)] + known[Math.ceil(middle)]) / 2;
}

export function placesOf(column, order, top, bottom) {
	const { data, levels } = column, { to } = scaleOf(column), span = bottom - top, places = new Float32Array(data.length);
	// The lines of one level, and of those without a value (20 px below), are spread by rank, the best on top.
	const sizes = new Map(), seen = new Map(), band = levels && Math.min((0.62 * span) / levels.length, 34);
	for (const value of data) if (levels || isNaN(value)) sizes.set(value, (sizes.get(value) || 0) + 1);
	for (const row of order) {
		const value = data[row], size = sizes.get(value), k = seen.get(value) || 0;
		places[row] = isNaN(value) ? bottom + 20 : bottom - span * to(value);
		if (size > 1) places[row] += (k / (size - 1) - 0.5) * (isNaN(value) ? 12 : band);
		if (size) seen.set(value, k + 1);
	}
	return places;
}

/** Return the row whose line from (xa, ya[row]) to (xb, yb[row]) is nearest to a point, else -1. */
export function pick(rows, xa, ya, xb, yb, x, y, within) {
	const width = (xb - xa) ** 2, t = (x - xa) / (xb - xa);
	let found = -1, best = within * within;
	for (let k = 0; k < rows.length; k++) {
		const row = rows[k], rise = yb[row] - ya[row], d = ya[row] + rise * t - y;
		const distance = (d * d * width) / (width + rise * rise); // squared, at a right angle to the line
		if (distance < best) [best, found] = [distance, row];
	}
	return found;
}

export function rampColor(stops, t) {
	const at = clamp(t, 0, 1) * (stops.length - 1), k = Math.min(stops.length - 2, Math.floor(at));
	const part = (stop, i) => parseInt(stop.slice(i, i + 2), 16), [a, b] = stops.slice(k);
	return "#" + [1, 3, 5].map((i) => Math.round(part(a, i) + (part(b, i) - part(a, i)) * (at - k)).toString(16).padStart(2, "0")).join("");
}

// ---- brushes: {ranges, missing}, with ranges of values or of codes

const isWithin = (ranges, value) => ranges.some(([a, b]) => value >= a && value <= b);
const levelsIn = ({ levels }, ranges) => [...levels.keys()].filter((code) => isWithin(ranges, code));

/** Return a 1 for each row that all brushes, pairs of column and brush, let through. */
export function passing(brushed, count) {
	const pass = new Uint8Array(count).fill(1);
	for (const [{ data }, { ranges, missing }] of brushed)
		data.forEach((value, row) => (pass[row] &= isNaN(value) ? missing : isWithin(ranges, value)));
	return pass;
}

export function merged(ranges, apart = 0) {
	const result = [];
	for (const [a, b] of ranges.map(([a, b]) => (a < b ? [a, b] : [b, a])).sort((p, q) => p[0] - q[0])) {
		const last = result.at(-1);
		if (last && a <= last[1] + apart) last[1] = Math.max(last[1], b);
		else result.push([a, b]);
	}
	return result;
}

/** Return a range moved by a level or a tenth of the axis up (1) or down (-1), or only its upper edge. */
export function steppedRange(column, range, up, isExtended) {
	const { levels } = column, { to, from } = scaleOf(column), step = levels ? 1 / levels.length : 0.1, half = levels ? step / 2 : 0;
	if (!range) return (up > 0 ? [half, step - half] : [1 - step + half, 1 - half]).map(from);
	const [low, high] = range.map(to).sort((p, q) => p - q);
	const by = clamp(up * step, isExtended ? low + step - 2 * half - high : half - low, 1 - half - high);
	return [from(isExtended ? low : low + by), from(high + by)];
}

export function plainBrush(column, { ranges, missing }) {
	return column.levels ? { levels: levelsIn(column, ranges).map((code) => column.levels[code]), missing } : { ranges, missing };
}

export function readBrush({ levels }, { ranges = [], levels: chosen = [], missing = false }) {
	const codes = levels && chosen.map((level) => levels.indexOf(level)).filter((code) => code >= 0);
	return { ranges: levels ? merged(codes.map((code) => [code, code]), 1) : merged(ranges), missing };
}

// ---- the selection as text

const PYTHON = "and as assert async await break class continue def del elif else except finally for from global if import in is lambda";
const KEYWORDS = `${PYTHON} nonlocal not or pass raise return try while with yield true false null none`.split(" ");
const PANDAS = { name: /^[A-Za-z_]\w*$/, yes: "True", no: "False" };
const WHERE = { name: /^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*$/, yes: "true", no: "false" };

function levelText({ levels, types }, code, dialect) {
	const level = levels[code];
	if (types === "boolean") return /^true/i.test(level) ? dialect.yes : dialect.no;
	if (types === "number" || (types === "json" && dialect === WHERE)) return level;
	if (dialect === PANDAS) return `'${level.replace(/[\\']/g, "\\$&").replace(/\n/g, "\\n")}'`;
	return level.includes("'") ? `"${level}"` : `'${level}'`;
}

/** Return bounds as short as can be that let the same values of the column through; null where none is needed. */
export function shortRange({ sorted, odd }, [a, b]) {
	const first = sorted.filter((v) => v < a).length, end = sorted.filter((v) => v <= b).length;
	const [low, high] = first < end ? [sorted[first], sorted[end - 1]] : [a, b];
	const isOpen = !Object.values(odd).some((what) => /inf/.test(what)); // else a lone bound would let infinity through
	const shortest = (value, fits) => [1, 2, 3, 4, 5, 6, 7].map((n) => Number(value.toPrecision(n))).find(fits) ?? value;
	return [
		isOpen && first === 0 ? null : shortest(low, (v) => v <= low && !(v <= sorted[first - 1])),
		isOpen && end === sorted.length ? null : shortest(high, (v) => v >= high && !(v >= sorted[end])),
	];
}

function rangeText(name, [low, high]) {
	if (low === null) return high === null ? `${name} == ${name}` : `${name} <= ${high}`;
	return high === null ? `${name} >= ${low}` : `${low} <= ${name} <= ${high}`;
}

function conditionOf(column, { ranges, missing }, dialect) {
	const name = dialect.name.test(column.name) && !KEYWORDS.includes(column.name.toLowerCase()) ? column.name : `\`${column.name}\``;
	let parts = column.levels ? [] : ranges.map((range) => rangeText(name, shortRange(column, range)));
	const levels = column.levels ? levelsIn(column, ranges).map((code) => levelText(column, code, dialect)) : [];
	if (levels.length) parts = [levels.length > 1 ? `${name} in [${levels.join(", ")}]` : `${name} == ${levels}`];
	// NaN is not equal to itself, which every engine of pandas knows; 1e999 is infinity.
	const odd = Object.values(column.odd).some((what) => what !== "nan");
	if (missing) parts.push(dialect === WHERE ? `${name} == null` : odd ? `not (-1e999 < ${name} < 1e999)` : `${name} != ${name}`);
	return parts.length > 1 ? `(${parts.join(" or ")})` : parts[0];
}

export const pandasQuery = (brushed) => brushed.map((pair) => conditionOf(...pair, PANDAS)).join(" and ");

/** Return a filter for `homerun ls --where`: by the runs' ids where its language cannot say it. */
export function whereFilter(brushed, ids = []) {
	const byIds = `id in [${ids.map((id) => `'${id}'`).join(", ")}]`;
	const sayable = ([{ levels = [] }, { missing }]) => !missing && !levels.some((level) => /'[^]*"|"[^]*'/.test(level));
	if (ids.length && byIds.length < 10000 && !brushed.every(sayable)) return byIds;
	return brushed.map((pair) => conditionOf(...pair, WHERE)).join(" and ");
}

const yamlText = (text) =>
	/^[A-Za-z_][\w./-]*$/.test(text) && !/^(true|false|null|yes|no|on|off|[yn])$/i.test(text) ? text : JSON.stringify(text);

function parameterOf(column, ranges, rows) {
	const { data, levels, types, log, integer, few } = column, values = [...new Set(ascending(Array.from(rows, (row) => data[row])))];
	// With a point it is a float to every reader of YAML: 1.0e-5, 2.0.
	const number = (v) => (integer ? String(v) : String(v).replace(/^(-?\d+)(?=e|$)/, "$1.0"));
	const text = (v) => (!levels ? number(v) : types === "string" ? yamlText(levels[v]) : levelText(column, v, WHERE));
	if (values.length < 2) return values.map((value) => `value: ${text(value)}`);
	if (levels || (few && data.length > few.length)) return [`values: [${values.map(text).join(", ")}]`];
	const ends = integer ? [] : ranges.flatMap((range) => shortRange(column, range)), least = values[0], most = values.at(-1);
	const low = ends.find((end, k) => k % 2 === 0 && end !== null && end <= least) ?? least;
	const high = ends.find((end, k) => k % 2 && end !== null && end >= most) ?? most;
	return [...(log ? [`distribution: ${integer ? "q_" : ""}log_uniform_values`] : []), `min: ${number(low)}`, `max: ${number(high)}`];
}

/** Return `parameters:` of a next sweep: the configs of the rows, within the brushes (a Map by name). */
export function sweepYaml(columns, brushes, rows) {
	const blocks = columns.filter(({ role }) => role === "config").map((column) => {
		const lines = parameterOf(column, brushes.get(column.name)?.ranges || [], rows);
		return lines.length ? `  ${yamlText(column.name)}:\n    ${lines.join("\n    ")}\n` : "";
	});
	return `parameters:${blocks.join("") ? "" : " {}"}\n${blocks.join("")}`;
}

// ---- the page

const CSS = `
.pc-root{--accent:#2f7fd1;--tint:color-mix(in srgb,var(--accent) 20%,transparent);--edge:1px solid var(--grid);
 position:relative;color:var(--ink);font:12px/1.4 system-ui,sans-serif}
.pc-root *{box-sizing:border-box}
.pc-root :is(button,select,input){font:inherit;color:inherit;background:none;padding:3px 9px;cursor:pointer}
.pc-root :is(button,select,input,pre),.pc-table{border:var(--edge);border-radius:6px}
.pc-root :disabled{opacity:.45}
.pc-root :is(option,th),.pc-tip,.pc-menu{background:var(--paper)}
.pc-root :focus-visible{outline:2px solid var(--accent);outline-offset:-1px}
.pc-root td{padding:1px 14px 1px 0;overflow-wrap:anywhere;vertical-align:top;text-align:left}
.pc-root table{border-spacing:0;font-variant-numeric:tabular-nums}
.pc-head,.pc-legend{display:flex;flex-wrap:wrap;gap:6px 10px;align-items:center;margin-bottom:6px}
.pc-title{font-size:15px}
.pc-count{flex:1}
.pc-count,.pc-legend,.pc-caption,.pc-none,.pc-same,.pc-more,.pc-tip td:first-child{color:var(--muted)}
.pc-count b{color:var(--ink)}
.pc-color{max-width:170px}
.pc-dot,.pc-ramp{display:inline-block;width:9px;height:9px;border-radius:3px;margin-right:6px}
.pc-ramp{width:120px;margin-left:6px}
.pc-scroll{overflow:auto hidden}
.pc-plot{position:relative;touch-action:pan-x pan-y}
.pc-plot canvas{position:absolute;inset:0;width:100%;height:100%;pointer-events:none}
.pc-root:not(.pc-brushed) .pc-back,.pc-spare,.pc-tip{visibility:hidden}
.pc-dim .pc-front{opacity:.3}
.pc-axis{position:absolute;top:0;width:30px;margin-left:-15px;touch-action:none;cursor:crosshair}
.pc-axis i{position:absolute;left:14.5px;width:1px;top:${HEAD}px;background:var(--muted)}
.pc-axis header{position:absolute;left:50%;translate:-50%;height:${HEAD - 6}px;
 display:flex;flex-direction:column;justify-content:end;align-items:center;text-align:center}
.pc-axis button,.pc-table button{border:0;padding:0 1px}
.pc-name,.pc-table button{font-weight:600;line-height:1.2;overflow:hidden;overflow-wrap:anywhere;text-align:inherit;
 display:-webkit-box;-webkit-line-clamp:2;-webkit-box-orient:vertical}
.pc-axis .pc-name{font-weight:600;cursor:grab;touch-action:none}
.pc-axis .pc-more{font-size:10px;line-height:16px;white-space:nowrap}
.pc-moving{opacity:.75;z-index:3}
.pc-tick{position:absolute;left:19px;padding:0 2px;translate:0 -50%;font-size:11px;line-height:14px;white-space:nowrap;border-radius:3px;
 background:color-mix(in srgb,var(--paper) 72%,transparent);pointer-events:none}
.pc-left .pc-tick{left:auto;right:19px}
.pc-brush{position:absolute;left:8px;width:14px;border:solid var(--accent);border-width:3px 1.5px;border-radius:3px;
 background:var(--tint);cursor:grab}
.pc-caption{margin:6px 0}
.pc-tip,.pc-menu{position:absolute;z-index:9;border:var(--edge);border-radius:8px;box-shadow:0 4px 18px #0003}
.pc-tip{left:0;top:0;padding:7px 10px;pointer-events:none;max-width:min(340px,48%);overflow-wrap:anywhere}
.pc-menu{padding:4px;max-height:320px;overflow:auto}
.pc-menu button:not([hidden]){display:block;width:100%;border:0;text-align:left}
.pc-menu :is(button:hover,button:focus),.pc-on{background:var(--tint)}
.pc-copied pre{padding:6px 10px;white-space:pre-wrap;overflow-wrap:anywhere;max-height:220px;overflow:auto}
.pc-pins table{margin-bottom:8px}
.pc-pins td{border-bottom:var(--edge)}
.pc-table{max-height:${ROW * 13}px;overflow:auto}
.pc-table table{table-layout:fixed;width:100%}
.pc-table :is(td,th){height:${ROW}px;padding:0 8px;vertical-align:middle;text-align:left}
.pc-table td{overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
.pc-table th{position:sticky;top:0;border-bottom:var(--edge)}
.pc-table .pc-number{text-align:right}
.pc-table button{width:100%}
.pc-row{cursor:pointer}
.pc-live{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
@media print{.pc-head :is(button,select),.pc-more,.pc-table{display:none}}`;

/** Make an element, "div.menu" of class pc-menu; data goes into text and attributes only, never into HTML. */
function h(what, props, ...children) {
	const [tag, kind] = what.split("."), node = document.createElement(tag);
	if (kind) node.className = `pc-${kind}`;
	for (const [key, value] of Object.entries(props || {}))
		if (typeof value === "function") node[key] = value;
		else if (value !== false) node.setAttribute(key, value);
	node.append(...children);
	return node;
}

const dot = (color) => h("span.dot", { style: `background:${color}` });
const tableRow = (cells) => h("tr", {}, ...cells.map((cell) => h("td", {}, cell)));
const button = (what, text, onclick, props) => h(what, { onclick, ...props }, text);

/** Tell whether what surrounds a node is dark: a page, JupyterLab, VS Code, marimo, the system; paper never is. */
function isDark(node) {
	const { dataset } = document.body, theme = (node.closest("[data-theme]") || document.body).dataset.theme || dataset.vscodeThemeKind;
	if (matchMedia("print").matches) return false;
	if (theme) return /dark|contrast$/.test(theme);
	if (dataset.jpThemeLight) return dataset.jpThemeLight === "false";
	return Boolean(node.closest(".dark")) || matchMedia("(prefers-color-scheme: dark)").matches;
}

export function parallel(element, doc, options = {}) {
	let n, columns, byName, metric, order; // of the document; order: rows from the best to the worst
	let shown, brushes, chosen, pinned, sort, hovered, bundle, drag, menu; // what the reader does
	let active, sorted; // the rows that are brushed in, best first; the same as the table sorts them
	let look, isNight, bins, palette, room, width, height, bottom, gap, xs, ys, nodes; // bins: each row's place in the palette
	let jobs = [], hasBack, frame, listing, refresh, offset = [0, 0], tableBody;
	const listeners = {}, end = new AbortController();

	// ---- parts

	const canvas = (name) => h(`canvas.${name}`, { "aria-hidden": true }).getContext("2d");
	const over = canvas("over"), back = canvas("back");
	let front = canvas("front"), spare = canvas("spare");
	const opener = (what, text, items, props) =>
		button(what, text, (e) => openMenu(e.target, items()), { "aria-haspopup": "menu", ...props });
	const title = h("b.title"), count = h("span.count"), legend = h("div.legend"), caption = h("div.caption"), pins = h("div.pins");
	const clearing = button("button.clear", "Clear", clear, { "aria-label": "clear all brushes" });
	const color = h("select.color", { "aria-label": "colour by", onchange: () => (setColors(), redraw(), showRows(), changed()) });
	const copied = h("div.copied", { role: "status" }), tip = h("div.tip", { role: "tooltip" });
	const live = h("div.live", { "aria-live": "polite" });
	const axes = h("div"), plot = h("div.plot", {
		"aria-label": "parallel coordinates: up and down move over runs, Enter pins, Escape clears", tabindex: 0, role: "application",
		onpointermove: pointerMoves, onpointerdown: pointerDown, onpointerup: pointerUp, onpointercancel: pointerUp,
		onpointerleave: (e) => !drag && e.pointerType !== "touch" && highlight(-1),
	}, ...[back, front, spare, over].map((context) => context.canvas), axes);
	const scroll = h("div.scroll", {}, plot), table = h("div.table", {
		tabindex: 0, onscroll: showRows, onpointerleave: () => highlight(-1),
		onpointerover: (e) => highlight(rowAt(e)), onclick: (e) => pin(rowAt(e)),
	});
	const root = h("div.root", { "data-lm-suppress-shortcuts": true, onkeydown: keyPressed }, h("style", {}, CSS),
		h("div.head", {}, title, count, clearing, color, opener("button.add", "Axis +", addItems),
			opener("button.copy", "Copy \u25be", copyItems), opener("button.export", "Export \u25be", exportItems)),
		legend, scroll, caption, copied, pins, table, tip, live);

	function watch() {
		const { signal } = end, sizes = new ResizeObserver(() => scroll.clientWidth !== room && layout());
		const themes = new MutationObserver(() => isDark(root) !== isNight && setTheme());
		sizes.observe(scroll);
		for (const node of [document.documentElement, document.body]) themes.observe(node, { attributes: true });
		for (const query of ["(prefers-color-scheme: dark)", "print"]) matchMedia(query).addEventListener("change", setTheme, { signal });
		document.addEventListener("pointerdown", (e) => menu && !e.composedPath().includes(menu) && closeMenu(), { signal, capture: true });
		signal.addEventListener("abort", () => (sizes.disconnect(), themes.disconnect()));
	}

	// ---- the document and the state

	const nameOf = (row) => doc.names?.[row] ?? `run ${row}`;
	const statusOf = (row) => doc.states?.levels[doc.states.codes[row]] || "";
	const isMissing = (column, row) => !column || isNaN(column.data[row]);
	const isFailed = (row) => /failed|crashed/.test(statusOf(row)) && isMissing(metric, row);

	function load(next, state) {
		doc = next;
		n = doc.count;
		columns = doc.columns.map((raw) => readColumn(raw, n));
		byName = new Map(columns.map((column) => [column.name, column]));
		metric = byName.get(doc.metric);
		order = metric ? bestFirst(metric.data, doc.goal) : [...Array(n).keys()];
		[brushes, chosen, pinned, hovered, bundle] = [new Map(), null, [], -1, null];
		sort = { column: metric, down: Boolean(metric) && doc.goal === "maximize" };
		shown = columns.filter((column) => column.shown);
		title.textContent = doc.title || "";
		const left = (doc.dropped || []).map(({ name, why }) => `${name} (${why})`).join(", ");
		caption.textContent = [left && `Left out: ${left}`, ...(doc.notes || [])].filter(Boolean).join(" \u00b7 ");
		color.replaceChildren(...columns.map(({ name }) => h("option", { value: name }, `Colour: ${name}`)));
		color.value = doc.color || doc.metric || columns[0]?.name;
		setState(state || {});
		clearInterval(refresh); // below: not under someone's hands
		if (options.page && doc.refresh_s) refresh = setInterval(() => drag || menu || location.reload(), doc.refresh_s * 1000);
	}

	function state() {
		const names = (test, from = columns) => from.filter(test).map(({ name }) => name);
		return {
			order: names(() => true, shown), hidden: names((column) => column.shown && !shown.includes(column)),
			flips: names(({ flip }) => flip), logs: names(({ log }) => log), color: color.value,
			brushes: Object.fromEntries(brushed().map(([column, brush]) => [column.name, plainBrush(column, brush)])),
			pins: pinned.map((row) => doc.ids?.[row] ?? row), sort: { name: sort.column?.name, down: sort.down },
		};
	}

	function setState(given) {
		const { order, hidden = [], flips, logs } = given, brush = ([name, brush]) => [name, readBrush(byName.get(name), brush)];
		if (order) {
			const kept = [...new Set(order)].map((name) => byName.get(name)).filter(Boolean);
			const added = shown.filter(({ name }) => !order.includes(name) && !hidden.includes(name));
			shown = [...kept.slice(0, -1), ...added, ...kept.slice(-1)];
		}
		for (const column of columns) {
			if (flips) column.flip = flips.includes(column.name);
			if (logs) column.log = column.positive && logs.includes(column.name);
		}
		if (byName.has(given.color)) color.value = given.color;
		if (given.brushes) brushes = new Map(Object.entries(given.brushes).filter(([name]) => byName.has(name)).map(brush));
		if (given.pins) pinned = given.pins.map((pin) => doc.ids?.indexOf(pin) ?? pin).filter((row) => row >= 0 && row < n).slice(0, 2);
		if (given.sort) sort = { column: byName.get(given.sort.name), down: given.sort.down };
		setTheme();
		showPins();
	}

	const emit = (event, value) => listeners[event]?.forEach((listener) => listener(value()));
	const changed = () => emit("state", state);
	const selected = () => [...active.slice().sort()];
	const brushed = () => [...brushes].map(([name, brush]) => [byName.get(name), brush]);

	// ---- colours

	function setTheme() {
		isNight = isDark(root);
		look = isNight ? DARK : LIGHT;
		for (const [name, value] of Object.entries(look)) root.style.setProperty(`--${name}`, value);
		setColors();
		layout();
	}

	// By rank, so that one diverged run does not make all others alike.
	function setColors() {
		const column = byName.get(color.value), { levels, data = [] } = column || {}, byRank = !levels || levels.length > OKABE_ITO.length;
		// The end of the ramp that vanishes on the paper is left out; the best is the end that stands out.
		const stops = isNight ? CIVIDIS.slice(1) : CIVIDIS.slice(0, -1).reverse();
		const isTurned = column === metric && doc.goal !== "maximize", places = quantiles(data);
		const shade = (place) => Math.round((BINS - 1) * (isNaN(place) ? 1 : isTurned ? 1 - place : place)); // NaN: the only one
		const binOf = (_, row) => (isFailed(row) ? FAILED : isMissing(column, row) ? NONE : byRank ? shade(places[row]) : data[row]);
		bins = Uint8Array.from({ length: n }, binOf);
		palette = byRank ? Array.from({ length: BINS }, (_, k) => rampColor(stops, k / (BINS - 1))) : [...OKABE_ITO];
		const item = (bin, text) => h("span", {}, dot(palette[bin]), text);
		const items = byRank ? rampLegend(column, isTurned) : levels.map((level, code) => item(code, level));
		[palette[NONE], palette[FAILED], palette[GREY]] = [look.muted, OKABE_ITO[1], isNight ? "#444" : "#ddd"];
		const failures = bins.filter((bin) => bin === FAILED).length;
		if (column && bins.includes(NONE)) items.push(item(NONE, `no ${column.name}`));
		if (failures) items.push(item(FAILED, `${failures} failed or crashed`));
		legend.replaceChildren(...items);
	}

	function rampLegend(column, isTurned) {
		if (!column || column.sorted.length < 2) return [];
		const [low, high] = [column.lo, column.hi].map((value) => column.levels?.[value] ?? numberText(value));
		const bar = h("span.ramp", { title: "equal shares of the runs", style: `background:linear-gradient(90deg,${palette})` });
		return [h("span", {}, `${column.name}: ${isTurned ? high : low}`, bar, (isTurned ? low : high) + (column === metric ? " best" : ""))];
	}

	// ---- layout and axes

	function layout() {
		const last = shown.length - 1, ratio = window.devicePixelRatio || 1;
		room = scroll.clientWidth;
		height = options.height || 420;
		bottom = height - (shown.some(({ missing }) => missing) ? SLOT : 10);
		const ticks = shown.map((column) => (column.sorted.length ? ticksOf(column, bottom - HEAD) : []));
		const side = (k) => clamp(30 + 6.5 * Math.max(0, ...(ticks[k] || []).map(({ text }) => text.length)), SIDE, Math.max(104, room * 0.16));
		const left = side(0), right = side(last);
		width = Math.max(room, left + right + GAP * last);
		gap = (width - left - right) / Math.max(1, last);
		xs = shown.map((_, k) => (last ? left + k * gap : width / 2));
		ys = new Map(shown.map((column) => [column, placesOf(column, order, HEAD, bottom)]));
		plot.style.cssText = `width:${width}px;height:${height}px`;
		for (const context of [back, front, spare, over]) {
			Object.assign(context.canvas, { width: Math.round(width * ratio), height: Math.round(height * ratio) });
			context.scale(ratio, ratio);
		}
		nodes = new Map(shown.map((column, k) => [column, axisOf(column, k, ticks[k])]));
		axes.replaceChildren(...nodes.values(), n ? "" : h("p.tick pc-none", { style: `left:${xs[0] + gap / 3}px;top:50%` }, "No runs yet"));
		placeAxes();
		hasBack = false;
		filter();
	}

	function axisOf(column, k, ticks) {
		const { name, missing, flip, log } = column, isLeft = k === 0 && shown.length > 1;
		const letters = Math.max(5, ((isLeft ? xs[0] : k < shown.length - 1 ? gap : width - xs[k]) - 12) / 6);
		const label = h("button.name", {
			"aria-label": `axis ${name}: left and right move it, up and down brush`, title: name, onpointerdown: (e) => dragAxis(e, column),
		}, breakable(name));
		const better = column === metric ? `better ${flip === (doc.goal !== "maximize") ? "\u2191" : "\u2193"} ` : "";
		const more = opener("button.more", `${better}${log ? "log " : ""}\u25be`, () => axisItems(column), { "aria-label": `menu of ${name}` });
		const tick = (text, y, what = "div.tick") => h(what, { title: text, style: `top:${y}px` }, elide(text, letters));
		const none = missing ? [tick(column === metric && bins.includes(FAILED) ? "failed" : "missing", bottom + 20, "div.tick pc-none")] : [];
		return h(isLeft ? "div.axis pc-left" : "div.axis", { "data-pc-axis": name, style: `height:${height}px` },
			h("header", { style: `width:${clamp(gap - 4, GAP - 4, 2 * SIDE)}px` }, label, more), h("i", { style: `height:${bottom - HEAD}px` }),
			...ticks.map(({ at, text }) => tick(text, bottom - at * (bottom - HEAD))), ...none, h("div"));
	}

	function placeAxes() {
		for (const [column, node] of nodes) node.style.left = `${xs[shown.indexOf(column)]}px`;
	}

	const focusAxis = (column) => nodes.get(column)?.querySelector(".pc-name").focus();

	function move(column, to) {
		shown.splice(clamp(to, 0, shown.length - 1), 0, ...shown.splice(shown.indexOf(column), 1));
	}

	// ---- drawing

	function pathOf() {
		const path = shown.map((column, k) => ({ x: xs[k], y: ys.get(column) }));
		return path.length === 1 ? [-40, 40].map((by) => ({ ...path[0], x: path[0].x + by })) : path;
	}

	function stroke(context, path, rows) {
		context.beginPath();
		for (const row of rows) path.forEach(({ x, y }, k) => (k ? context.lineTo(x, y[row]) : context.moveTo(x, y[row])));
		context.stroke();
	}

	/** Stroke rows[from..to), the last first, so that the best end on top; neighbours of one colour at once. */
	function paint(context, rows, from = 0, to = rows.length, isGrey = false) {
		const path = pathOf(), binOf = (k) => (isGrey ? GREY : bins[rows[k]]);
		const globalAlpha = clamp((isGrey ? 7 : 15) / Math.sqrt(rows.length), isGrey ? 0.06 : 0.16, 0.9);
		// Lines of one pixel are drawn twenty times as fast as wider ones.
		Object.assign(context, { globalAlpha, lineWidth: drag || rows.length > 400 ? 1 : 1.4, lineJoin: "bevel" });
		for (let stop = to, start; stop > from; stop = start) {
			const bin = binOf(stop - 1);
			for (start = stop - 1; start > from && stop - start < 16 && binOf(start - 1) === bin; ) start--;
			context.strokeStyle = palette[bin];
			context.setLineDash(bin === FAILED ? [5, 3] : []);
			stroke(context, path, rows.slice(start, stop));
		}
		context.setLineDash([]);
	}

	function paintBold(context, row, color) {
		const path = pathOf();
		for (const [globalAlpha, lineWidth, strokeStyle] of [[0.8, 8, look.paper], [1, 4.5, look.ink], [1, 2.5, color]]) {
			Object.assign(context, { globalAlpha, lineWidth, strokeStyle, lineJoin: "round", fillStyle: look.ink });
			stroke(context, path, [row]);
		}
		for (const { x, y } of path) context.fillRect(x - 3, y[row] - 3, 6, 6);
	}

	const paintPins = (context) => pinned.forEach((row, k) => paintBold(context, row, PINS[k]));

	// At once as many lines as fit into a frame, the best ones; then all of them, over some frames, on a spare
	// canvas that takes the place of the first when it is done. Last the grey lines behind, for the next brush.
	function redraw() {
		const first = Math.min(active.length, drag ? quota() >> 1 : quota());
		wipe(front);
		paint(front, active, 0, first);
		showOver();
		jobs = first < active.length ? [{ context: spare, rows: active, at: active.length }] : [];
		if (!hasBack) jobs.push({ context: back, rows: order, at: n, isGrey: true });
		cancelAnimationFrame(frame);
		frame = requestAnimationFrame(proceed);
	}

	// On paper there is no next frame.
	const quota = () => (matchMedia("print").matches ? n : Math.ceil(SEGMENTS / Math.max(1, shown.length - 1)));
	const wipe = (context) => context.clearRect(0, 0, width, height);

	function proceed() {
		const job = jobs[0];
		if (!job) return;
		frame = requestAnimationFrame(proceed);
		if (drag) return;
		const { context, rows, at, isGrey } = job;
		if (at === rows.length) wipe(context);
		job.at = Math.max(0, at - quota());
		paint(context, rows, job.at, at, isGrey);
		if (job.at) return;
		jobs.shift();
		if (isGrey) return (hasBack = true);
		[front, spare] = [spare, front];
		front.canvas.className = "pc-front";
		spare.canvas.className = "pc-spare";
	}

	function showOver() {
		wipe(over);
		if (bundle) paint(over, bundle.rows.slice(0, MAX_BUNDLE));
		paintPins(over);
		if (hovered >= 0 && !pinned.includes(hovered)) paintBold(over, hovered, bins[hovered] === NONE ? look.ink : palette[bins[hovered]]);
		root.classList.toggle("pc-dim", hovered >= 0 || Boolean(bundle));
	}

	// ---- brushes

	function filter() {
		const pass = passing(brushed(), n), box = ([top, end]) => h("div.brush", { style: `top:${top}px;height:${end - top}px` });
		active = Int32Array.from(order.filter((row) => pass[row] && (!chosen || chosen.has(row))));
		root.classList.toggle("pc-brushed", active.length < n);
		clearing.disabled = !(brushes.size || chosen);
		const all = active.length < n ? ` of ${n.toLocaleString("en")}` : "";
		count.replaceChildren(h("b", {}, active.length.toLocaleString("en")), `${all} run${n === 1 ? "" : "s"}`);
		for (const [column, node] of nodes) node.lastChild.replaceChildren(...spansOf(column, brushOf(column)).map(box));
		redraw();
		clearTimeout(listing);
		listing = setTimeout(showTable, drag ? 90 : 0);
		emit("select", selected);
	}

	const brushOf = ({ name }) => brushes.get(name) || { ranges: [], missing: false };

	function spansOf(column, { ranges, missing }) {
		const span = bottom - HEAD, half = column.levels ? span / column.levels.length / 2 - 1 : 0, { to } = scaleOf(column);
		const y = (value) => clamp(bottom - span * to(value), HEAD - 4, bottom + 4), slot = missing ? [[bottom + 8, bottom + 32]] : [];
		return [...ranges.map((range) => range.map(y).sort((p, q) => p - q)).map(([a, b]) => [a - half, b + half]), ...slot];
	}

	function setBrush(column, ranges, missing) {
		chosen = null;
		if (ranges.length || missing) brushes.set(column.name, { ranges: merged(ranges, column.levels ? 1 : 0), missing });
		else brushes.delete(column.name);
		filter();
	}

	// In place of what is brushed; null: all.
	function select(rows) {
		brushes.clear();
		chosen = rows && rows.length < n ? new Set(rows) : null;
		filter();
	}

	function clear() {
		select(null);
		changed();
	}

	function brushDrag(column, y, adds) {
		const { ranges, missing } = brushOf(column), spans = spansOf(column, { ranges }), span = bottom - HEAD, { from } = scaleOf(column);
		const hit = spans.findIndex(([a, b]) => y > a - 5 && y < b + 5), [a, b] = spans[hit] || [y, y], isNew = hit < 0;
		const others = isNew && !adds ? [] : ranges.filter((_, k) => k !== hit);
		const [pullsTop, pullsEnd] = isNew || b - y < 5 ? [0, 1] : y - a < 5 ? [1, 0] : [1, 1];
		const inset = !column.levels ? 0 : pullsTop && pullsEnd ? span / column.levels.length / 2 : 2; // edges lie between levels
		const value = (px) => from(clamp((bottom - px) / span, 0, 1));
		return {
			move: (_, to) => {
				const by = pullsTop && pullsEnd ? clamp(to - y, HEAD - a, bottom - b) : to - y;
				const [top, end] = [a + by * pullsTop, b + by * pullsEnd].sort((p, q) => p - q), reachesSlot = isNew && end > bottom + 10;
				const range = [value(top + inset), value(Math.max(top + inset, end - inset))];
				setBrush(column, top > bottom ? others : [...others, range], reachesSlot || (missing && (adds || !isNew)));
			},
			drop: filter,
			click: () => {
				if (y > bottom + 4) setBrush(column, adds ? ranges : [], column.missing > 0 && !missing);
				else setBrush(column, isNew ? [] : others, !isNew && missing);
			},
		};
	}

	// ---- mouse and finger

	const columnAt = (event) => byName.get(event.target.closest(".pc-axis")?.dataset.pcAxis);
	const rowAt = (event) => Number(event.target.closest(".pc-row")?.dataset.row ?? -1);

	function pointOf(event) {
		const [inner, outer] = [plot, root].map((node) => node.getBoundingClientRect());
		offset = [inner.left - outer.left, inner.top - outer.top];
		return [event.clientX - inner.left, event.clientY - inner.top];
	}

	function startDrag(event, how) {
		drag = { ...how, start: pointOf(event) };
		plot.setPointerCapture(event.pointerId);
	}

	function pointerDown(event) {
		if (event.button || event.target.closest("header")) return;
		const column = columnAt(event), adds = event.shiftKey;
		if (!column) pointerMoves(event); // a finger has not been here before
		startDrag(event, column ? brushDrag(column, pointOf(event)[1], adds) : { click: () => pin(hovered) });
		if (!column) return;
		event.preventDefault();
		highlight(-1);
	}

	function dragAxis(event, column) {
		const home = [...xs];
		startDrag(event, {
			move: (x) => {
				move(column, home.reduce((best, at, k) => (Math.abs(at - x) < Math.abs(home[best] - x) ? k : best), 0));
				xs = home.map((at, k) => (shown[k] === column ? x : at));
				nodes.get(column).classList.add("pc-moving");
				placeAxes();
				redraw();
			},
			drop: layout,
			click: () => focusAxis(column),
		});
	}

	function pointerMoves(event) {
		const [x, y] = pointOf(event), isInside = y > HEAD - 12;
		if (drag) {
			drag.hasMoved ||= Math.hypot(x - drag.start[0], y - drag.start[1]) > 3;
			return drag.hasMoved && drag.move?.(x, y);
		}
		const found = isInside ? bundleAt(x, y) : null;
		highlight(isInside && !found ? lineAt(x, y) : -1, found, [x, y]);
	}

	function pointerUp(event) {
		const done = drag;
		drag = null;
		if (done?.hasMoved) done.drop?.();
		else if (event.type === "pointerup") done?.click();
		if (done) changed();
	}

	function lineAt(x, y) {
		const path = pathOf(), k = path.findIndex((end) => end.x >= x), [a, b] = [path[k - 1], path[k]];
		return k > 0 ? pick(active, a.x, a.y, b.x, b.y, x, y, 9) : -1;
	}

	/** Return the runs that meet at a place of an axis: {rows, key, place}, or null where fewer than two do. */
	function bundleAt(x, y) {
		const column = shown[xs.findIndex((at) => Math.abs(at - x) <= 6)], places = ys.get(column);
		if (!column) return null;
		const near = active.reduce((best, row) => (Math.abs(places[row] - y) < Math.abs(places[best] - y) ? row : best), active[0]);
		if (!(Math.abs(places[near] - y) <= 7)) return null;
		const { data, name, levels } = column, value = data[near], isPlace = levels || isNaN(value);
		const key = name + (isPlace ? value : places[near]);
		if (bundle?.key === key) return bundle;
		const rows = active.filter((row) => (isPlace ? Object.is(data[row], value) : Math.abs(places[row] - places[near]) <= 1));
		return rows.length > 1 ? { rows, key, place: `${name}: ${isNaN(value) ? "missing" : valueText(column, near)}` } : null;
	}

	// Whatever points at a run or a bundle: mouse, finger, key or table; with a place in the plot there are its values, too.
	function highlight(row, found = null, at = null) {
		if (row !== hovered || found?.key !== bundle?.key) {
			[hovered, bundle] = [row, found];
			showOver();
			fillTip();
			markRow();
		}
		placeTip(at);
	}

	// ---- keys

	function keyPressed(event) {
		const { target } = event, isName = target.matches(".pc-name"), rows = target === plot ? active : target === table && sorted;
		const keys = isName ? axisKeys(columnAt(event), event.shiftKey) : rows ? runKeys(rows) : {};
		const act = event.key === "Escape" ? escape : keys[event.key];
		if (!act) return;
		act();
		event.preventDefault();
		event.stopPropagation(); // notebooks have shortcuts of their own
	}

	function escape() {
		copied.replaceChildren();
		if (menu) closeMenu();
		else if (pinned.length) setPins([]);
		else clear();
	}

	function axisKeys(column, isExtended) {
		const key = (act) => () => {
			act();
			focusAxis(column);
			live.textContent = `${column.name} is axis ${shown.indexOf(column) + 1}; ${active.length} of ${n} runs`;
			changed();
		};
		const shift = (by) => key(() => (move(column, shown.indexOf(column) + by), layout()));
		const brush = (up) => key(() => setBrush(column, [steppedRange(column, brushOf(column).ranges[0], up, isExtended)], false));
		const erase = key(() => setBrush(column, [], false));
		return { ArrowLeft: shift(-1), ArrowRight: shift(1), ArrowUp: brush(1), ArrowDown: brush(-1), Delete: erase, Backspace: erase };
	}

	function runKeys(rows) {
		const step = (by) => () => {
			const row = rows[clamp(rows.indexOf(hovered) + by, 0, rows.length - 1)] ?? -1;
			highlight(row, null, [xs[0] + 40, HEAD]);
			const value = metric ? `${metric.name} ${valueText(metric, row)}, ` : "";
			live.textContent = row < 0 ? "" : `${nameOf(row)}, ${value}rank ${order.indexOf(row) + 1} of ${n}`;
		};
		return { ArrowDown: step(1), ArrowUp: step(-1), Enter: () => pin(hovered) };
	}

	// ---- tooltip, pins, table

	function fillTip() {
		const row = bundle ? bundle.rows[0] : hovered, status = statusOf(row), lines = [];
		if (row < 0) return;
		if (bundle) lines.push(["runs", bundle.rows.length], ["best run", nameOf(row)]);
		if (bundle && !isMissing(metric, row)) lines.push([`median ${metric.name}`, numberText(median(bundle.rows, metric))]);
		if (status && status !== "finished") lines.push(["state", status]);
		const label = (column) => (bundle && column === metric ? "best " : "") + column.name;
		for (const column of [...shown].reverse()) lines.push([label(column), valueText(column, row)]);
		tip.replaceChildren(h("b", {}, bundle ? bundle.place : nameOf(row)), h("table", {}, ...lines.map(tableRow)));
	}

	// Nothing is measured here, as that would lay out the page at every move: the shares move it by its own size.
	function placeTip(at) {
		const isShown = at && (hovered >= 0 || bundle);
		tip.style.visibility = isShown ? "visible" : "hidden";
		if (!isShown) return;
		const x = offset[0] + at[0], isRight = x > room / 2, share = clamp((100 * (at[1] - 20)) / (height - 40), 0, 100);
		tip.style.transform = `translate(${x + (isRight ? -16 : 16)}px,${offset[1] + at[1]}px) translate(${isRight ? -100 : 0}%,${-share}%)`;
	}

	function pin(row) {
		if (row >= 0) setPins(pinned.includes(row) ? pinned.filter((other) => other !== row) : [...pinned, row].slice(-2));
	}

	function setPins(rows) {
		pinned = rows;
		showPins();
		showOver();
		emit("pin", () => rows);
		changed();
	}

	function showPins() {
		if (!pinned.length) return pins.replaceChildren();
		const lines = columns.map((column) => [column.name, ...pinned.map((row) => valueText(column, row))]), isSame = ([, a, b]) => a === b;
		const same = h("tbody.same", {}, ...lines.filter(isSame).map(tableRow)), others = lines.filter((line) => !isSame(line)).map(tableRow);
		const head = tableRow(["", ...pinned.map((row, k) => h("b", {}, dot(PINS[k]), nameOf(row)))]);
		const hint = pinned.length > 1 ? "What differs comes first. " : "Click a second run to compare. ";
		const unpin = button("button", "Unpin", () => setPins([]));
		pins.replaceChildren(h("div.caption", {}, hint, unpin), h("table", {}, head, ...others, same));
	}

	function showTable() {
		const { column, down } = sort, names = (a, b) => nameOf(a).localeCompare(nameOf(b), "en", { numeric: true }) * (down ? -1 : 1);
		sorted = column ? bestFirst(column.data, down ? "maximize" : "minimize", active) : [...active].sort(names);
		const head = (by) => {
			const name = by?.name || "run", style = by ? "" : `width:${Math.max(170, room * 0.2)}px`;
			const [order, mark] = by !== column ? ["none", ""] : down ? ["descending", " \u25be"] : ["ascending", " \u25b4"];
			const turn = () => ((sort = { column: by, down: by === column && !down }), showTable(), changed());
			const label = button("button", breakable(name) + mark, turn, { title: name });
			return h(by && !by.levels ? "th.number" : "th", { "aria-sort": order, style }, label);
		};
		tableBody = h("tbody");
		const props = { "aria-label": "runs", "aria-rowcount": sorted.length + 1, style: `min-width:${170 + 100 * shown.length}px` };
		table.replaceChildren(h("table", props, h("thead", {}, h("tr", {}, ...[undefined, ...shown].map(head))), tableBody));
		showRows();
	}

	// Only the rows in sight are there: 20,000 runs scroll like twenty.
	function showRows() {
		const first = clamp(Math.floor(table.scrollTop / ROW) - 4, 0, Math.max(0, sorted.length - 22)), rows = sorted.slice(first, first + 22);
		const space = (rows) => h("tr", { "aria-hidden": true, style: `height:${rows * ROW}px` });
		const cell = (text, what, ...before) => h(what, { title: text }, ...before, text);
		const line = (row, k) => {
			const cells = shown.map((column) => cell(valueText(column, row), column.levels ? "td" : "td.number"));
			return h("tr.row", { "data-row": row, "aria-rowindex": first + k + 2 }, cell(nameOf(row), "td", dot(palette[bins[row]])), ...cells);
		};
		tableBody.replaceChildren(space(first), ...rows.map(line), space(sorted.length - first - rows.length));
		markRow();
	}

	function markRow() {
		for (const node of tableBody?.children || []) node.classList.toggle("pc-on", Number(node.dataset.row) === hovered);
	}

	// ---- menus: items are [text, act, isOff]

	function openMenu(opener, items) {
		closeMenu();
		const buttons = items.map(([text, act, isOff = false]) =>
			button("button", text, () => (closeMenu(), act()), { role: "menuitem", disabled: isOff }));
		const search = ({ target }) => {
			for (const item of buttons) item.hidden = !item.textContent.toLowerCase().includes(target.value.toLowerCase());
		};
		const step = (e) => {
			const by = { ArrowDown: 1, ArrowUp: -1 }[e.key], open = buttons.filter((item) => !item.hidden && !item.disabled);
			if (!by || !open.length) return;
			e.preventDefault();
			open[(open.indexOf(e.target) + by + open.length) % open.length].focus();
		};
		menu = h("div.menu", { role: "menu", onkeydown: step }, ...buttons);
		menu.opener = opener;
		if (items.length > 9) menu.prepend(h("input", { type: "search", placeholder: "Search", "aria-label": "search", oninput: search }));
		root.append(menu);
		const [here, from] = [root, opener].map((node) => node.getBoundingClientRect());
		menu.style.left = `${clamp(from.left - here.left, 0, Math.max(0, here.width - menu.offsetWidth))}px`;
		menu.style.top = `${from.bottom - here.top + 3}px`;
		menu.querySelector("input, :enabled")?.focus();
	}

	function closeMenu() {
		menu?.remove();
		menu?.opener.focus();
		menu = null;
	}

	function axisItems(column) {
		const hide = () => (brushes.delete(column.name), shown.splice(shown.indexOf(column), 1));
		const item = (text, change, isOff) => [text, () => (change(), setColors(), layout(), focusAxis(column), changed()), isOff];
		return [
			item("Flip", () => (column.flip = !column.flip)),
			item(column.log ? "Linear scale" : "Log scale", () => (column.log = !column.log), !column.positive),
			item("Colour by this", () => (color.value = column.name)),
			item("Hide", hide),
		];
	}

	function addItems() {
		const add = (column) => (shown.splice(-1, 0, column), layout(), focusAxis(column), changed());
		const items = columns.filter((column) => !shown.includes(column)).map((column) => [column.name, () => add(column)]);
		return items.length ? items : [["All columns are shown", null, true]];
	}

	function copyItems() {
		const query = pandasQuery(brushed()), where = whereFilter(brushed(), doc.ids ? Array.from(active, (row) => doc.ids[row]) : []);
		const shell = `homerun ls ${doc.ref ? doc.ref + " " : ""}--where "${where.replace(/[\\"$`]/g, "\\$&")}"`;
		return [
			["pandas query", () => copy(`df.query(${JSON.stringify(query)})`), !query],
			["Filter for homerun ls", () => copy(shell), !where],
			["Parameters of the next sweep", () => copy(sweepYaml(columns, brushes, active))],
		];
	}

	function copy(text) {
		const shown = h("pre", {}, text);
		copied.replaceChildren(shown);
		getSelection().selectAllChildren(shown);
		const isDone = document.execCommand("copy"); // navigator.clipboard is missing in frames and on plain http
		copied.prepend(isDone ? "Copied " : "To copy ", button("button", "Close", () => copied.replaceChildren()));
	}

	// ---- pictures

	function exportItems() {
		const save = async (picture, suffix) => {
			const href = URL.createObjectURL(new Blob([await picture]));
			h("a", { href, download: `${(doc.title || "runs").replace(/[^\w]+/g, "-")}.${suffix}` }).click();
			setTimeout(() => URL.revokeObjectURL(href), 10000);
		};
		return [["PNG", () => save(toPNG(), "png")], ["SVG", () => save(toSVG(), "svg")]];
	}

	// The axes are drawn as they stand on the page. The context is a canvas's, or what writes SVG in its place.
	function drawPicture(context) {
		const origin = plot.getBoundingClientRect();
		const fill = (x, y, width, height, fillStyle, globalAlpha = 1) => {
			Object.assign(context, { fillStyle, globalAlpha });
			context.fillRect(x, y, width, height);
		};
		const write = (text, x, y) => {
			Object.assign(context, { fillStyle: look.ink, globalAlpha: 1 });
			context.fillText(text, x, y);
		};
		context.font = "11px system-ui,sans-serif";
		fill(0, 0, width, height, look.paper);
		paint(context, active);
		paintPins(context);
		for (const x of xs) fill(x - 0.5, HEAD, 1, bottom - HEAD, look.muted);
		for (const node of axes.querySelectorAll(".pc-tick, .pc-name")) {
			const box = node.getBoundingClientRect(), x = box.left - origin.left, y = box.top - origin.top;
			fill(x, y, box.width, box.height, look.paper, 0.7);
			write(node.matches(".pc-name") ? elide(node.title, gap / 6) : node.textContent, x + 2, y + box.height - 3);
		}
		write(`${doc.title || ""} \u00b7 ${active.length} of ${n} runs \u00b7 Colour: ${color.value}`, 8, 14);
	}

	function toSVG() {
		const out = [], safe = (text) => text.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt()};`), px = (number) => +number.toFixed(1);
		let lines = [], dash = [];
		drawPicture({
			beginPath: () => (lines = []),
			moveTo: (x, y) => lines.push(`${px(x)},${px(y)}`),
			lineTo: (x, y) => (lines[lines.length - 1] += ` ${px(x)},${px(y)}`),
			setLineDash: (dashes) => (dash = dashes),
			stroke() {
				const color = `stroke="${this.strokeStyle}" stroke-opacity="${this.globalAlpha}"`;
				const polylines = lines.map((points) => `<polyline points="${points}"/>`).join("");
				out.push(`<g fill="none" ${color} stroke-width="${this.lineWidth}" stroke-dasharray="${dash}">${polylines}</g>`);
			},
			fillRect(x, y, width, height) {
				const size = `width="${px(width)}" height="${px(height)}"`;
				out.push(`<rect x="${px(x)}" y="${px(y)}" ${size} fill="${this.fillStyle}" fill-opacity="${this.globalAlpha}"/>`);
			},
			fillText(text, x, y) {
				out.push(`<text x="${px(x)}" y="${px(y)}" fill="${this.fillStyle}">${safe(text)}</text>`);
			},
		});
		const size = `width="${width}" height="${height}" font-family="system-ui,sans-serif" font-size="11"`;
		return `<svg xmlns="http://www.w3.org/2000/svg" ${size}>${out.join("\n")}</svg>`;
	}

	function toPNG() {
		const ratio = window.devicePixelRatio || 1, context = h("canvas", { width: width * ratio, height: height * ratio }).getContext("2d");
		context.scale(ratio, ratio);
		drawPicture(context);
		return new Promise((done) => context.canvas.toBlob(done));
	}

	// ---- the chart

	function destroy() {
		end.abort();
		cancelAnimationFrame(frame);
		clearInterval(refresh);
		clearTimeout(listing);
		root.remove();
	}

	const chart = {
		select, selected, pinned: () => pinned, state, setState, toSVG, toPNG, destroy,
		setDocument: (next) => load(next, state()), on: (event, listener) => ((listeners[event] ||= []).push(listener), chart),
	};
	element.append(root);
	watch();
	load(doc, (options.page && stateOfPage()) || options.state);
	scroll.scrollLeft = width; // the metric is in sight
	if (options.page) chart.on("state", (state) => history.replaceState(null, "", "#" + encodeURIComponent(JSON.stringify(state))));
	return chart;
}

function stateOfPage() {
	try {
		return JSON.parse(decodeURIComponent(location.hash.slice(1)));
	} catch {
		return null; // no state, or an anchor of someone else
	}
}

function render({ model, el }) {
	const options = { height: model.get("height") }, chart = parallel(el, model.get("document"), options), stops = [];
	let ours = false, waiting = 0; // what we set ourselves is no news from Python
	const tell = () => {
		const news = { selected: chart.selected(), brushes: chart.state().brushes, pinned: chart.pinned() };
		ours = true;
		for (const [name, value] of Object.entries(news)) if (JSON.stringify(model.get(name)) !== JSON.stringify(value)) model.set(name, value);
		ours = false;
		model.save_changes();
	};
	const later = () => (clearTimeout(waiting), (waiting = setTimeout(tell, 60)));
	const pinRows = (rows) => chart.setState({ pins: rows.map((row) => model.get("document").ids?.[row] ?? row) });
	const setHeight = (height) => {
		options.height = height;
		chart.setState({});
	};
	const uses = {
		document: chart.setDocument, selected: chart.select, brushes: (brushes) => chart.setState({ brushes }),
		pinned: pinRows, height: setHeight,
	};
	chart.setState({ brushes: model.get("brushes") || {} });
	pinRows(model.get("pinned") || []);
	for (const [name, use] of Object.entries(uses)) {
		const listener = () => ours || use(model.get(name));
		model.on(`change:${name}`, listener);
		stops.push(() => model.off(`change:${name}`, listener));
	}
	chart.on("select", later).on("pin", later);
	tell();
	return () => (clearTimeout(waiting), stops.forEach((stop) => stop()), chart.destroy());
}

export default { render };
