// Runs as tables of their values: those that are brushed in, the one or the bundle under the mouse, two that are compared.
import { PINS } from "./colors.js";
import { bestFirst, clamp, median, numberText, valueText } from "./columns.js";
import { button, dot, h, inTwoLines } from "./dom.js";

export const ROW = 26; // px
const IN_SIGHT = 22; // rows

/** Return {node, show, showRows, mark, reveal}; `events` are those of the node, onSort is told {column, down} when a head is clicked. */
export function runTable(onSort, events) {
	let rows = [], body, lineOf, marked = -1;
	const node = h("div.table", { tabindex: 0, onscroll: showRows, ...events });

	/** Show runs as the view sorts them, and return them in this order. */
	function show(runs, { shown, sort: { column, down } }, active, colorOf) {
		const columns = [...shown].sort((a, b) => (b === runs.metric) - (a === runs.metric)); // the metric is in sight
		const letters = Math.max(12, Math.floor((node.clientWidth * 0.8) / columns.length / 7.6) - 3);
		rows = column ? bestFirst(column.data, down ? "maximize" : "minimize", active) : byName(runs, active, down);
		const head = (by) => {
			const name = by?.label || "run", style = by ? "" : "width:max(170px,15vw)";
			const [order, mark] = by !== column ? ["none", ""] : down ? ["descending", " \u25be"] : ["ascending", " \u25b4"];
			const sort = () => {
				onSort({ column: by, down: by === column && !down });
				node.querySelector("[aria-sort$=ending] button").focus(); // the heads are new
			};
			const label = button("button", inTwoLines(name, letters) + mark, sort, { title: name });
			return h(by && !by.levels ? "th.number" : "th", { "aria-sort": order, style }, label);
		};
		const cell = (text, what, ...before) => h(what, { title: text }, ...before, text);
		lineOf = (row, index) => h("tr.row", { "data-row": row, "aria-rowindex": index + 2 }, cell(runs.names[row], "td", dot(colorOf(row))),
			...columns.map((column) => cell(valueText(column, row), column.levels ? "td" : "td.number")));
		body = h("tbody");
		const props = { "aria-label": "runs", "aria-rowcount": rows.length + 1, style: `min-width:${170 + 110 * columns.length}px` };
		node.replaceChildren(h("table", props, h("thead", {}, h("tr", {}, ...[undefined, ...columns].map(head))), body));
		showRows();
		return rows;
	}

	// Only the rows in sight are there: 20,000 runs scroll like twenty.
	function showRows() {
		const first = clamp(Math.floor(node.scrollTop / ROW) - 4, 0, Math.max(0, rows.length - IN_SIGHT)), some = rows.slice(first, first + IN_SIGHT);
		const space = (rows) => h("tr", { "aria-hidden": true, style: `height:${rows * ROW}px` });
		body?.replaceChildren(space(first), ...some.map((row, k) => lineOf(row, first + k)), space(rows.length - first - some.length));
		mark(marked);
	}

	function mark(row) {
		marked = row;
		for (const line of body?.children || []) line.classList.toggle("pc-on", Number(line.dataset.row) === row);
	}

	/** Scroll to a row, just as far as needed. */
	function reveal(row) {
		const top = rows.indexOf(row) * ROW;
		node.scrollTop = clamp(node.scrollTop, top + 2 * ROW - node.clientHeight, top);
	}

	return { node, show, showRows, mark, reveal };
}

const byName = ({ names }, rows, down) => [...rows].sort((a, b) => names[a].localeCompare(names[b], "en", { numeric: true }) * (down ? -1 : 1));
const tableRow = (cells) => h("tr", {}, ...cells.map((cell) => h("td", {}, cell)));

/** Return what the tooltip says of a run, or of a bundle of runs. */
export function tipOf({ metric, names, status }, columns, hovered, bundle) {
	const row = bundle ? bundle.rows[0] : hovered, lines = [];
	if (bundle) lines.push(["runs", bundle.rows.length], ["best run", names[row]]);
	if (bundle && metric && !isNaN(metric.data[row])) lines.push([`median ${metric.label}`, numberText(median(bundle.rows, metric))]);
	if (status[row] && status[row] !== "finished") lines.push(["state", status[row]]);
	for (const column of [...columns].reverse()) lines.push([(bundle && column === metric ? "best " : "") + column.label, valueText(column, row)]);
	return [h("b", {}, bundle ? bundle.place : names[row]), h("table", {}, ...lines.map(tableRow))];
}

/** Return a table of one or two runs, what differs first. */
export function comparison({ columns, names }, rows) {
	const lines = columns.map((column) => [column.label, ...rows.map((row) => valueText(column, row))]), isSame = ([, a, b]) => a === b;
	const same = h("tbody.same", {}, ...lines.filter(isSame).map(tableRow)), others = lines.filter((line) => !isSame(line)).map(tableRow);
	return h("table", {}, tableRow(["", ...rows.map((row, k) => h("b", {}, dot(PINS[k]), names[row]))]), ...others, same);
}
