// Reads {columns, count, ids, ref, cases: [brushes]} and writes for each case the rows and the texts of the selection.
import { readFileSync } from "node:fs";

import { passing, readBrush } from "../../src/homerun/charts/parallel/brushes.js";
import { readColumn } from "../../src/homerun/charts/parallel/columns.js";
import { listCommand, pandasQuery, sweepYaml, whereFilter } from "../../src/homerun/charts/parallel/selection.js";

const { columns, count, ids, ref = "", cases } = JSON.parse(readFileSync(0, "utf8"));
const all = columns.map((raw) => readColumn(raw, count));
const results = cases.map((brushes) => {
	const brushed = Object.entries(brushes).map(([name, brush]) => {
		const column = all.find((other) => other.name === name);
		return [column, readBrush(column, brush)];
	});
	const pass = passing(brushed, count), rows = [...pass.keys()].filter((row) => pass[row]);
	const byName = new Map(brushed.map(([column, brush]) => [column.name, brush]));
	const where = whereFilter(brushed, rows.map((row) => ids[row]));
	return { rows, query: pandasQuery(brushed), where, command: listCommand(ref, where), yaml: sweepYaml(all, byName, rows) };
});
console.log(JSON.stringify(results));
