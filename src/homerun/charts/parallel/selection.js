// The selection as text: a query of pandas, a filter of our commands, parameters of the next sweep.
import { ascending } from "./columns.js";
import { levelsIn } from "./brushes.js";

const PYTHON = "and as assert async await break class continue def del elif else except finally for from global if import in is lambda";
const KEYWORDS = `${PYTHON} nonlocal not or pass raise return try while with yield true false null none`.split(" ");
// NaN is not equal to itself, which every engine of pandas knows; 1e999 is infinity.
const unbounded = (name) => `not (-1e999 < ${name} < 1e999)`, hasInfinity = ({ odd }) => Object.values(odd).some((what) => /inf/.test(what));
const PANDAS = {
	name: /^[A-Za-z_]\w*$/, yes: "True", no: "False", known: (name) => `${name} == ${name}`,
	missing: (name, isOdd) => [isOdd ? unbounded(name) : `${name} != ${name}`],
};
const WHERE = {
	name: /^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*$/, yes: "true", no: "false", known: (name) => `${name} != null`,
	missing: (name, isOdd) => [`${name} == null`, ...(isOdd ? [unbounded(name)] : [])],
};

function levelText({ levels, types }, code, dialect) {
	const level = levels[code];
	if (types === "boolean") return /^true/i.test(level) ? dialect.yes : dialect.no;
	if (types === "number" || (types === "json" && dialect === WHERE)) return level;
	if (dialect === PANDAS) return `'${level.replace(/[\\']/g, "\\$&").replace(/\n/g, "\\n")}'`;
	return level.includes("'") ? `"${level}"` : `'${level}'`;
}

/** Return bounds as short as can be that let the same values of the column through; null where none is needed. */
export function shortRange(column, [a, b]) {
	const { sorted } = column, first = sorted.filter((v) => v < a).length, end = sorted.filter((v) => v <= b).length;
	const [low, high] = first < end ? [sorted[first], sorted[end - 1]] : [a, b];
	const isOpen = !hasInfinity(column); // else a lone bound would let infinity through
	const shortest = (value, fits) => [1, 2, 3, 4, 5, 6, 7].map((n) => Number(value.toPrecision(n))).find(fits) ?? value;
	return [
		isOpen && first === 0 ? null : shortest(low, (v) => v <= low && !(v <= sorted[first - 1])),
		isOpen && end === sorted.length ? null : shortest(high, (v) => v >= high && !(v >= sorted[end])),
	];
}

function conditionOf(column, { ranges, missing }, dialect) {
	const name = dialect.name.test(column.name) && !KEYWORDS.includes(column.name.toLowerCase()) ? column.name : `\`${column.name}\``;
	const inRange = ([low, high]) => (low === null ? `${name} <= ${high}` : high === null ? `${name} >= ${low}` : `${low} <= ${name} <= ${high}`);
	const bounds = column.levels ? [] : ranges.map((range) => shortRange(column, range)), isAll = bounds.some((ends) => ends.join() === ",");
	const levels = column.levels ? levelsIn(column, ranges).map((code) => levelText(column, code, dialect)) : [];
	const parts = isAll ? [dialect.known(name)] : bounds.map(inRange);
	if (levels.length) parts.push(levels.length > 1 ? `${name} in [${levels.join(", ")}]` : `${name} == ${levels}`);
	if (missing) parts.push(...dialect.missing(name, hasInfinity(column)));
	return parts.length > 1 ? `(${parts.join(" or ")})` : parts[0];
}

export const pandasQuery = (brushed) => brushed.map((pair) => conditionOf(...pair, PANDAS)).join(" and ");

/** Return a filter for `homerun ls --where`: by the runs' ids where its language cannot say it, as it has no escapes. */
export function whereFilter(brushed, ids = []) {
	const isUnsayable = brushed.some(([{ levels = [] }]) => levels.some((level) => /'[^]*"|"[^]*'/.test(level)));
	const byIds = `id in [${ids.map((id) => `'${id}'`).join(", ")}]`;
	if (isUnsayable && ids.length && byIds.length < 10000) return byIds;
	return brushed.map((pair) => conditionOf(...pair, WHERE)).join(" and ");
}

/** Return the filter as a command for a shell; ref: the sweep. */
export function listCommand(ref, filter) {
	return `homerun ls ${ref && ref + " "}--where "${filter.replace(/[\\"$`]/g, "\\$&")}"`;
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
