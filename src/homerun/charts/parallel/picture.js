// The chart as a picture of {title, legend, scene, rows, behind, pinned, labels, brushes}: labels are [text, box], brushes
// boxes, {x, y, width, height} in px of the plot.
import { ACCENT } from "./colors.js";
import { h } from "./dom.js";
import { pinStrokesOf, strokesOf } from "./lines.js";

const MANY_LINES = 1000; // lines broader than a dot take long to draw
const LETTER = 6.2, LINE = 18; // px; a letter is about so wide

const px = (number) => +number.toFixed(1);
const safe = (text) => text.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt()};`).replace(/[\0-\x08\x0b\x0c\x0e-\x1f]/g, "");
const textAt = (text, x, y) => `<text x="${px(x)}" y="${px(y)}">${safe(text)}</text>`;
const filled = ({ x, y, width, height }, color, alpha = 1) =>
	`<rect x="${px(x)}" y="${px(y)}" width="${px(width)}" height="${px(height)}" fill="${color}" fill-opacity="${alpha}"/>`;

/** Return the picture as SVG; a stroke is one path, so that all lines are there in few elements. */
export function toSVG({ title, legend, scene, rows, behind, pinned, labels, brushes }) {
	const { look, layout: { axes, path, width, height, top, bottom } } = scene, [words, band] = legendOf(legend, width);
	const line = (row) => path.map(({ x, places }, k) => `${k ? " " : "M"}${px(x)} ${px(places[row])}`).join("");
	const stroke = ([{ strokeStyle, globalAlpha, lineWidth, dash }, rows]) => {
		const pen = `stroke="${strokeStyle}" stroke-opacity="${+globalAlpha.toFixed(3)}" stroke-width="${lineWidth}" stroke-dasharray="${dash}"`;
		return `<path ${pen} d="${Array.from(rows, line).join("")}"/>`;
	};
	const strokes = [...strokesOf(scene, behind, { isGrey: true }), ...strokesOf(scene, rows), ...pinStrokesOf(scene, pinned)];
	const size = `width="${width}" height="${height + band}"`, font = 'font-family="system-ui,sans-serif" font-size="11"';
	return [
		`<svg xmlns="http://www.w3.org/2000/svg" ${size} ${font} fill="${look.ink}">`,
		filled({ x: 0, y: 0, width, height: height + band }, look.paper), textAt(title, 8, 16), ...words, `<g transform="translate(0 ${band})">`,
		'<g fill="none">', ...strokes.map(stroke), "</g>",
		...axes.map(({ x }) => filled({ x: x - 0.5, y: top, width: 1, height: bottom - top }, look.muted)),
		...brushes.map((box) => filled(box, ACCENT, 0.4)),
		...labels.flatMap(([text, box]) => [filled(box, look.paper, 0.7), textAt(text, box.x + 2, box.y + box.height - 3)]), "</g></svg>",
	].join("\n");
}

// The elements of a legend, in as many lines as it needs, and the y below it.
function legendOf(legend, width) {
	let x = 8, y = 16 + LINE;
	const items = legend.map(([before, colors, after]) => {
		const step = colors.length > 1 ? 5 : 10, start = before.length * LETTER, end = start + colors.length * step + 6;
		const room = end + after.length * LETTER + 14;
		const swatch = (color, k) => filled({ x: start + k * step, y: -9, width: step + 0.3, height: 10 }, color);
		if (x > 8 && x + room > width) [x, y] = [8, y + LINE];
		x += room;
		return `<g transform="translate(${px(x - room)} ${y})">${textAt(before, 0, 0)}${colors.map(swatch).join("")}${textAt(after, end, 0)}</g>`;
	});
	return [items, (items.length ? y : 16) + 8];
}

/** Return the picture as PNG with two dots a px, of many lines with one, or as many as the screen has. */
export async function toPNG(picture) {
	const url = URL.createObjectURL(new Blob([toSVG(picture)], { type: "image/svg+xml" })), image = new Image();
	const ratio = Math.max(picture.rows.length > MANY_LINES ? 1 : 2, devicePixelRatio);
	image.src = url;
	await image.decode();
	const { width, height } = image, canvas = h("canvas", { width: width * ratio, height: height * ratio });
	canvas.getContext("2d").drawImage(image, 0, 0, width * ratio, height * ratio);
	URL.revokeObjectURL(url);
	return new Promise((done) => canvas.toBlob(done));
}
