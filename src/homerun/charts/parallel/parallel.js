// Parallel coordinates of the runs of a sweep; docs/architecture.md tells how to use the chart.
import { axisNode, drawnAxes, showSpans } from "./axes.js";
import { passing, pulled, spansOf, stepped } from "./brushes.js";
import { ACCENT, DARK, LIGHT, PINS, colorsOf } from "./colors.js";
import { clamp, valueText } from "./columns.js";
import { button, copyNote, dot, download, h, isDark, watch } from "./dom.js";
import { HEAD, bundleAt, layoutOf, lineAt, withAxisAt } from "./layout.js";
import { boldStrokesOf, lineCanvases, pinStrokesOf, strokesOf } from "./lines.js";
import { menuButton } from "./menu.js";
import { toPNG, toSVG } from "./picture.js";
import { firstView, plainView, readRuns, setView } from "./runs.js";
import { listCommand, pandasQuery, sweepYaml, whereFilter } from "./selection.js";
import { ROW, comparison, runTable, tipOf } from "./table.js";

const MAX_BUNDLE = 240; // lines that stand out together

/** Draw a chart document into an element, and return the chart. */
export function parallel(element, doc, options = {}) {
	let runs, view, look, colors, layout, nodes; // nodes: the elements of the axes, by column
	let active, listed = []; // the rows that are brushed in, best first; the same as the table sorts them
	let hovered = -1, bundle = null, drag = null, offset = [0, 0], listing, refresh;
	const listeners = {}, end = new AbortController();

	// ---- parts

	const title = h("b.title"), count = h("span.count"), legend = h("div.legend"), caption = h("div.caption"), pins = h("div.pins");
	const clearing = button("button.clear", "Clear", clear, { "aria-label": "clear all brushes" });
	const color = h("select.color", { "aria-label": "colour by", onchange: colorBy });
	const copied = h("div.copied", { role: "status" }), tip = h("div.tip", { role: "tooltip" }), live = h("div.live", { "aria-live": "polite" });
	const lines = lineCanvases(), axes = h("div"), plot = h("div.plot", {
		"aria-label": "parallel coordinates: up and down move over runs, Enter pins, Escape clears", tabindex: 0, role: "application",
		onpointermove: pointerMoves, onpointerdown: pointerDown, onpointerup: pointerUp, onpointercancel: pointerUp,
		onpointerleave: (e) => !drag && e.pointerType !== "touch" && highlight(-1), onblur: () => highlight(-1),
	}, ...lines.nodes, axes);
	const rowAt = (event) => Number(event.target.closest(".pc-row")?.dataset.row ?? -1);
	const table = runTable((sort) => ((view.sort = sort), showTable(), changed()), {
		onpointerover: (e) => highlight(rowAt(e)), onpointerleave: () => highlight(-1), onblur: () => highlight(-1), onclick: (e) => pin(rowAt(e)),
	});
	const head = h("div.head", {}, title, count, clearing, color, menuButton("button.add", "Axis +", addItems),
		menuButton("button.copy", "Copy \u25be", copyItems), menuButton("button.export", "Export \u25be", exportItems));
	const sizes = `--head:${HEAD}px;--row:${ROW}px;--accent:${ACCENT}`, scroll = h("div.scroll", {}, plot);
	const root = h("div.root", { "data-lm-suppress-shortcuts": true, onkeydown: keyPressed, style: sizes },
		head, legend, scroll, caption, copied, pins, table.node, tip, live);

	// ---- the document and the state

	function load(document, state) {
		runs = readRuns(document);
		view = firstView(runs);
		[hovered, bundle] = [-1, null];
		title.textContent = runs.title;
		color.replaceChildren(...runs.columns.map(({ name, label }) => h("option", { value: name }, `Colour: ${label}`)));
		setState(state || {});
		clearInterval(refresh); // below: not under someone's hands
		const reload = () => drag || root.querySelector(".pc-menu") || location.reload();
		if (options.page && runs.refresh_s) refresh = setInterval(reload, runs.refresh_s * 1000);
	}

	function setState(given) {
		setView(runs, view, given);
		setTheme();
		showPins();
	}

	const emit = (event, value) => listeners[event]?.forEach((listener) => listener(value()));
	const state = () => plainView(runs, view), changed = () => emit("state", state);
	const selected = () => [...active.slice().sort()];

	// ---- looks and layout

	const lookNow = () => (isDark(root) ? DARK : LIGHT);

	function setTheme() {
		look = lookNow();
		for (const name of ["ink", "muted", "grid", "paper"]) root.style.setProperty(`--${name}`, look[name]);
		setColors();
		show();
	}

	function setColors() {
		colors = colorsOf(runs, view.color, look, view.byValue);
		color.value = view.color?.name;
		const gradient = (stops) => ({ role: "img", "aria-label": "to", style: `background:linear-gradient(90deg,${stops})` });
		const ramp = (stops) => h("span.ramp", { title: view.byValue ? "by value" : "equal shares of the runs", ...gradient(stops) });
		const item = ([before, stops, after]) => h("span", {}, before, stops.length > 1 ? ramp(stops) : dot(stops[0]), after);
		legend.replaceChildren(...colors.legend.map(item));
	}

	function colorBy() {
		view.color = runs.byName.get(color.value);
		setColors();
		redraw();
		table.showRows();
		changed();
	}

	function show() {
		layout = layoutOf(view.shown, runs.order, scroll.clientWidth, options.height || 420);
		plot.style.cssText = `width:${layout.width}px;height:${layout.height}px`;
		lines.resize(layout);
		nodes = new Map(layout.axes.map((axis) => [axis.column, axisOf(axis)]));
		axes.replaceChildren(...nodes.values(), runs.count ? "" : h("p.tick pc-none", { style: "left:45%;top:50%" }, "No runs yet"));
		placeAxes();
		showCaption();
		filter();
	}

	function showCaption() {
		const { columns, dropped, notes } = runs, more = columns.length - view.shown.length;
		const left = dropped.map(({ name, why }) => `${name} (${why})`).join(", ");
		const parts = [more && `${more} more column${more > 1 ? "s" : ""} under Axis +`, left && `Left out: ${left}`, ...notes];
		caption.textContent = parts.filter(Boolean).join(" \u00b7 ");
	}

	function axisOf(axis) {
		const { column } = axis, { metric, goal, failed } = runs, isMetric = column === metric;
		const better = isMetric ? [`better ${column.flip === (goal !== "maximize") ? "\u2191" : "\u2193"}`] : [];
		return axisNode(axis, layout, {
			remark: [...better, ...(column.log ? ["log"] : [])].join(" "), none: isMetric && failed.includes(true) ? "failed" : "missing",
			itemsOf: () => axisItems(column), onDrag: (e) => dragAxis(e, column),
		});
	}

	function placeAxes() {
		for (const { column, x } of layout.axes) nodes.get(column).style.left = `${x}px`;
	}

	function focusAxis(column) {
		(nodes.get(column)?.querySelector(".pc-name") || plot).focus();
	}

	const sceneNow = () => ({ layout, colors, look });

	function redraw() {
		lines.draw(sceneNow(), active, runs.order, drag?.hasMoved);
		showOver();
	}

	function showOver() {
		const scene = sceneNow(), color = colors.palette[colors.bins[hovered]], isLone = hovered >= 0 && !view.pinned.includes(hovered);
		lines.drawOver(scene, [
			...(bundle ? strokesOf(scene, bundle.rows.slice(0, MAX_BUNDLE)) : []), ...pinStrokesOf(scene, view.pinned),
			...(isLone ? boldStrokesOf(scene, hovered, color === look.muted ? look.ink : color) : []),
		]);
		root.classList.toggle("pc-dim", hovered >= 0 || Boolean(bundle));
	}

	// ---- brushes

	const brushOf = ({ name }) => view.brushes.get(name) || { ranges: [], missing: false };
	const brushed = () => [...view.brushes].map(([name, brush]) => [runs.byName.get(name), brush]);

	function filter() {
		const { brushes, chosen } = view, pass = passing(brushed(), runs.count);
		active = Int32Array.from(runs.order.filter((row) => pass[row] && (!chosen || chosen.has(row))));
		const isAll = active.length === runs.count, [some, all] = [active.length, runs.count].map((n) => n.toLocaleString("en"));
		root.classList.toggle("pc-brushed", !isAll);
		clearing.disabled = !(brushes.size || chosen);
		count.replaceChildren(h("b", {}, some), `${isAll ? "" : ` of ${all}`} run${runs.count === 1 ? "" : "s"}`);
		for (const [column, node] of nodes) showSpans(node, spansOf(column, brushOf(column), layout));
		redraw();
		clearTimeout(listing);
		listing = setTimeout(showTable, drag ? 90 : 0);
		emit("select", selected);
	}

	function setBrush({ name }, { ranges, missing = false }) {
		view.chosen = null;
		if (ranges.length || missing) view.brushes.set(name, { ranges, missing });
		else view.brushes.delete(name);
		filter();
	}

	// In place of what is brushed; null: all.
	function select(rows) {
		view.brushes.clear();
		view.chosen = rows && rows.length < runs.count ? new Set(rows) : null;
		filter();
	}

	function clear() {
		select(null);
		changed();
	}

	// ---- mouse and finger

	const columnAt = (event) => runs.byName.get(event.target.closest(".pc-axis")?.dataset.pcAxis);

	function pointOf(event) {
		const [inner, outer] = [plot, root].map((node) => node.getBoundingClientRect());
		offset = [inner.left - outer.left, inner.top - outer.top];
		return [event.clientX - inner.left, event.clientY - inner.top];
	}

	function startDrag(event, how) {
		drag = { ...how, start: pointOf(event) };
		plot.setPointerCapture(event.pointerId);
	}

	function pointerDown(event) {
		if (event.button || event.target.closest("header")) return;
		const column = columnAt(event);
		if (!column) {
			pointerMoves(event); // a finger has not been here before
			return startDrag(event, { click: () => pin(hovered) });
		}
		const brush = pulled(column, brushOf(column), pointOf(event)[1], event.shiftKey, layout);
		startDrag(event, { move: (_, y) => setBrush(column, brush.to(y)), drop: filter, click: () => setBrush(column, brush.click()) });
		event.preventDefault();
		highlight(-1);
	}

	function dragAxis(event, column) {
		const slots = layout.axes.map(({ x }) => x), move = (x) => {
			layout = withAxisAt(layout, slots, column, x);
			view.shown = layout.axes.map((axis) => axis.column);
			nodes.get(column).classList.add("pc-moving");
			placeAxes();
			redraw();
		};
		startDrag(event, { move, drop: show, click: () => focusAxis(column) });
	}

	function pointerMoves(event) {
		const [x, y] = pointOf(event), isInside = y > HEAD - 12;
		if (drag) {
			drag.hasMoved ||= Math.hypot(x - drag.start[0], y - drag.start[1]) > 3;
			return drag.hasMoved && drag.move?.(x, y);
		}
		const found = isInside ? bundleAt(layout, active, x, y, bundle) : null;
		highlight(isInside && !found ? lineAt(layout, active, x, y) : -1, found, [x, y]);
	}

	function pointerUp(event) {
		const done = drag;
		drag = null;
		if (done?.hasMoved) done.drop?.();
		else if (event.type === "pointerup") done?.click();
		if (done) changed();
	}

	// Whatever points at a run or a bundle: mouse, finger, key or table; with a place in the plot there are its values, too.
	function highlight(row, found = null, at = null) {
		if (row !== hovered || found?.key !== bundle?.key) {
			[hovered, bundle] = [row, found];
			showOver();
			table.mark(row);
			if (row >= 0 || bundle) tip.replaceChildren(...tipOf(runs, view.shown, row, bundle));
		}
		// Nothing is measured here, as that would lay out the page at every move: the shares move the tip by its own size.
		tip.style.visibility = at && (row >= 0 || bundle) ? "visible" : "hidden";
		if (!at) return;
		const x = offset[0] + at[0], isRight = x > layout.room / 2, share = clamp((100 * (at[1] - 20)) / (layout.height - 40), 0, 100);
		tip.style.transform = `translate(${x + (isRight ? -16 : 16)}px,${offset[1] + at[1]}px) translate(${isRight ? -100 : 0}%,${-share}%)`;
	}

	// ---- keys

	function keyPressed(event) {
		const { target } = event, rows = target === plot ? active : target === table.node && listed;
		const keys = target.matches(".pc-name") ? axisKeys(columnAt(event), event.shiftKey) : rows ? runKeys(rows) : {};
		const act = event.key === "Escape" ? escape : keys[event.key];
		if (!act) return;
		act();
		event.preventDefault();
		event.stopPropagation(); // notebooks have shortcuts of their own
	}

	function escape() {
		copied.replaceChildren();
		highlight(-1);
		if (view.pinned.length) setPins([]);
		else clear();
	}

	function axisKeys(column, isExtended) {
		const { shown } = view, at = shown.indexOf(column), key = (act) => () => {
			act();
			focusAxis(column);
			live.textContent = `${column.label} is axis ${shown.indexOf(column) + 1}; ${active.length} of ${runs.count} runs`;
			changed();
		};
		const shift = (by) => key(() => (shown.splice(clamp(at + by, 0, shown.length - 1), 0, ...shown.splice(at, 1)), show()));
		const brush = (up) => key(() => setBrush(column, { ranges: [stepped(column, brushOf(column), up, isExtended, layout)] }));
		const erase = key(() => setBrush(column, { ranges: [] }));
		return { ArrowLeft: shift(-1), ArrowRight: shift(1), ArrowUp: brush(1), ArrowDown: brush(-1), Delete: erase, Backspace: erase };
	}

	function runKeys(rows) {
		const step = (by) => () => {
			const row = rows[clamp(rows.indexOf(hovered) + by, 0, rows.length - 1)] ?? -1, { metric, names, order, count } = runs;
			highlight(row, null, [(layout.axes[0]?.x || 0) + 40, HEAD]);
			table.reveal(row);
			const value = metric ? `${metric.label} ${valueText(metric, row)}, ` : "";
			live.textContent = row < 0 ? "" : `${names[row]}, ${value}rank ${order.indexOf(row) + 1} of ${count}`;
		};
		return { ArrowDown: step(1), ArrowUp: step(-1), Home: step(-Infinity), End: step(Infinity), Enter: () => pin(hovered) };
	}

	// ---- pins and the table

	function pin(row) {
		const { pinned } = view;
		if (row >= 0) setPins(pinned.includes(row) ? pinned.filter((other) => other !== row) : [...pinned, row].slice(-2));
	}

	function setPins(rows) {
		view.pinned = rows;
		showPins();
		showOver();
		emit("pin", () => rows);
		changed();
	}

	function showPins() {
		const { pinned } = view, hint = pinned.length > 1 ? "What differs comes first. " : "Click a second run to compare. ";
		if (!pinned.length) return pins.replaceChildren();
		pins.replaceChildren(h("div.caption", {}, hint, button("button", "Unpin", () => setPins([]))), comparison(runs, pinned));
	}

	function showTable() {
		listed = table.show(runs, view, active, (row) => colors.palette[colors.bins[row]]);
	}

	// ---- what the menus offer

	const turned = (column, change) => () => (change(), setColors(), show(), focusAxis(column), changed());

	function axisItems(column) {
		const { shown, brushes } = view, hide = () => (brushes.delete(column.name), shown.splice(shown.indexOf(column), 1));
		const color = (byValue) => () => Object.assign(view, { color: column, byValue });
		return [
			["Flip", () => (column.flip = !column.flip)], [column.log ? "Linear scale" : "Log scale", () => (column.log = !column.log), !column.positive],
			[column.levels ? "Colour by this" : "Colour by rank", color(false)], ["Colour by value", color(true), Boolean(column.levels)], ["Hide", hide],
		].map(([text, change, isOff]) => [text, turned(column, change), isOff]);
	}

	function addItems() {
		const { shown } = view, others = runs.columns.filter((column) => !shown.includes(column));
		const items = others.map((column) => [column.label, turned(column, () => shown.splice(-1, 0, column))]);
		return items.length ? items : [["All columns are shown", null, true]];
	}

	function copyItems() {
		const query = pandasQuery(brushed()), where = whereFilter(brushed(), runs.ids ? Array.from(active, (row) => runs.ids[row]) : []);
		return [
			["pandas query", () => copyNote(copied, `df.query(${JSON.stringify(query)})`), !query],
			["Filter for homerun ls", () => copyNote(copied, listCommand(runs.ref, where)), !where],
			["Parameters of the next sweep", () => copyNote(copied, sweepYaml(runs.columns, view.brushes, active))],
		];
	}

	function exportItems() {
		const name = (runs.title || "runs").replace(/[^\w]+/g, "-");
		return [["PNG", async () => download(await chart.toPNG(), `${name}.png`)], ["SVG", () => download(chart.toSVG(), `${name}.svg`)]];
	}

	// What is on the screen.
	function picture() {
		const { pinned } = view, { title, names, count, order } = runs;
		return {
			title: `${title && title + " \u00b7 "}${active.length} of ${count} runs \u00b7 Colour: ${view.color?.label}`,
			legend: [...colors.legend, ...pinned.map((row, k) => ["", [PINS[k]], names[row]])],
			scene: sceneNow(), rows: active, behind: active.length < count ? order : [], pinned, ...drawnAxes(axes, layout.gap / 6),
		};
	}

	// ---- the chart

	function destroy() {
		end.abort();
		lines.stop();
		clearInterval(refresh);
		clearTimeout(listing);
		root.remove();
	}

	const chart = {
		select, selected, pinned: () => view.pinned, state, setState, toSVG: () => toSVG(picture()), toPNG: () => toPNG(picture()), destroy,
		setDocument: (next) => load(next, state()), on: (event, listener) => ((listeners[event] ||= []).push(listener), chart),
	};
	element.append(root);
	load(doc, (options.page && stateOfPage()) || options.state);
	watch(scroll, {
		onTheme: () => lookNow() !== look && setTheme(), onWidth: () => scroll.clientWidth !== layout.room && show(), signal: end.signal,
	});
	scroll.scrollLeft = layout.width; // the metric is in sight
	if (options.page) chart.on("state", (state) => history.replaceState(null, "", "#" + encodeURIComponent(JSON.stringify(state))));
	return chart;
}

function stateOfPage() {
	try {
		return JSON.parse(decodeURIComponent(location.hash.slice(1)));
	} catch {
		return null; // no state, or an anchor of someone else
	}
}
