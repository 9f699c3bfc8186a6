// Where axes and lines stand, in px, and what lies under a point.
import { clamp, scaleOf, ticksOf, valueText } from "./columns.js";

export const HEAD = 60; // above the axes, for their names
const SIDE = 80, GAP = 60; // least room beside the outer axes, and between two
const SLOT = 34; // below the axes, for missing values

/** Return {axes, path, ...}: an axis is {column, x, ticks, letters, places}, letters of a tick, places of rows; lines follow path. */
export function layoutOf(columns, order, room, height) {
	const last = columns.length - 1, top = HEAD, bottom = height - (columns.some(({ missing }) => missing) ? SLOT : 10);
	const ticks = columns.map((column) => (column.sorted.length ? ticksOf(column, bottom - top) : []));
	const side = (k) => clamp(30 + 6.5 * Math.max(0, ...(ticks[k] || []).map(({ text }) => text.length)), SIDE, Math.max(104, room * 0.16));
	const left = side(0), right = side(last), width = Math.max(room, left + right + GAP * last), gap = (width - left - right) / Math.max(1, last);
	const axes = columns.map((column, k) => {
		const isLeft = k === 0 && last > 0, letters = Math.max(5, ((isLeft ? left : k < last ? gap : right) - 12) / 6);
		return { column, x: last ? left + k * gap : width / 2, ticks: ticks[k], isLeft, letters, places: placesOf(column, order, top, bottom) };
	});
	return { room, axes, path: pathOf(axes), width, height, top, bottom, gap, nameWidth: clamp(gap - 4, GAP - 4, 2 * SIDE) };
}

/** Return the layout while an axis is dragged to x: it takes the slot that is nearest, the others close up. */
export function withAxisAt(layout, slots, column, x) {
	const to = slots.reduce((best, at, k) => (Math.abs(at - x) < Math.abs(slots[best] - x) ? k : best), 0);
	const [dragged, others] = [true, false].map((is) => layout.axes.filter((axis) => (axis.column === column) === is));
	const axes = others.toSpliced(to, 0, ...dragged).map((axis, k) => ({ ...axis, x: k === to ? x : slots[k] }));
	return { ...layout, axes, path: pathOf(axes) };
}

// A single axis has a piece of line on either side.
const pathOf = (axes) => (axes.length === 1 ? [-40, 40].map((by) => ({ ...axes[0], x: axes[0].x + by })) : axes);

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

export function lineAt({ path }, rows, x, y) {
	const k = path.findIndex((end) => end.x >= x), [a, b] = [path[k - 1], path[k]];
	return k > 0 ? pick(rows, a.x, a.places, b.x, b.places, x, y, 9) : -1;
}

/** Return the runs that meet at a place of an axis, {rows, key, place}, or null where fewer than two do; `last`: the one before. */
export function bundleAt({ axes }, rows, x, y, last) {
	const { column, places } = axes.find((axis) => Math.abs(axis.x - x) <= 6) || {};
	if (!column) return null;
	const near = rows.reduce((best, row) => (Math.abs(places[row] - y) < Math.abs(places[best] - y) ? row : best), rows[0]);
	if (!(Math.abs(places[near] - y) <= 7)) return null;
	const { data, name, label, levels } = column, value = data[near], isPlace = levels || isNaN(value);
	const key = name + (isPlace ? value : places[near]);
	if (last?.key === key) return last;
	const met = rows.filter((row) => (isPlace ? Object.is(data[row], value) : Math.abs(places[row] - places[near]) <= 1));
	return met.length > 1 ? { rows: met, key, place: `${label}: ${isNaN(value) ? "missing" : valueText(column, near)}` } : null;
}
