// The logic of the parallel coordinates, under Node's own runner: node --test tests/js/parallel.test.mjs
import assert from "node:assert/strict";
import { test } from "node:test";

import * as module from "../../src/homerun/charts/parallel/parallel.js";

const { default: widget, parallel, readColumn, scaleOf, numberText, valueText, linearTicks, logTicks, ticksOf, rampColor } = module;
const { bestFirst, quantiles, median, placesOf, pick, passing, merged, steppedRange, plainBrush, readBrush } = module;
const { shortRange, pandasQuery, whereFilter, sweepYaml } = module;

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
	const texts = [0, 1, 0.001, 0.0001, 1e-9, 1e12, 123456, 99999, -0.00025, 0.30000000000000004].map((v) => numberText(v));
	assert.deepEqual(texts, ["0", "1", "0.001", "1e-4", "1e-9", "1e12", "1.235e5", "100000", "-2.5e-4", "0.3"]);
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

test("keys move a brush along its axis and no further", () => {
	const lr = number("lr", [0, 10]), arch = category("arch", ["a", "b", "c"], [0, 1, 2]);
	for (const column of [lr, arch]) placesOf(column, [0], 0, 100);
	const rounded = (range) => range.map((v) => Math.round(v * 1e6) / 1e6);
	assert.deepEqual(rounded(steppedRange(lr, undefined, 1, false)), [0, 1]);
	assert.deepEqual(rounded(steppedRange(lr, undefined, -1, false)), [9, 10]);
	assert.deepEqual(rounded(steppedRange(lr, [0, 1], 1, false)), [1, 2]);
	assert.deepEqual(rounded(steppedRange(lr, [0, 1], 1, true)), [0, 2]);
	assert.deepEqual(rounded(steppedRange(lr, [9, 10], 1, false)), [9, 10]);
	assert.deepEqual(steppedRange(arch, undefined, -1, false), [2, 2]);
	assert.deepEqual(steppedRange(arch, [0, 0], 1, false), [1, 1]);
	assert.deepEqual(steppedRange(arch, [1, 1], 1, true), [1, 2]);
	assert.deepEqual(steppedRange(arch, [1, 2], -1, true), [1, 1]);
	assert.deepEqual(steppedRange(arch, [0, 0], -1, false), [0, 0]);
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
	assert.equal(whereFilter([[number("x", [1, null]), brush([], true)]], ["r1", "r2"]), "id in ['r1', 'r2']");
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

test("colours run from the first stop to the last", () => {
	assert.deepEqual([0, 0.5, 1, 2].map((t) => rampColor(["#000000", "#ff8000"], t)), ["#000000", "#804000", "#ff8000", "#ff8000"]);
});

test("the module is one for pages and one for notebooks", () => {
	assert.equal(typeof parallel, "function");
	assert.deepEqual(Object.keys(widget), ["render"]);
});
