/* Which code: who waits for whom, the functions to blame, and where time goes by stack. */
const MATRIX = 14;

function heaviest(map, most) {
	const all = [...map].sort((a, b) => b[1] - a[1]);
	return {kept: all.slice(0, most).map((entry) => entry[0]), rest: all.length - Math.min(all.length, most)};
}

function tally(rows, key) {
	const map = new Map();
	for (const row of rows)
		map.set(key(row), (map.get(key(row)) || 0) + row.wait_ns);
	return map;
}

function placeTable(rows) {
	const places = new Map();
	for (const row of rows) {
		const key = row.place ? row.place.function + "\n" + row.place.file : "";
		const one = places.get(key) || {rows: [], wait_ns: 0, waits: 0, max_ns: 0, lines: new Map()};
		one.rows.push(row);
		one.wait_ns += row.wait_ns;
		one.waits += row.waits;
		one.max_ns = Math.max(one.max_ns, row.max_ns || 0);
		if (row.place)
			one.lines.set(row.place.line, (one.lines.get(row.place.line) || 0) + row.wait_ns);
		places.set(key, one);
	}
	return [...places.values()].sort(by((one) => one.wait_ns));
}

function blamedCode() {
	if (!data.blame.length)
		return el("p", {class: "card note"}, "Nobody waited for the lock, or this tier did not see it.");
	const whole = sum(data.blame, (row) => row.wait_ns) || 1;
	const rows = placeTable(data.blame);
	return el("div", {class: "card"}, rows.slice(0, 12).map((one, i) => {
		const heavy = [...one.rows].sort(by((row) => row.wait_ns))[0];
		const line = [...one.lines].sort((a, b) => b[1] - a[1])[0];
		const place = heavy.place && line ? {...heavy.place, line: line[0]} : heavy.place;
		const inner = heavy.stack[0];
		return el("details", {open: i === 0},
			el("summary", null, el("span", {class: "length"}, shareText(one.wait_ns / whole)),
				placeNode(place), el("span", {class: "dim"}, `${timeText(one.wait_ns)} in ${countText(one.waits)} stretches, longest ${timeText(one.max_ns)}`,
					inner && heavy.place && !sameFrame(inner, heavy.place) ? ` \u2014 inside it ${placeText(inner)}` : "")),
			stackNode(heavy.stack, heavy.place));
	}), rows.length > 12 ? el("p", {class: "note"}, `and ${rows.length - 12} more functions`) : null);
}

function matrix() {
	const waiters = heaviest(tally(data.blame, (row) => row.waiter_tid), MATRIX);
	const holders = heaviest(tally(data.blame, (row) => row.holder_tid), MATRIX);
	const cells = tally(data.blame, (row) => row.waiter_tid + " " + row.holder_tid);
	const most = Math.max(1, ...cells.values());
	const detail = el("div");

	function show(waiter, holder) {
		const rows = placeTable(data.blame.filter((row) => row.waiter_tid === waiter && row.holder_tid === holder));
		detail.replaceChildren(el("p", {class: "note"}, el("b", null, threadName(waiter)), " waited for ", el("b", null, threadName(holder)), ", which was in"),
			...rows.slice(0, 6).map((one) => el("details", null,
				el("summary", null, el("span", {class: "length"}, timeText(one.wait_ns)), placeNode(one.rows[0].place)), stackNode(one.rows[0].stack, one.rows[0].place))));
	}

	function cell(waiter, holder) {
		const ns = cells.get(waiter + " " + holder);
		if (!ns)
			return el("td", {class: "none"}, "\u00b7");
		return el("td", {style: {"--heat": 12 + 68 * ns / most + "%"}}, el("button", {type: "button",
			title: `${threadName(waiter)} waited ${timeText(ns)} for ${threadName(holder)}`, onclick: () => show(waiter, holder)}, timeText(ns)));
	}

	const rest = [waiters.rest ? `${waiters.rest} more waiters` : "", holders.rest ? `${holders.rest} more holders` : ""].filter(Boolean).join(" and ");
	return el("div", {class: "card"}, el("div", {class: "scroll"}, el("table", {class: "matrix"},
		el("thead", null, el("tr", null, el("th", {scope: "col"}, "waiter \u2193   holder \u2192"), holders.kept.map((tid) => el("th", {scope: "col"}, threadName(tid))))),
		el("tbody", null, waiters.kept.map((waiter) => el("tr", null, el("th", {scope: "row"}, threadName(waiter)), holders.kept.map((holder) => cell(waiter, holder))))))),
	rest ? el("p", {class: "note"}, `${rest} waited or held less; --format json has all.`) : null, detail);
}

/* Stacks as a tree from the outermost frame; siblings of one function and line are one. */
function tree(rows) {
	const root = {ns: 0, children: new Map(), frame: null, depth: 0};
	for (const row of rows) {
		let node = root;
		root.ns += row.ns;
		for (const frame of [...row.frames].reverse()) {
			const key = frame.function + "\n" + frame.file + "\n" + frame.line;
			if (!node.children.has(key))
				node.children.set(key, {ns: 0, children: new Map(), frame, depth: node.depth + 1, parent: node});
			node = node.children.get(key);
			node.ns += row.ns;
		}
	}
	return root;
}

function frameClass(frame) {
	const file = frame.file || "";
	if (frame.is_native)
		return "native";
	if (!file || file.startsWith("<frozen") || /\/lib(64)?\/python\d[^/]*\/(?!(site|dist)-packages\/)/.test(file))
		return "library";
	return /\/(site|dist)-packages\//.test(file) ? "package" : "own";
}

const FLAME_ROW = 20;

function flame(questions) {
	const box = el("div", {class: "flame"}), note = el("span", {class: "dim"});
	const choose = el("select", {"aria-label": "question", onchange: () => draw()}, questions.map((question, i) => el("option", {value: i}, question.title)));
	const reset = el("button", {type: "button", onclick: () => draw()}, "all");
	let root = null;

	function place(node, left, width, total, level) {
		if (width < 0.15)
			return level;
		let deepest = level;
		if (node.frame) {
			const text = placeText(node.frame), share = shareText(node.ns / total);
			box.append(el("button", {type: "button", class: frameClass(node.frame), "aria-label": `${text}, ${share}`,
				style: {left: left + "%", width: width + "%", top: (level - 1) * FLAME_ROW + "px"},
				onclick: () => draw(node),
				onpointermove: (event) => showTip(event.clientX, event.clientY, el("b", null, node.frame.function),
					el("div", null, node.frame.file ? node.frame.file + (node.frame.line ? ":" + node.frame.line : "") : ""), el("div", null, `${timeText(node.ns)}, ${share}`)),
				onpointerleave: hideTip}, width > 2.5 ? text : ""));
		}
		let at = left;
		for (const child of [...node.children.values()].sort(by((one) => one.ns))) {
			const part = width * child.ns / node.ns;
			deepest = Math.max(deepest, place(child, at, part, total, level + 1));
			at += part;
		}
		return deepest;
	}

	function draw(node) {
		const question = questions[Number(choose.value)];
		hideTip();
		if (!node)
			root = tree(question.rows);
		box.replaceChildren();
		const top = node || root, levels = place(top, 0, 100, root.ns, node ? 1 : 0);
		box.style.height = Math.max(1, levels) * FLAME_ROW + "px";
		note.textContent = `${timeText(top.ns)}${node ? ` of ${timeText(root.ns)}` : ""}. ${question.note}`;
		reset.disabled = !node;
	}

	draw();
	return el("div", {class: "card"}, el("div", {class: "tools"}, choose, reset, note),
		el("div", {class: "pad"}, box),
		el("div", {class: "tools legend"}, [["own", "your code"], ["package", "installed packages"], ["library", "standard library"], ["native", "native"]].map(([name, text]) => el("span", null, el("i", {class: name}), text))));
}

function questionsOf() {
	const framesOf = (id) => stackOf.has(id) ? stackOf.get(id).frames : null;
	const rowsOf = (lock, sched) => data.activity.filter((row) => row.lock === lock && (sched === null || row.sched === sched) && framesOf(row.stack))
		.map((row) => ({ns: row.ns, frames: framesOf(row.stack)}));
	const sampled = "Running time is estimated from samples.";
	return [
		{title: "waiting for the lock, by the holder's stack", note: "Summed over the waiters.", rows: data.blame.filter((row) => row.stack.length).map((row) => ({ns: row.wait_ns, frames: row.stack}))},
		{title: "holding the lock", note: sampled, rows: rowsOf("holding", null)},
		{title: "holding the lock while blocked", note: "From the scheduler.", rows: rowsOf("holding", "blocked")},
		{title: "running without the lock (native code)", note: sampled, rows: rowsOf("none", "running")},
		{title: "blocked outside the lock", note: "From the scheduler.", rows: rowsOf("none", "blocked")},
	].filter((question) => sum(question.rows, (row) => row.ns) > 0);
}

function code() {
	part("blame", "Code", "What was waited for", "Where the holder was while others waited. The bold line is the one to change; a function's share is of all waiting. Waits are summed over threads and can exceed wall time.", blamedCode());
	if (data.blame.length)
		part("pairs", "Pairs", "Who waited for whom", "A cell is the time that the thread of its row waited for the thread of its column; press it for the code.", matrix());
	const questions = questionsOf();
	if (questions.length)
		part("activity", "Stacks", "Where the time goes", "By stack, the outermost frame on top. Press a frame to look into it.", flame(questions));
}
