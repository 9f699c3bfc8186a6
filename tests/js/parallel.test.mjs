// The logic of the parallel coordinates, under Node's own runner: node --test tests/js/parallel.test.mjs
import assert from "node:assert/strict";
import { test } from "node:test";

const room = new URL("../../src/homerun/charts/parallel/", import.meta.url);
const part = (name) => import(new URL(`${name}.js`, room));
const { linearTicks, logTicks, readColumn, scaleOf, numberText, valueText, ticksOf, bestFirst, quantiles, median } = await part("columns");
const { colorsOf, rampColor } = await part("colors");
const { bundleAt, layoutOf, lineAt, pick, placesOf, withAxisAt } = await part("layout");
const { merged, passing, plainBrush, pulled, readBrush, spansOf, stepped } = await part("brushes");
const { shortRange, pandasQuery, whereFilter, sweepYaml } = await part("selection");
const { inTwoLines } = await part("dom");
const { strokesOf } = await part("lines");
const { toSVG } = await part("picture");
const { firstView, plainView, readRuns, setView } = await part("runs");
const { parallel } = await part("parallel"), { default: widget } = await part("widget");

const number = (name, values, more = {}) => readColumn({ name, role: "config", kind: "number", values, ...more }, values.length);
const category = (name, levels, codes, more = {}) => readColumn({ name, role: "config", kind: "category", levels, codes, types: "string", ...more }, codes.length);
const brush = (ranges, missing = false) => ({ ranges, missing });
const close = (a, b) => assert.ok(Math.abs(a - b) <= 1e-9 * Math.max(1, Math.abs(b)), `${a} is not ${b}`);

test("a column knows its range and what is missing", () => {
	const column = number("lr", [0.1, null, 0.001, undefined, 0.1], { log: true, odd: { 1: "inf" } });
	assert.deepEqual([column.lo, column.hi, column.missing, column.log], [0.001, 0.1, 2, true]);
	assert.deepEqual(column.few, [0.001, 0.1]);
	assert.deepEqual([0, 1, 3].map((row) => valueText(column, row)), ["0.1", "inf", "missing"]);
	assert.equal(number("x", [0, 1], { log: true }).log, false);
	const empty = number("x", [null, null]);
	assert.deepEqual([empty.lo, empty.hi, empty.missing], [0, 1, 2]);
	assert.equal(number("x", []).missing, 0);
});

test("scales go there and back", () => {
	for (const raw of [{}, { flip: true }, { log: true }, { log: true, flip: true }]) {
		const column = number("x", [1e-9, 3, 1e12], raw), { to, from } = scaleOf(column);
		assert.deepEqual([to(1e-9), to(1e12)].map(Math.round), raw.flip ? [1, 0] : [0, 1]);
		for (const value of [1e-9, 3, 1e12]) close(to(from(to(value))), to(value));
	}
	const lr = scaleOf(number("lr", [1e-4, 1e-2], { log: true }));
	close(lr.to(1e-3), 0.5);
});

test("a constant lies in the middle and can be brushed around", () => {
	for (const [value, log] of [[0, false], [5, false], [-3, false], [7, true]]) {
		const { to, from } = scaleOf(number("x", [value, value], { log }));
		close(to(value), 0.5);
		assert.ok(from(0.4) < value && from(0.6) > value);
	}
});

test("levels have their places, and each place its level", () => {
	for (const flip of [false, true]) {
		const { to, from } = scaleOf(category("arch", ["a", "b", "c", "d"], [0, 1, 2, 3], { flip }));
		assert.deepEqual([0, 1, 2, 3].map((code) => from(to(code))), [0, 1, 2, 3]);
		assert.deepEqual([from(0), from(1)], flip ? [3, 0] : [0, 3]);
	}
});

test("numbers are short", () => {
	const texts = [0, 1, 0.001, 0.0001, 0.00001, 9.5e-6, 1e12, 123456, 99999, -0.00025, 0.30000000000000004].map((v) => numberText(v));
	assert.deepEqual(texts, ["0", "1", "0.001", "0.0001", "0.00001", "9.5e-6", "1e12", "1.235e5", "100000", "-0.00025", "0.3"]);
	assert.equal(valueText(number("n", [28590666]), 0), "28590666");
});

test("ticks are round and inside", () => {
	assert.deepEqual(linearTicks(0, 1, 5), [0, 0.2, 0.4, 0.6, 0.8, 1]);
	assert.deepEqual(linearTicks(3, 9, 20, true), [3, 4, 5, 6, 7, 8, 9]);
	assert.deepEqual(logTicks(1e-4, 1e-1, 5), [1e-4, 1e-3, 1e-2, 1e-1]);
	assert.deepEqual(logTicks(1, 10, 8), [1, 2, 5, 10]);
	assert.ok(logTicks(1e-9, 1e12, 7).length <= 8);
	assert.ok(logTicks(0.04, 0.05, 6).length >= 3);
	for (const [lo, hi] of [[1e-9, 1.1e-9], [-5, 1e12], [0.1, 0.10001]]) {
		const ticks = linearTicks(lo, hi, 6);
		assert.ok(ticks.length >= 2 && ticks.length <= 13 && ticks.every((v) => v >= lo - 1e-12 * hi && v <= hi * 1.000001), `${ticks}`);
	}
});

test("ticks of an axis: the values themselves where there are few, thinned where there are many", () => {
	assert.deepEqual(ticksOf(number("lr", [0.008, 0.01, 0.008]), 300).map((tick) => tick.text), ["0.008", "0.01"]);
	const many = category("m", Array.from({ length: 60 }, (_, k) => `model ${k}`), Array.from({ length: 60 }, (_, k) => k));
	const ticks = ticksOf(many, 300);
	assert.ok(ticks.length > 10 && ticks.length <= 22);
	ticks.slice(1).forEach((tick, k) => assert.ok((tick.at - ticks[k].at) * 300 >= 14));
	assert.deepEqual(ticksOf(number("x", [null, null]), 300), []);
	const texts = ticksOf(number("n", Array.from({ length: 20 }, (_, k) => 1e6 + k)), 300).map((tick) => tick.text);
	assert.equal(new Set(texts).size, texts.length);
});

test("the best come first and the missing last", () => {
	const { data } = number("error", [0.3, null, 0.1, 0.2, 0.1]);
	assert.deepEqual(bestFirst(data, "minimize"), [2, 4, 3, 0, 1]);
	assert.deepEqual(bestFirst(data, "maximize"), [0, 3, 2, 4, 1]);
});

test("quantiles share the place of equal values", () => {
	assert.deepEqual([...quantiles(Float64Array.of(5, NaN, 1, 5, 9))], [0.5, NaN, 0, 0.5, 1]);
	assert.deepEqual([...quantiles(Float64Array.of(2, 2))], [0.5, 0.5]);
});

test("brushes: several ranges on several axes, levels and the missing", () => {
	const lr = number("lr", [1, 2, 3, 4, 5, null]), arch = category("arch", ["a", "b", "c"], [0, 1, 2, null, 1, 1]);
	const rows = (...brushed) => [...passing(brushed, 6)].flatMap((ok, row) => (ok ? [row] : []));
	assert.deepEqual(rows(), [0, 1, 2, 3, 4, 5]);
	assert.deepEqual(rows([lr, brush([[1, 2], [4, 9]])]), [0, 1, 3, 4]);
	assert.deepEqual(rows([lr, brush([[1, 2]], true)], [arch, brush([[1, 1]])]), [1, 5]);
	assert.deepEqual(rows([arch, brush([], true)]), [3]);
	assert.deepEqual(merged([[5, 3], [1, 2], [4, 8]]), [[1, 2], [3, 8]]);
	assert.deepEqual(merged([[0, 1], [2, 2], [4, 5]], 1), [[0, 2], [4, 5]]);
});

test("picking takes the nearest line, and only of the given rows", () => {
	const left = Float32Array.of(0, 50, 100), right = Float32Array.of(100, 50, 0);
	assert.equal(pick([0, 1, 2], 0, left, 100, right, 25, 26, 9), 0);
	assert.equal(pick([1, 2], 0, left, 100, right, 25, 26, 9), -1);
	assert.equal(pick([0, 1, 2], 0, left, 100, right, 75, 24, 9), 2);
	assert.equal(pick([2, 1, 0], 0, left, 100, right, 50, 50, 9), 2); // of lines that cross the better one
	assert.equal(pick([], 0, left, 100, right, 50, 50, 9), -1);
	// A steep line is as near as it looks: 30 px below on the vertical, but 3 px beside.
	assert.equal(pick([0], 0, Float32Array.of(0), 10, Float32Array.of(100), 8, 50, 9), 0);
});

test("lines of a level are spread by rank, those without a value lie below the axis", () => {
	const arch = category("arch", ["a", "b"], [0, 0, 1, null, 0]), ys = placesOf(arch, [4, 2, 0, 1, 3], 0, 200);
	assert.ok(ys[4] < ys[0] && ys[0] < ys[1]);
	close(ys[0], 150);
	close(ys[2], 50);
	close(ys[3], 220);
	assert.deepEqual([...placesOf(number("x", [0, 10, 5, null]), [0, 1, 2, 3], 0, 100)], [100, 0, 50, 120]);
	assert.deepEqual([...placesOf(number("x", [null, null]), [1, 0], 0, 100)], [126, 114]);
});

test("brushes become plain JSON and come back", () => {
	const arch = category("arch", ["a", "b", "c", "d"], [0, 1, 2, 3]), lr = number("lr", [1, 2]);
	assert.deepEqual(plainBrush(arch, brush([[0, 1], [3, 3]])), { levels: ["a", "b", "d"], missing: false });
	assert.deepEqual(readBrush(arch, { levels: ["d", "gone", "a", "b"] }), brush([[0, 1], [3, 3]]));
	assert.deepEqual(readBrush(lr, { ranges: [[2, 1]], missing: true }), brush([[1, 2]], true));
	assert.deepEqual(readBrush(lr, plainBrush(lr, brush([[1, 2]]))), brush([[1, 2]]));
});

const ENDS = { top: 60, bottom: 360 };
const near = (ranges) => ranges.map((range) => range.map((value) => Math.round(value * 1e6) / 1e6));

test("keys move a brush along its axis and no further", () => {
	const lr = number("lr", [0, 10]), arch = category("arch", ["a", "b", "c"], [0, 1, 2]);
	const step = (column, ranges, up, isExtended) => near([stepped(column, { ranges }, up, isExtended, ENDS)])[0];
	assert.deepEqual(step(lr, [], 1), [0, 1]);
	assert.deepEqual(step(lr, [], -1), [9, 10]);
	assert.deepEqual(step(lr, [[0, 1]], 1), [1, 2]);
	assert.deepEqual(step(lr, [[0, 1]], 1, true), [0, 2]);
	assert.deepEqual(step(lr, [[0, 2]], -1, true), [0, 1]);
	assert.deepEqual(step(lr, [[0, 1]], -1, true), [0, 1]);
	assert.deepEqual(step(lr, [[9, 10]], 1), [9, 10]);
	assert.deepEqual(step(number("x", [0, 10], { flip: true }), [], 1), [9, 10]);
	assert.deepEqual(step(arch, [], -1), [2, 2]);
	assert.deepEqual(step(arch, [[0, 0]], 1), [1, 1]);
	assert.deepEqual(step(arch, [[1, 1]], 1, true), [1, 2]);
	assert.deepEqual(step(arch, [[1, 2]], -1, true), [1, 1]);
	assert.deepEqual(step(arch, [[0, 0]], -1), [0, 0]);
	const many = category("m", Array.from({ length: 60 }, (_, k) => `m${k}`), [0]);
	for (let k = 0, range = [0, 0]; k < 59; k++) assert.deepEqual((range = step(many, [range], 1)), [k + 1, k + 1]);
});

test("a drag makes a brush, adds one, moves one, pulls an edge, clears it", () => {
	const x = number("x", [0, 30, null]), none = { ranges: [], missing: false }, ten = { ranges: [[10, 20]], missing: false };
	const drag = (brush, y, to, adds) => {
		const { ranges, missing } = pulled(x, brush, y, adds, ENDS).to(to);
		return [near(ranges), missing];
	};
	assert.deepEqual(drag(none, 160, 260), [[[10, 20]], false]);
	assert.deepEqual(drag(none, 260, 160), [[[10, 20]], false]);
	assert.deepEqual(drag(ten, 70, 90), [[[27, 29]], false]);
	assert.deepEqual(drag(ten, 70, 90, true), [[[10, 20], [27, 29]], false]);
	assert.deepEqual(drag(ten, 210, 220), [[[9, 19]], false]);
	assert.deepEqual(drag(ten, 210, 900), [[[0, 10]], false]);
	assert.deepEqual(drag(ten, 161, 111), [[[10, 25]], false]);
	assert.deepEqual(drag(ten, 259, 279), [[[8, 20]], false]);
	assert.deepEqual(drag(none, 340, 380), [[[0, 2]], true]);
	assert.deepEqual(drag(none, 385, 375), [[], true]);
	const click = (brush, y, adds) => pulled(x, brush, y, adds, ENDS).click();
	assert.deepEqual(click(ten, 210), none);
	assert.deepEqual(click(ten, 90), none);
	assert.deepEqual(click(ten, 380, true), { ...ten, missing: true });
	assert.deepEqual(click({ ...ten, missing: true }, 380, true), ten);
	const arch = category("arch", ["a", "b", "c"], [0, 1, 2]);
	assert.deepEqual(pulled(arch, none, 200, false, ENDS).to(220).ranges, [[1, 1]]);
	assert.deepEqual(pulled(arch, { ranges: [[1, 1]] }, 210, false, ENDS).to(310).ranges, [[0, 0]]);
	assert.deepEqual(spansOf(arch, { ranges: [[1, 2]], missing: true }, ENDS), [[61, 259], [368, 392]]);
});

test("a bundle has a median", () => {
	const metric = number("error", [0.4, 0.1, 0.2, null]);
	assert.equal(median([1, 2, 0, 3], metric), 0.2);
	close(median([1, 2], metric), 0.15);
	assert.ok(Number.isNaN(median([3], metric)));
});

test("bounds are as short as can be and keep the same runs", () => {
	const lr = number("lr", [1e-4, 1e-3, 1e-2, 1e-1]);
	assert.deepEqual(shortRange(lr, [3e-4, 2e-2]), [0.001, 0.01]);
	assert.deepEqual(shortRange(lr, [0, 0.05]), [null, 0.01]);
	assert.deepEqual(shortRange(lr, [0, 1]), [null, null]);
	const values = Array.from({ length: 300 }, (_, k) => Math.sin(k * k) * 10 ** (k % 5));
	const column = number("x", values);
	for (const [a, b] of [[-3, 2], [0.01, 0.02], [-1e4, -0.5], [12.345, 678.9]]) {
		const [low, high] = shortRange(column, [a, b]);
		assert.deepEqual(values.filter((v) => (low === null || v >= low) && (high === null || v <= high)), values.filter((v) => v >= a && v <= b));
	}
});

test("the selection as a query of pandas", () => {
	const arch = category("arch", ["convnext_tiny", "it's", "c"], [0, 1, 2]), lr = number("lr", [1e-4, 1e-3, 1e-2]);
	assert.equal(pandasQuery([[arch, brush([[0, 0]])], [lr, brush([[5e-4, 5e-3]])]]), "arch == 'convnext_tiny' and 0.001 <= lr <= 0.001");
	assert.equal(pandasQuery([[arch, brush([[0, 1]])]]), "arch in ['convnext_tiny', 'it\\'s']");
	assert.equal(pandasQuery([[number("my lr", [1, 2, 3]), brush([[0, 1], [3, 4]])]]), "(`my lr` <= 1 or `my lr` >= 3)");
	assert.equal(pandasQuery([[number("class", [1, null]), brush([], true)]]), "`class` != `class`");
	assert.equal(pandasQuery([[number("x", [1, null], { odd: { 1: "inf" } }), brush([], true)]]), "not (-1e999 < x < 1e999)");
	const flag = category("flag", ["False", "True"], [0, 1], { types: "boolean" });
	assert.equal(pandasQuery([[flag, brush([[1, 1]])]]), "flag == True");
	assert.equal(pandasQuery([[category("n", ["8", "16"], [0, 1], { types: "number" }), brush([[0, 1]])]]), "n in [8, 16]");
	assert.equal(pandasQuery([]), "");
});

test("the selection as a filter of our commands", () => {
	const arch = category("model.arch", ["a", "it's", `"b"`], [0, 1, 2]);
	assert.equal(whereFilter([[arch, brush([[0, 2]])]]), `model.arch in ['a', "it's", '"b"']`);
	assert.equal(whereFilter([[category("flag", ["false", "true"], [0, 1], { types: "boolean" }), brush([[1, 1]])]]), "flag == true");
	assert.equal(whereFilter([[number("not", [1, 2]), brush([[2, 3]])]]), "`not` >= 2");
	const x = number("x", [1, 2, null]), odd = number("x", [1, 2, null, null], { odd: { 3: "-inf" } });
	assert.equal(whereFilter([[x, brush([], true)]], ["r1", "r2"]), "x == null");
	assert.equal(whereFilter([[x, brush([[0, 1]], true)]]), "(x <= 1 or x == null)");
	assert.equal(whereFilter([[x, brush([[0, 3]])]]), "x != null");
	assert.equal(whereFilter([[odd, brush([[0, 3]])]]), "1 <= x <= 2");
	assert.equal(whereFilter([[odd, brush([], true)]]), "(x == null or not (-1e999 < x < 1e999))");
	assert.equal(whereFilter([[category("q", [`'"`], [0]), brush([[0, 0]])]], ["r1"]), "id in ['r1']");
});

test("the selection as parameters of the next sweep", () => {
	const columns = [
		category("arch", ["a", "true", "x y"], [0, 1, 2, 0]), number("lr", [1e-5, 1e-4, 1e-3, 1e-2], { log: true }),
		number("depth", [2, 4, 8, 16], { log: true, integer: true }), number("drop", [0, 1, 2, 3]), number("wd", [0.1, 0.1, 0.1, 0.1]),
		category("flag", ["False", "True"], [0, 1, 1, 1], { types: "boolean" }), number("error", [4, 3, 2, 1], { role: "metric" }),
		number("gone", [null, null, null, null]),
	];
	const brushes = new Map([["lr", brush([[5e-5, 5e-3]])]]);
	assert.equal(
		sweepYaml(columns, brushes, [1, 2]),
		`parameters:
  arch:
    values: ["true", "x y"]
  lr:
    distribution: log_uniform_values
    min: 0.0001
    max: 0.001
  depth:
    distribution: q_log_uniform_values
    min: 4
    max: 8
  drop:
    min: 1.0
    max: 2.0
  wd:
    value: 0.1
  flag:
    value: true
`,
	);
	assert.match(sweepYaml([number("lr", [1e-7, 1])], new Map(), [0, 1]), /min: 1\.0e-7/);
	assert.equal(sweepYaml([], new Map(), [0]), "parameters: {}\n");
});

const DOCUMENT = {
	count: 4, metric: "error", goal: "minimize", ids: ["a", "b", "c", "d"], names: ["A", "B", "C", "D"],
	states: { levels: ["failed", "finished"], codes: [1, 1, 1, 0] },
	columns: [
		{ name: "lr", role: "config", shown: true, values: [1, 2, 3, 4] }, { name: "depth", role: "config", shown: false, values: [1, 1, 2, 2] },
		{ name: "error", role: "metric", shown: true, flip: true, values: [0.3, 0.1, 0.2, null] },
	],
};
const names = (columns) => columns.map(({ name }) => name);

test("a document is read, and what the reader chose comes back from JSON", () => {
	const runs = readRuns(DOCUMENT), view = firstView(runs);
	assert.deepEqual([runs.order, runs.failed], [[1, 2, 0, 3], [false, false, false, true]]);
	assert.deepEqual([names(view.shown), view.color.name, view.sort.column.name], [["lr", "error"], "error", "error"]);
	const state = {
		order: ["depth", "lr", "error"], hidden: [], flips: ["lr"], logs: ["depth"], color: "lr", byValue: true,
		brushes: { lr: { ranges: [[1, 2]], missing: false } }, pins: ["c"], sort: { name: "lr", down: true },
	};
	setView(runs, view, { ...state, order: ["gone", ...state.order], brushes: { ...state.brushes, gone: {} }, pins: ["gone", "c"] });
	assert.deepEqual(plainView(runs, view), state);
	assert.deepEqual([view.pinned, names(view.shown)], [[2], ["depth", "lr", "error"]]);
	setView(runs, view, { order: ["lr", "error"], hidden: ["depth"] });
	assert.deepEqual(plainView(runs, view).order, ["lr", "error"]);
});

test("colours go by rank with the best at the end of the ramp; runs without a value and failed ones have their own", () => {
	const runs = readRuns(DOCUMENT), look = { ramp: ["#000000", "#ffffff"], muted: "#777777" };
	const { bins, palette, legend } = colorsOf(runs, runs.metric, look), colors = Array.from(bins, (bin) => palette[bin]);
	assert.deepEqual(colors.slice(0, 2), ["#000000", "#ffffff"]);
	assert.deepEqual(legend.map(([before, colors, after]) => [before, colors.length, after]), [["error: 0.3", 24, "0.1 best"], ["", 1, "1 failed or crashed"]]);
	const level = readColumn({ name: "arch", levels: ["x", "y"], codes: [0, 1, null, 1] }, 4);
	assert.deepEqual(colorsOf(runs, level, look).legend.map(([, , text]) => text), ["x", "y", "no arch", "1 failed or crashed"]);
	assert.deepEqual(colorsOf(readRuns({ count: 0, columns: [] }), undefined, look).legend, []);
});

test("axes stand side by side, and one that is dragged passes others", () => {
	const columns = ["a", "b", "c"].map((name) => number(name, [0, 1]));
	const layout = layoutOf(columns, [0, 1], 600, 400), [left, middle, right] = layout.axes.map(({ x }) => x);
	assert.equal(layout.width, 600);
	close(middle - left, right - middle);
	const moved = withAxisAt(layout, [left, middle, right], columns[0], middle + 30);
	assert.deepEqual(moved.axes.map(({ column, x }) => [column.name, x]), [["b", left], ["a", middle + 30], ["c", right]]);
	assert.deepEqual(layout.axes.map(({ column }) => column.name), ["a", "b", "c"]);
	const [one] = layoutOf(columns.slice(0, 1), [0, 1], 600, 400).axes, { path } = layoutOf(columns.slice(0, 1), [0, 1], 600, 400);
	assert.deepEqual([one.x, ...path.map(({ x }) => x)], [300, 260, 340]);
	assert.ok(layoutOf(Array(20).fill(columns[0]), [0, 1], 600, 400).width > 1000);
});

test("under a point lies a line, or a bundle where lines meet", () => {
	const columns = [number("x", [0, 10, 10, null]), category("arch", ["a", "b"], [0, 0, 1, 1])];
	const rows = Int32Array.of(0, 1, 2, 3), layout = layoutOf(columns, [0, 1, 2, 3], 600, 400), [x, arch] = layout.axes;
	assert.equal(lineAt(layout, rows, (x.x + arch.x) / 2, (x.places[2] + arch.places[2]) / 2), 2);
	assert.equal(lineAt(layout, rows, 2, 100), -1);
	const bundle = bundleAt(layout, rows, arch.x + 3, arch.places[0] + 3);
	assert.deepEqual([[...bundle.rows], bundle.place], [[0, 1], "arch: a"]);
	assert.equal(bundleAt(layout, rows, arch.x, arch.places[1], bundle), bundle);
	assert.deepEqual([...bundleAt(layout, rows, x.x, x.places[1]).rows], [1, 2]);
	assert.equal(bundleAt(layout, rows, x.x, x.places[3]), null);
	assert.equal(bundleAt(layout, rows, x.x + 20, x.places[1]), null);
});

test("many lines of few colours take few strokes, and each line is in one of them", () => {
	const count = 10000, bins = Uint8Array.from({ length: count }, (_, row) => (row * 7919) % 5), palette = "abcde";
	const rows = Int32Array.from({ length: count }, (_, row) => row), scene = { colors: { bins, palette }, look: { grid: "grey" } };
	const strokes = [...strokesOf(scene, rows)];
	assert.ok(strokes.length < 1000, `${strokes.length}`);
	assert.deepEqual(strokes.flatMap(([, rows]) => [...rows]).sort((a, b) => a - b), [...rows]);
	for (const [{ strokeStyle }, some] of strokes) assert.ok(some.length <= 16 && some.every((row) => palette[bins[row]] === strokeStyle));
	const few = [...strokesOf(scene, rows.slice(0, 50))];
	assert.deepEqual(few.map(([, rows]) => [...rows]), Array.from({ length: 50 }, (_, k) => [49 - k]));
	assert.deepEqual(new Set([...strokesOf(scene, rows, { isGrey: true })].map(([pen]) => pen.strokeStyle)), new Set(["grey"]));
});

test("colours go by value if asked, as far apart as on the axis", () => {
	const values = [1, 10, 1000, 1000], look = { ramp: ["#000000", "#ffffff"], muted: "#777777" };
	const of = (more, byValue) => {
		const column = { name: "lr", shown: true, values, ...more }, runs = readRuns({ count: 4, columns: [column] });
		return [...colorsOf(runs, runs.columns[0], look, byValue).bins];
	};
	assert.deepEqual(of({}, false), [0, 8, 19, 19]);
	assert.deepEqual(of({}, true), [0, 0, 23, 23]);
	assert.deepEqual(of({ log: true }, true), [0, 8, 23, 23]);
	assert.deepEqual(of({ log: true, flip: true }, true), [0, 8, 23, 23]); // which end is up does not matter
});

test("a long name keeps its start and its end", () => {
	const plain = (text) => text.replaceAll("\u200b", "");
	assert.equal(inTwoLines("learning_rate", 9), "learning_\u200brate");
	assert.equal(inTwoLines("lr", 8), "lr");
	for (const name of ["optimizer.parameters.group_zero.learning_rate", "x".repeat(60), "a b.c"]) {
		const text = plain(inTwoLines(name, 12));
		assert.ok(text.length <= 24 && text.at(-1) === name.at(-1) && text[0] === name[0], text);
	}
	const [zero, one] = ["zero", "one"].map((which) => plain(inTwoLines(`optimizer.parameters.group_${which}.learning_rate`, 12)));
	assert.match(zero, /^opt\u2026.*zero.learning_rate$/);
	assert.notEqual(zero, one);
});

test("colours run from the first stop to the last", () => {
	assert.deepEqual([0, 0.5, 1, 2].map((t) => rampColor(["#000000", "#ff8000"], t)), ["#000000", "#804000", "#ff8000", "#ff8000"]);
});

test("a picture has all lines in few elements, and says what its colours mean", () => {
	const count = 10000, values = Array.from({ length: count }, (_, row) => (row * 7919) % count), codes = values.map((value) => value % 5);
	const columns = [{ name: "x", shown: true, values }, { name: "arch", shown: true, levels: [..."abcd", "</svg>"], codes }];
	const names = values.map((value) => `run ${value}`), runs = readRuns({ count, columns, names, goal: "minimize" });
	const layout = layoutOf(runs.columns, runs.order, 600, 400), look = { ramp: ["#000000", "#ffffff"], paper: "#fff", grid: "#ddd" };
	const labels = [["a < b\u0000", { x: 1, y: 2, width: 3, height: 4 }]], rows = Int32Array.from(runs.order.slice(10));
	for (const column of runs.columns) {
		const colors = colorsOf(runs, column, look), scene = { layout, colors, look };
		const svg = toSVG({ title: "t", legend: [...colors.legend, ["", ["#123456"], "pinned"]], scene, rows, behind: runs.order, pinned: [5], labels, brushes: [] });
		assert.equal(svg.match(/M/g).length, count - 10 + count + 3);
		assert.ok(svg.match(/<path /g).length < 2000, `${svg.match(/<path /g).length} paths`);
		assert.equal(svg.match(/<g /g).length + 1, svg.match(/<\/g>/g).length + svg.match(/<\/svg>/g).length);
		const texts = [...svg.matchAll(/<text[^>]*>([^<]*)</g)].map(([, text]) => text);
		const words = column.levels ? ["a", "b", "c", "d", "&#60;/svg&#62;"] : ["x: 0", "9999"];
		for (const word of ["t", "a &#60; b", "pinned", ...words]) assert.ok(texts.includes(word), `${word} in ${texts}`);
	}
});

test("the module is one for pages and one for notebooks", () => {
	assert.equal(typeof parallel, "function");
	assert.deepEqual(Object.keys(widget), ["render"]);
});
