// The elements of axes: name, menu, line, ticks and brushes.
import { elide, h, inTwoLines } from "./dom.js";
import { menuButton } from "./menu.js";

/** Return the element of an axis; remark: what stands beside its menu, none: the name of the place of runs without a value. */
export function axisNode({ column, ticks, isLeft, letters }, { top, bottom, height, nameWidth }, { remark, none, itemsOf, onDrag }) {
	const { name, label, missing } = column, what = `axis ${label}: left and right move it, up and down brush`;
	const handle = h("button.name", { "aria-label": what, title: label, onpointerdown: onDrag }, inTwoLines(label, Math.floor(nameWidth / 7.6)));
	const more = menuButton("button.more", `${remark} \u25be`, itemsOf, { "aria-label": `menu of ${label}` });
	const tick = (text, y, what = "div.tick") => h(what, { title: text, style: `top:${y}px` }, elide(text, letters));
	return h(isLeft ? "div.axis pc-left" : "div.axis", { "data-pc-axis": name, style: `height:${height}px` },
		h("header", { style: `width:${nameWidth}px` }, handle, more), h("i", { style: `height:${bottom - top}px` }),
		...ticks.map(({ at, text }) => tick(text, bottom - at * (bottom - top))), missing ? tick(none, bottom + 20, "div.tick pc-none") : "", h("div"));
}

/** Show what is brushed on an axis, from where to where. */
export function showSpans(node, spans) {
	node.lastChild.replaceChildren(...spans.map(([top, end]) => h("div.brush", { style: `top:${top}px;height:${end - top}px` })));
}

/** Return what stands on axes, as a picture needs it: labels [text, box] of so many letters, and the boxes of brushes. */
export function drawnAxes(axes, letters) {
	const origin = axes.getBoundingClientRect(), find = (selector) => [...axes.querySelectorAll(selector)];
	const boxOf = (node) => {
		const { x, y, width, height } = node.getBoundingClientRect();
		return { x: x - origin.x, y: y - origin.y, width, height };
	};
	const text = (node) => (node.matches(".pc-name") ? elide(node.title, letters) : node.textContent.replace("\u25be", "").trim());
	const labels = find(".pc-tick, .pc-name, .pc-more").map((node) => [text(node), boxOf(node)]);
	return { labels: labels.filter(([text]) => text), brushes: find(".pc-brush").map(boxOf) };
}
