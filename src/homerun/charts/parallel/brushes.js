// Brushes: {ranges, missing} with ranges of values, or of the codes of levels. In plain JSON levels have their names.
import { clamp, scaleOf } from "./columns.js";

const isWithin = (ranges, value) => ranges.some(([a, b]) => value >= a && value <= b);
const ordered = ([a, b]) => (a < b ? [a, b] : [b, a]);
export const levelsIn = ({ levels }, ranges) => [...levels.keys()].filter((code) => isWithin(ranges, code));

/** Return a 1 for each row that all brushes, pairs of column and brush, let through. */
export function passing(brushed, count) {
	const pass = new Uint8Array(count).fill(1);
	for (const [{ data }, { ranges, missing }] of brushed)
		data.forEach((value, row) => (pass[row] &= isNaN(value) ? missing : isWithin(ranges, value)));
	return pass;
}

export function merged(ranges, apart = 0) {
	const result = [];
	for (const [a, b] of ranges.map(ordered).sort((p, q) => p[0] - q[0])) {
		const last = result.at(-1);
		if (last && a <= last[1] + apart) last[1] = Math.max(last[1], b);
		else result.push([a, b]);
	}
	return result;
}

export function plainBrush(column, { ranges, missing }) {
	return column.levels ? { levels: levelsIn(column, ranges).map((code) => column.levels[code]), missing } : { ranges, missing };
}

export function readBrush({ levels }, { ranges = [], levels: chosen = [], missing = false }) {
	const codes = levels && chosen.map((level) => levels.indexOf(level)).filter((code) => code >= 0);
	return { ranges: levels ? merged(codes.map((code) => [code, code]), 1) : merged(ranges), missing };
}

/** Return from where to where a brush lies on an axis from top to bottom, [y, y] each, in px. */
export function spansOf(column, { ranges, missing }, { top, bottom }) {
	const span = bottom - top, half = column.levels ? span / column.levels.length / 2 - 1 : 0, { to } = scaleOf(column);
	const y = (value) => clamp(bottom - span * to(value), top - 4, bottom + 4), slot = missing ? [[bottom + 8, bottom + 32]] : [];
	return [...ranges.map((range) => ordered(range.map(y))).map(([a, b]) => [a - half, b + half]), ...slot];
}

// The range of values from a to b px; edges lie so far beside levels.
function rangeOf(column, [a, b], { top, bottom }, inset) {
	const { from } = scaleOf(column), value = (px) => from(clamp((bottom - px) / (bottom - top), 0, 1));
	return ordered([value(a + inset), value(Math.max(a + inset, b - inset))]);
}

/** Return the range of a brush moved by a level or a tenth of the axis up (1) or down (-1), or only its upper edge. */
export function stepped(column, { ranges }, up, isExtended, ends) {
	const { top, bottom } = ends, { levels } = column, step = (bottom - top) / (levels?.length || 10), slack = levels ? 2 : 0;
	const [a, b] = spansOf(column, { ranges }, ends)[0] || (up > 0 ? [bottom, bottom + step] : [top - step, top]);
	const start = clamp(a - up * step, top, isExtended ? b + slack - step : bottom - (b - a));
	return rangeOf(column, [start, isExtended ? b : start + b - a], ends, levels ? step / 2 : 0);
}

/** Return what a drag from y does to a brush: to(y) and click() return the new one. What is hit there moves, or its edge. */
export function pulled(column, { ranges, missing }, y, adds, ends) {
	const { top, bottom } = ends, { levels } = column, spans = spansOf(column, { ranges }, ends);
	const hit = spans.findIndex(([a, b]) => y > a - 5 && y < b + 5), [a, b] = spans[hit] || [y, y], isNew = hit < 0;
	const others = isNew && !adds ? [] : ranges.filter((_, k) => k !== hit);
	const [pullsTop, pullsEnd] = isNew || b - y < 5 ? [0, 1] : y - a < 5 ? [1, 0] : [1, 1], isMoved = pullsTop && pullsEnd;
	const inset = !levels ? 0 : isMoved ? (bottom - top) / levels.length / 2 : 2;
	const brush = (ranges, missing) => ({ ranges: merged(ranges, levels ? 1 : 0), missing: Boolean(missing) });
	return {
		to(end) {
			const by = isMoved ? clamp(end - y, top - a, bottom - b) : end - y;
			const [start, stop] = ordered([a + by * pullsTop, b + by * pullsEnd]), reachesSlot = isNew && stop > bottom + 10;
			const reached = start > bottom ? [] : [rangeOf(column, [start, stop], ends, inset)];
			return brush([...others, ...reached], reachesSlot || (missing && (adds || !isNew)));
		},
		click: () => (y > bottom + 4 ? brush(adds ? ranges : [], column.missing && !missing) : brush(isNew ? [] : others, !isNew && missing)),
	};
}
