// The lines of runs on canvases. A scene is {layout, colors, look}; a pen is {strokeStyle, globalAlpha, lineWidth, dash}.
import { FAILED, PINS } from "./colors.js";
import { clamp } from "./columns.js";
import { h } from "./dom.js";

const SEGMENTS = 5000; // pieces of lines in one frame
const MANY = 400, BLOCKS = 32, BATCH = 16; // of many lines those in a block may change places, to batch lines of one colour

/** Yield [pen, rows] for the strokes of rows[from..to), the last first, so that the best end on top. */
export function* strokesOf({ colors: { bins, palette }, look }, rows, { from = 0, to = rows.length, isGrey, isFine } = {}) {
	const isMany = rows.length > MANY, size = isMany ? Math.ceil(rows.length / BLOCKS) : 1, binOf = (row) => (isGrey ? 0 : bins[row]);
	const globalAlpha = clamp((isGrey ? 7 : 15) / Math.sqrt(rows.length), isGrey ? 0.06 : 0.16, 0.9);
	const lineWidth = isMany || isFine ? 1 : 1.4; // lines of one pixel are drawn twenty times as fast as wider ones
	for (let stop = to; stop > from; stop -= size) {
		const block = rows.slice(Math.max(from, stop - size), stop).sort((a, b) => binOf(a) - binOf(b));
		for (let end = block.length, start; end > 0; end = start) {
			const bin = binOf(block[end - 1]);
			for (start = end - 1; start > 0 && end - start < BATCH && binOf(block[start - 1]) === bin; ) start--;
			const strokeStyle = isGrey ? look.grid : palette[bin], dash = bin === FAILED ? [5, 3] : [];
			yield [{ strokeStyle, globalAlpha, lineWidth, dash }, block.slice(start, end)];
		}
	}
}

/** Return the strokes of a line that stands out. */
export function boldStrokesOf({ look }, row, color) {
	const pens = [[0.8, 8, look.paper], [1, 4.5, look.ink], [1, 2.5, color]];
	return pens.map(([globalAlpha, lineWidth, strokeStyle]) => [{ strokeStyle, globalAlpha, lineWidth, dash: [] }, [row]]);
}

export const pinStrokesOf = (scene, pinned) => pinned.flatMap((row, k) => boldStrokesOf(scene, row, PINS[k]));

function paint(context, { layout: { path } }, strokes) {
	for (const [pen, rows] of strokes) {
		Object.assign(context, pen).setLineDash(pen.dash);
		context.beginPath();
		for (const row of rows) path.forEach(({ x, places }, k) => (k ? context.lineTo(x, places[row]) : context.moveTo(x, places[row])));
		context.stroke();
	}
}

/** Return {nodes, resize, draw, drawOver, stop}: canvases for grey lines, coloured ones, and what is pointed at or pinned. */
export function lineCanvases() {
	const contexts = ["back", "front", "spare", "over"].map((name) => h(`canvas.${name}`, { "aria-hidden": true }).getContext("2d"));
	let [back, front, spare, over] = contexts, greyPath, size, jobs, frame;
	const wipe = (context) => context.clearRect(0, 0, ...size), stop = () => cancelAnimationFrame(frame);

	function resize({ width, height }) {
		const ratio = devicePixelRatio;
		size = [width, height];
		for (const context of contexts) {
			Object.assign(context.canvas, { width: Math.round(width * ratio), height: Math.round(height * ratio) });
			context.scale(ratio, ratio);
			context.lineJoin = "round";
		}
	}

	// At once as many lines as fit into a frame, the best ones; then all of them, over some frames, on a spare canvas that
	// takes the place of the first when it is done. Last the grey lines, for the next brush. In a drag the first alone.
	function draw(scene, rows, all, isDragged) {
		const { path } = scene.layout, isPaper = matchMedia("print").matches, isGreyOld = greyPath !== path; // on paper there is no next frame
		const quota = isPaper ? all.length : Math.ceil(SEGMENTS / Math.max(1, path.length - 1)), first = isDragged ? quota >> 1 : quota;
		wipe(front);
		paint(front, scene, strokesOf(scene, rows, { to: Math.min(rows.length, first), isFine: isDragged }));
		if (isGreyOld) wipe(back);
		jobs = first < rows.length ? [{ context: spare, rows, at: rows.length }] : [];
		if (isGreyOld) jobs.push({ context: back, rows: all, at: all.length, isGrey: true });
		stop();
		if (!isDragged) frame = requestAnimationFrame(() => proceed(scene, quota));
	}

	function proceed(scene, quota) {
		const { context, rows, at, isGrey } = jobs[0] || {};
		if (!context) return;
		frame = requestAnimationFrame(() => proceed(scene, quota));
		if (at === rows.length) wipe(context);
		const from = (jobs[0].at = Math.max(0, at - quota));
		paint(context, scene, strokesOf(scene, rows, { from, to: at, isGrey }));
		if (from) return;
		jobs.shift();
		if (isGrey) return (greyPath = scene.layout.path);
		[front, spare] = [spare, front];
		front.canvas.className = "pc-front";
		spare.canvas.className = "pc-spare";
	}

	function drawOver(scene, strokes) {
		wipe(over);
		paint(over, scene, strokes);
	}

	return { nodes: contexts.map((context) => context.canvas), resize, draw, drawOver, stop };
}
