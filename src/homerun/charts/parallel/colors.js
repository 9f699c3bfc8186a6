// The colours of lines and what they mean. Palette and ramp are those of homerun.charts.colors.
import { clamp, numberText, quantiles, scaleOf } from "./columns.js";

const OKABE_ITO = "#0072b2 #d55e00 #009e73 #cc79a7 #e69f00 #56b4e9 #8c6d31 #f0e442".split(" ");
const CIVIDIS = "#00224e #2a3f6d #575d6d #7d7c78 #a59c74 #d2c060 #fee838".split(" ");
const SHADES = 24, NONE = SHADES; // bins; those of runs without a value
export const FAILED = SHADES + 1; // those of failed runs

// The end of the ramp that vanishes on the paper is left out; the best is the end that stands out.
export const LIGHT = { ink: "#1b1f24", muted: "#69727d", grid: "#d9dde2", paper: "#ffffff", ramp: CIVIDIS.slice(0, -1).reverse() };
export const DARK = { ink: "#e8eaed", muted: "#98a1ac", grid: "#3a4149", paper: "#15181c", ramp: CIVIDIS.slice(1) };
export const ACCENT = "#2f7fd1"; // of brushes
export const PINS = OKABE_ITO.slice(2, 4);

export function rampColor(stops, t) {
	const at = clamp(t, 0, 1) * (stops.length - 1), k = Math.min(stops.length - 2, Math.floor(at));
	const part = (stop, i) => parseInt(stop.slice(i, i + 2), 16), [a, b] = stops.slice(k);
	return "#" + [1, 3, 5].map((i) => Math.round(part(a, i) + (part(b, i) - part(a, i)) * (at - k)).toString(16).padStart(2, "0")).join("");
}

/** Return {bins, palette, legend}: each row's place in the palette, and what it means as [text, colours, text]. */
export function colorsOf({ count, failed, metric, goal }, column, { ramp, muted }, byValue) {
	const { levels, data = [], sorted = [] } = column || {}, isRanked = !levels || levels.length > OKABE_ITO.length;
	const isMetric = column === metric, isTurned = isMetric && goal !== "maximize";
	// By rank if not asked otherwise, so that one diverged run does not make all others alike.
	const places = byValue ? data.map(scaleOf({ ...column, flip: false }).to) : quantiles(data);
	const shade = (place) => Math.round((SHADES - 1) * (isNaN(place) ? 1 : isTurned ? 1 - place : place)); // NaN: the only one
	const binOf = (_, row) => (failed[row] ? FAILED : !(data[row] > -Infinity) ? NONE : isRanked ? shade(places[row]) : data[row]);
	const bins = Uint8Array.from({ length: count }, binOf), failures = failed.filter(Boolean).length;
	const palette = isRanked ? Array.from({ length: SHADES }, (_, k) => rampColor(ramp, k / (SHADES - 1))) : [...OKABE_ITO];
	const legend = isRanked ? [] : levels.map((level, code) => ["", [palette[code]], level]);
	if (isRanked && sorted.length > 1) {
		const ends = [column.lo, column.hi].map((value) => levels?.[value] ?? numberText(value)), [first, last] = isTurned ? ends.reverse() : ends;
		legend.push([`${column.label}: ${first}`, [...palette], last + (isMetric ? " best" : "")]);
	}
	[palette[NONE], palette[FAILED]] = [muted, OKABE_ITO[1]];
	if (column && bins.includes(NONE)) legend.push(["", [muted], `no ${column.label}`]);
	if (failures) legend.push(["", [OKABE_ITO[1]], `${failures} failed or crashed`]);
	return { bins, palette, legend };
}
