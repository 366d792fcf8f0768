"use strict";
/* What every part uses: the data, text from numbers, elements from text. Everything that comes from
 * the measured program enters the page through textContent, never as HTML. */
const data = JSON.parse(document.getElementById("data").textContent);

const LOCKS = ["none", "waiting", "holding"];
const SCHEDS = ["running", "runnable", "blocked"];
/* In the order in which a lane stacks them, from the bottom. */
const STATES = [
	{lock: 2, sched: 0, color: "--holding", name: "holds, runs"},
	{lock: 2, sched: 1, color: "--holding-ready", name: "holds, ready but no core"},
	{lock: 2, sched: 2, color: "--holding-blocked", name: "holds, blocked"},
	{lock: 1, sched: 0, color: "--waiting-running", name: "waits for the lock, runs"},
	{lock: 1, sched: 2, color: "--waiting", name: "waits for the lock"},
	{lock: 1, sched: 1, color: "--waiting-ready", name: "waits for the lock, ready"},
	{lock: 0, sched: 0, color: "--none", name: "without the lock, runs"},
	{lock: 0, sched: 1, color: "--none-ready", name: "without the lock, ready but no core"},
	{lock: 0, sched: 2, color: "--none-blocked", name: "without the lock, blocked"},
];

function el(tag, attributes, ...children) {
	const node = document.createElement(tag);
	for (const [name, value] of Object.entries(attributes || {})) {
		if (value === null || value === undefined || value === false)
			continue;
		if (name.startsWith("on"))
			node.addEventListener(name.slice(2), value);
		else if (name === "style")
			for (const [key, text] of Object.entries(value))
				node.style.setProperty(key, text);
		else
			node.setAttribute(name, value === true ? "" : value);
	}
	append(node, children);
	return node;
}

function append(node, children) {
	for (const child of children.flat(Infinity))
		if (child !== null && child !== undefined)
			node.append(child instanceof Node ? child : String(child));
	return node;
}

function svg(tag, attributes, ...children) {
	const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
	for (const [name, value] of Object.entries(attributes || {}))
		node.setAttribute(name, value);
	return append(node, children);
}

const UNKNOWN_WHY = "This tier cannot know it.";

function unknown() {
	return el("span", {class: "unknown", title: UNKNOWN_WHY}, "?");
}

function timeText(ns) {
	if (ns === 0)
		return "0";
	for (const [unit, size] of [["s", 1e9], ["ms", 1e6], ["\u00b5s", 1e3]]) {
		const value = ns / size;
		if (value >= 0.9995)
			return value.toFixed(value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2) + "\u00a0" + unit;
	}
	return Math.round(ns) + "\u00a0ns";
}

function shareText(share) {
	if (share > 0 && share < 0.005)
		return "<1\u00a0%";
	return Math.round(share * 100) + "\u00a0%";
}

function bytesText(bytes) {
	if (bytes >= 1e9)
		return (bytes / 1e9).toFixed(2) + "\u00a0GB";
	return (bytes / 1e6).toFixed(bytes < 1e8 ? 1 : 0) + "\u00a0MB";
}

const countText = (count) => count.toLocaleString("en-US").replaceAll(",", "\u202f");
const orUnknown = (value, text) => value === null || value === undefined || value < 0 ? unknown() : text(value);
const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const sum = (list, pick) => list.reduce((total, item) => total + (pick(item) || 0), 0);
const by = (pick) => (a, b) => pick(b) - pick(a);

/* Threads by tid, with their process. */
const threads = [];
const threadOf = new Map();
for (const process of data.processes) {
	for (const thread of process.threads) {
		thread.process = process;
		thread.weight = thread.cpu_ns + (thread.wait_ns || 0);
		threads.push(thread);
		threadOf.set(thread.tid, thread);
	}
}
threads.sort(by((thread) => thread.weight));
const hasProcesses = data.processes.length > 1;
const stackOf = new Map(data.stacks.map((stack) => [stack.id, stack]));

function threadName(tid) {
	if (tid === null || tid === undefined)
		return "unknown";
	const thread = threadOf.get(tid);
	return (thread ? thread.name : "?") + " " + tid;
}

function shortFile(file) {
	return file.split("/").slice(-2).join("/");
}

function placeText(frame) {
	if (!frame)
		return "unknown";
	if (!frame.file)
		return frame.function;
	return frame.function + "  " + shortFile(frame.file) + (frame.line ? ":" + frame.line : "");
}

function placeNode(frame) {
	if (!frame)
		return unknown();
	return el("span", {class: "mono", title: frame.file ? frame.file + (frame.line ? ":" + frame.line : "") : null},
		el("b", null, frame.function),
		frame.file ? el("span", {class: "dim"}, "  " + shortFile(frame.file) + (frame.line ? ":" + frame.line : "")) : null);
}

/* What the reader can change, as the report's own rules see it: the place's frame. */
function sameFrame(a, b) {
	return a && b && a.function === b.function && a.file === b.file && a.line === b.line;
}

function stackNode(frames, place) {
	if (!frames || !frames.length)
		return el("p", {class: "note"}, "The stack is not known.");
	return el("ol", {class: "stack"}, frames.map((frame) => el("li",
		{class: sameFrame(frame, place) ? "ownframe" : null},
		el("b", null, frame.function), el("span", {class: "at"}, frame.file
			? "  " + frame.file + (frame.line ? ":" + frame.line : "")
			: frame.module ? "  " + frame.module : ""))));
}

const tip = document.getElementById("tip");

function showTip(x, y, ...children) {
	tip.replaceChildren();
	append(tip, children);
	tip.hidden = false;
	const box = tip.getBoundingClientRect();
	tip.style.left = Math.max(4, Math.min(x + 14, innerWidth - box.width - 8)) + "px";
	tip.style.top = (y + 18 + box.height > innerHeight ? Math.max(4, y - box.height - 12) : y + 18) + "px";
}

function hideTip() {
	tip.hidden = true;
}

function part(id, short, title, lead, ...children) {
	const node = el("section", {class: "part", id}, el("h2", null, title), lead ? el("p", {class: "lead"}, lead) : null, children);
	document.getElementById("sections").append(node);
	document.getElementById("nav").append(el("a", {href: "#" + id}, short));
	return node;
}

/* columns: {title, number, value(row), text(row) → node or text, class}. Sorted by a click on a head. */
function table(columns, rows, limit, what) {
	const body = el("tbody");
	const heads = columns.map((column) => {
		if (!column.value)
			return el("th", {class: column.number ? "n" : null, scope: "col"}, column.title);
		return el("th", {class: column.number ? "n" : null, scope: "col"},
			el("button", {type: "button", onclick: () => sort(column)}, column.title));
	});
	let shown = limit, sorted = null, ascending = false;
	const more = el("button", {class: "more", type: "button", onclick: () => { shown *= 4; fill(); }});
	const foot = el("div", {class: "pad"}, more);
	function sort(column) {
		ascending = sorted === column ? !ascending : !column.number;
		sorted = column;
		rows = [...rows].sort((a, b) => {
			const left = column.value(a), right = column.value(b);
			const order = left === right ? 0 : left === null || left === undefined ? -1
				: right === null || right === undefined ? 1 : left < right ? -1 : 1;
			return ascending ? order : -order;
		});
		heads.forEach((head, i) => columns[i] === column
			? head.setAttribute("aria-sort", ascending ? "ascending" : "descending") : head.removeAttribute("aria-sort"));
		fill();
	}
	function fill() {
		body.replaceChildren(...rows.slice(0, shown).map((row) => el("tr", null, columns.map((column) =>
			el("td", {class: [column.number ? "n" : "", column.class || ""].join(" ").trim() || null}, column.text(row))))));
		foot.hidden = rows.length <= shown;
		more.textContent = `show more of ${countText(rows.length)} ${what}`;
	}
	fill();
	const node = el("div", {class: "card"}, el("div", {class: "scroll"}, el("table", null, el("thead", null, el("tr", null, heads)), body)), foot);
	node.setRows = (next) => { rows = next; fill(); };
	return node;
}
