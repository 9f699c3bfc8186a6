// Menus that open below a button.
import { clamp } from "./columns.js";
import { button, h } from "./dom.js";

/** Return a button that opens a menu of what itemsOf() returns: [text, act, isOff] each. */
export function menuButton(what, text, itemsOf, props) {
	let menu = null;
	const opener = button(what, text, () => {
		if (menu?.isConnected) return; // this click has closed it
		menu = menuOf(itemsOf());
		opener.closest(".pc-root").append(menu);
		opener.focus(); // which comes back here
		showBelow(opener, menu);
	}, { "aria-haspopup": "menu", ...props });
	return opener;
}

function menuOf(items) {
	const buttons = items.map(([text, act, isOff = false]) =>
		button("button", text, () => (menu.hidePopover(), act()), { role: "menuitem", disabled: isOff }));
	const search = ({ target }) => {
		for (const item of buttons) item.hidden = !item.textContent.toLowerCase().includes(target.value.toLowerCase());
	};
	const pressed = (event) => {
		if (event.key === "Tab") return menu.hidePopover(); // and on, from the button
		const by = { ArrowDown: 1, ArrowUp: -1 }[event.key], open = buttons.filter((item) => !item.hidden && !item.disabled);
		event.stopPropagation();
		if (!by || !open.length) return;
		event.preventDefault();
		open[(open.indexOf(event.target) + by + open.length) % open.length].focus();
	};
	const menu = h("div.menu", { role: "menu", popover: "auto", onkeydown: pressed }, ...buttons);
	if (items.length > 9) menu.prepend(h("input", { type: "search", placeholder: "Search", "aria-label": "search", oninput: search }));
	return menu;
}

// Above everything else of a notebook; Escape and a click elsewhere close it.
function showBelow(opener, menu) {
	menu.ontoggle = ({ newState }) => newState === "closed" && menu.remove();
	menu.showPopover();
	const { left, bottom } = opener.getBoundingClientRect();
	menu.style.left = `${clamp(left, 0, innerWidth - menu.offsetWidth)}px`;
	menu.style.top = `${clamp(bottom + 3, 0, innerHeight - menu.offsetHeight)}px`;
	menu.querySelector("input, :enabled")?.focus();
}
