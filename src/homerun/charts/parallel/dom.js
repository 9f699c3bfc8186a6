// Elements of the page, and what surrounds them.

/** Make an element, "div.menu" of class pc-menu; data goes into text and attributes only, never into HTML. */
export function h(what, props, ...children) {
	const [tag, kind] = what.split("."), node = document.createElement(tag);
	if (kind) node.className = `pc-${kind}`;
	for (const [key, value] of Object.entries(props || {}))
		if (typeof value === "function") node[key] = value;
		else if (value !== false) node.setAttribute(key, value);
	node.append(...children);
	return node;
}

export const button = (what, text, onclick, props) => h(what, { onclick, ...props }, text);
export const dot = (color) => h("span.dot", { style: `background:${color}` });
export const elide = (text, most, start = most / 3) => (text.length > most ? text.slice(0, start) + "\u2026" + text.slice(start - most) : text);

/** Return a name in two lines of so many letters: broken where parts of it meet, if it is too long anywhere, without most of its start. */
export function inTwoLines(name, letters) {
	const fits = new RegExp(`^(.{0,${letters - 1}}[ _./-])?.{0,${letters}}$`).test(name);
	return fits ? name.replace(/[_./-]/g, "$&\u200b") : [...elide(name, 2 * letters - 2, letters / 4)].join("\u200b");
}

/** Tell whether what surrounds a node is dark: a page, JupyterLab, VS Code, marimo, the system; paper never is. */
export function isDark(node) {
	const { dataset } = document.body, theme = (node.closest("[data-theme]") || document.body).dataset.theme || dataset.vscodeThemeKind;
	if (matchMedia("print").matches) return false;
	if (theme) return /dark|contrast$/.test(theme);
	if (dataset.jpThemeLight) return dataset.jpThemeLight === "false";
	return Boolean(node.closest(".dark")) || matchMedia("(prefers-color-scheme: dark)").matches;
}

/** Call back when the theme may have changed, or the width of a node, until the signal. */
export function watch(node, { onTheme, onWidth, signal }) {
	const sizes = new ResizeObserver(onWidth), themes = new MutationObserver(onTheme);
	sizes.observe(node);
	for (const other of [document.documentElement, document.body]) themes.observe(other, { attributes: true });
	for (const query of ["(prefers-color-scheme: dark)", "print"]) matchMedia(query).addEventListener("change", onTheme, { signal });
	signal.addEventListener("abort", () => (sizes.disconnect(), themes.disconnect()));
}

/** Copy a text, and show it in a node. */
export function copyNote(node, text) {
	const shown = h("pre", {}, text);
	node.replaceChildren(shown);
	getSelection().selectAllChildren(shown);
	const isDone = document.execCommand("copy"); // navigator.clipboard is missing in frames and on plain http
	node.prepend(isDone ? "Copied " : "To copy ", button("button", "Close", () => node.replaceChildren()));
}

/** Let the reader keep content as a file. */
export function download(content, name) {
	const href = URL.createObjectURL(new Blob([content]));
	h("a", { href, download: name }).click();
	setTimeout(() => URL.revokeObjectURL(href), 10000);
}
