// Columns of a table of runs: values, scales, ticks and texts. A row is the number of a run.

export const clamp = (value, low, high) => Math.min(high, Math.max(low, value));
export const ascending = (values) => Float64Array.from(values).filter((value) => !isNaN(value)).sort();

/** Return a column of a document with `data`: values, or codes of levels; NaN where missing. */
export function readColumn(raw, count) {
	const source = raw.codes || raw.values || [], data = Float64Array.from({ length: count }, (_, row) => source[row] ?? NaN);
	const sorted = ascending(data), distinct = [...new Set(sorted)], few = distinct.length < 9 && distinct;
	const [lo, hi] = few.length === 0 ? [0, 1] : [sorted[0], sorted.at(-1)], positive = !raw.levels && lo > 0;
	return { odd: {}, label: raw.name, ...raw, data, sorted, lo, hi, missing: count - sorted.length, few, positive, log: Boolean(raw.log && positive) };
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
	return size < 1e5 && (size >= 1e-5 || !size) ? String(rounded) : rounded.toExponential().replace("+", "");
}

export function valueText({ data, levels, odd }, row) {
	const value = data[row];
	if (isNaN(value)) return odd[row] || "missing";
	return levels ? levels[value] : Number.isInteger(value) ? String(value) : numberText(value, 7);
}

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

/** Return rows from the best value to the worst, those without one last. */
export function bestFirst(data, goal, rows = data.keys()) {
	const sign = goal === "maximize" ? -1 : 1;
	return [...rows].sort((a, b) => isNaN(data[a]) - isNaN(data[b]) || sign * (data[a] - data[b]));
}

/** Return each value's rank in 0..1; equal values share the middle of theirs. */
export function quantiles(data) {
	const sorted = ascending(data), ends = new Map();
	sorted.forEach((value, k) => ends.set(value, [ends.get(value)?.[0] ?? k, k]));
	return data.map((value) => {
		const [first, last] = ends.get(value) || [NaN, NaN];
		return (first + last) / 2 / (sorted.length - 1);
	});
}

export function median(rows, { data }) {
	const known = ascending(Array.from(rows, (row) => data[row])), middle = (known.length - 1) / 2;
	return (known[Math.floor(middle)] + known[Math.ceil(middle)]) / 2;
}
