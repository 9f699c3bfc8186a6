// The runs of a chart document, and what the reader chose to see of them. A row is the number of a run.
import { plainBrush, readBrush } from "./brushes.js";
import { bestFirst, readColumn } from "./columns.js";

/** Return a document (document.py tells its keys) ready for use; order: rows from the best to the worst. */
export function readRuns(doc) {
	const { count, states, ids, goal } = doc, columns = doc.columns.map((raw) => readColumn(raw, count)), rows = [...Array(count).keys()];
	const byName = new Map(columns.map((column) => [column.name, column])), metric = byName.get(doc.metric);
	const status = rows.map((row) => states?.levels[states.codes[row]]);
	const isFailed = (row) => /failed|crashed/.test(status[row]) && !(metric && metric.data[row] === metric.data[row]);
	const order = metric ? bestFirst(metric.data, goal) : rows;
	return { ...doc, columns, byName, metric, status, failed: rows.map(isFailed), keys: ids || rows, order };
}

/** Return what is seen at first: {shown, brushes, chosen, pinned, sort, color, byValue}; chosen: rows in place of brushes. */
export function firstView({ columns, byName, metric, goal, color }) {
	const sort = { column: metric, down: Boolean(metric) && goal === "maximize" }, shown = columns.filter((column) => column.shown);
	return { shown, brushes: new Map(), chosen: null, pinned: [], sort, color: byName.get(color) || metric || columns[0], byValue: false };
}

/** Return a view as JSON, by names and ids. */
export function plainView({ columns, byName, keys }, { shown, brushes, pinned, sort, color, byValue }) {
	const names = (test, from = columns) => from.filter(test).map(({ name }) => name);
	return {
		order: names(() => true, shown), hidden: names((column) => column.shown && !shown.includes(column)),
		flips: names(({ flip }) => flip), logs: names(({ log }) => log), color: color?.name, byValue,
		brushes: Object.fromEntries([...brushes].map(([name, brush]) => [name, plainBrush(byName.get(name), brush)])),
		pins: pinned.map((row) => keys[row]), sort: { name: sort.column?.name, down: sort.down },
	};
}

/** Make a view what JSON says; what the runs do not have (any more) is passed over. */
export function setView({ columns, byName, keys }, view, { order, hidden = [], flips, logs, color, byValue, brushes, pins, sort }) {
	if (order) {
		const kept = [...new Set(order)].map((name) => byName.get(name)).filter(Boolean);
		const added = view.shown.filter(({ name }) => !order.includes(name) && !hidden.includes(name));
		view.shown = [...kept.slice(0, -1), ...added, ...kept.slice(-1)];
	}
	for (const column of columns) {
		if (flips) column.flip = flips.includes(column.name);
		if (logs) column.log = column.positive && logs.includes(column.name);
	}
	if (byName.has(color)) view.color = byName.get(color);
	view.byValue = byValue ?? view.byValue;
	if (brushes) {
		const known = Object.entries(brushes).filter(([name]) => byName.has(name));
		view.brushes = new Map(known.map(([name, brush]) => [name, readBrush(byName.get(name), brush)]));
	}
	if (pins) view.pinned = pins.map((pin) => keys.indexOf(pin)).filter((row) => row >= 0).slice(0, 2);
	if (sort) view.sort = { column: byName.get(sort.name), down: sort.down };
}
