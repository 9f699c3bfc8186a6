// The chart as a widget of notebooks: anywidget calls render.
import { h } from "./dom.js";
import { parallel } from "./parallel.js";

function render({ model, el }) {
	const options = { height: model.get("height") }, chart = parallel(el, model.get("document"), options), stops = [];
	let ours = false, waiting = 0; // what we set ourselves is no news from Python
	const tell = () => {
		const news = { selected: chart.selected(), brushes: chart.state().brushes, pinned: chart.pinned() };
		ours = true;
		for (const [name, value] of Object.entries(news)) if (JSON.stringify(model.get(name)) !== JSON.stringify(value)) model.set(name, value);
		ours = false;
		model.save_changes();
	};
	const later = () => (clearTimeout(waiting), (waiting = setTimeout(tell, 60)));
	const pinRows = (rows) => chart.setState({ pins: rows.map((row) => model.get("document").ids?.[row] ?? row) });
	const setHeight = (height) => {
		options.height = height;
		chart.setState({});
	};
	const uses = {
		document: chart.setDocument, selected: chart.select, brushes: (brushes) => chart.setState({ brushes }),
		pinned: pinRows, height: setHeight,
	};
	el.append(h("style", {}, `#${model.get("hides")}{display:none!important}`)); // of a saved notebook, as long as the chart lives
	chart.setState({ brushes: model.get("brushes") || {} });
	pinRows(model.get("pinned") || []);
	for (const [name, use] of Object.entries(uses)) {
		const listener = () => ours || use(model.get(name));
		model.on(`change:${name}`, listener);
		stops.push(() => model.off(`change:${name}`, listener));
	}
	chart.on("select", later).on("pin", later);
	tell();
	return () => (clearTimeout(waiting), stops.forEach((stop) => stop()), chart.destroy());
}

export default { render };
