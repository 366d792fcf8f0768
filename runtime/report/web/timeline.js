/* One lane a thread: in each slice of time the nine states, stacked by their share of the slice. */
const LANE = 22, GAP = 4, HEAD = 24, SUM_LANE = 46, LANES_FIRST = 24, LANES_MOST = 500;

/* A thread's slices as [at, length, nine times by lock and scheduler; -1: unknown], in microseconds since the start of the run. */
const WIDTH = 11;

function sliceAt(cells, us) {
	let low = 0, high = cells.length / WIDTH - 1;
	while (low <= high) {
		const middle = (low + high) >> 1, at = cells[middle * WIDTH];
		if (us < at)
			high = middle - 1;
		else if (us >= at + cells[middle * WIDTH + 1])
			low = middle + 1;
		else
			return middle;
	}
	return -1;
}

function timeline() {
	const line = data.timeline;
	if (!line.threads.length)
		return;
	const total = Math.max(1, line.duration_us);
	const cellsOf = new Map(line.threads.map((thread) => [thread.tid, thread.cells]));
	const lanes = [];
	for (const process of data.processes)
		for (const thread of process.threads)
			if (cellsOf.has(thread.tid))
				lanes.push({thread, process, cells: cellsOf.get(thread.tid)});
	const canvas = el("canvas", {tabindex: 0, role: "img", "aria-label":
		"States of each thread over time. Arrow keys move, plus and minus zoom, 0 shows all; the thread table below has the same figures."});
	let shown = Math.min(lanes.length, LANES_FIRST), from = 0, to = total, cursor = null;
	const labelWidth = () => canvas.clientWidth < 560 ? 92 : 190;
	const more = el("button", {type: "button", onclick: () => {
		shown = Math.min(lanes.length, shown * 4, LANES_MOST); draw(); }});
	const range = el("span", {class: "dim"});
	const out = el("button", {type: "button", title: "zoom out (-)", onclick: () => zoom(2)}, "\u2212");
	const all = el("button", {type: "button", title: "show all (0)", onclick: () => { from = 0; to = total; draw(); }}, "all");

	function zoom(factor, center) {
		const middle = center === undefined ? (from + to) / 2 : center;
		const span = Math.min(total, Math.max(total / 2000, 50, (to - from) * factor));
		from = Math.max(0, Math.min(total - span, middle - (middle - from) * span / (to - from)));
		to = from + span;
		draw();
	}

	function pan(us) {
		const span = to - from;
		from = Math.max(0, Math.min(total - span, from + us));
		to = from + span;
		draw();
	}

	/* Shares of each state in [start, end) of one lane; what is unknown stays empty. */
	function shares(cells, start, end) {
		const ns = new Float64Array(9);
		let covered = 0;
		for (let i = Math.max(0, firstAfter(cells, start)); i < cells.length / WIDTH; i++) {
			const at = cells[i * WIDTH], length = cells[i * WIDTH + 1];
			if (at >= end)
				break;
			const part = (Math.min(end, at + length) - Math.max(start, at)) / Math.max(1, length);
			if (part <= 0)
				continue;
			covered += part * length;
			for (let s = 0; s < 9; s++)
				if (cells[i * WIDTH + 2 + s] > 0)
					ns[s] += part * cells[i * WIDTH + 2 + s];
		}
		return {ns, covered};
	}

	function firstAfter(cells, us) {
		let low = 0, high = cells.length / WIDTH;
		while (low < high) {
			const middle = (low + high) >> 1;
			if (cells[middle * WIDTH] + cells[middle * WIDTH + 1] <= us)
				low = middle + 1;
			else
				high = middle;
		}
		return low;
	}

	function drawLane(context, colors, cells, y, height, left, width) {
		const step = width > 1600 ? 2 : 1, span = to - from;
		for (let x = 0; x < width; x += step) {
			const start = from + span * x / width, end = from + span * (x + step) / width;
			const {ns, covered} = shares(cells, start, end);
			if (!covered)
				continue;
			const unit = height / Math.max(covered, ns.reduce((a, b) => a + b, 0));
			let bottom = y + height;
			STATES.forEach((state, i) => {
				const size = ns[state.lock * 3 + state.sched] * unit;
				if (size < 0.05)
					return;
				context.fillStyle = colors[i];
				context.fillRect(left + x, bottom - size, step + 0.3, size);
				bottom -= size;
			});
		}
	}

	function drawAxis(context, left, width, height) {
		const span = to - from, wish = span / Math.max(2, width / 110);
		const power = 10 ** Math.floor(Math.log10(wish));
		const step = [1, 2, 5, 10].map((n) => n * power).find((n) => n >= wish);
		context.fillStyle = color("--soft");
		context.strokeStyle = color("--line");
		context.textAlign = "left";
		for (let at = Math.ceil(from / step) * step; at <= to; at += step) {
			const x = Math.round(left + (at - from) / span * width) + 0.5;
			context.beginPath();
			context.moveTo(x, HEAD - 6);
			context.lineTo(x, height);
			context.stroke();
			if (x < left + width - 44)
				context.fillText(timeText(at * 1e3), x + 3, 13);
		}
	}

	function cut(context, text, width) {
		if (context.measureText(text).width <= width)
			return text;
		let keep = text.length;
		const shorten = () => text.slice(0, Math.ceil(keep / 2)) + "\u2026" + text.slice(text.length - Math.floor(keep / 2));
		while (keep > 2 && context.measureText(shorten()).width > width)
			keep--;
		return shorten();
	}

	/* Lanes with a heading where a process begins. */
	function layout() {
		const rows = [];
		let y = HEAD, last = null;
		for (const lane of lanes.slice(0, shown)) {
			if (hasProcesses && lane.process !== last) {
				rows.push({process: lane.process, y, height: 20});
				y += 22;
				last = lane.process;
			}
			rows.push({lane, y, height: LANE});
			y += LANE + GAP;
		}
		return {rows, height: y + 2};
	}

	function draw() {
		const {rows, height} = layout(), width = canvas.clientWidth, ratio = Math.min(2, devicePixelRatio || 1);
		if (!width)
			return;
		canvas.style.height = height + "px";
		canvas.width = Math.round(width * ratio);
		canvas.height = Math.round(height * ratio);
		const context = canvas.getContext("2d"), left = labelWidth();
		context.scale(ratio, ratio);
		context.font = "12px system-ui, sans-serif";
		drawAxis(context, left, width - left - 8, height);
		const colors = STATES.map((state) => color(state.color));
		for (const row of rows) {
			context.textAlign = "left";
			if (row.process) {
				context.fillStyle = color("--soft");
				context.fillText(cut(context, `process ${row.process.pid}  ${row.process.name}  ${row.process.cores.toFixed(2)} cores`, width - 20), 10, row.y + 14);
				continue;
			}
			context.fillStyle = color("--text");
			context.fillText(cut(context, threadName(row.lane.thread.tid), left - 20), 10, row.y + 15);
			drawLane(context, colors, row.lane.cells, row.y, row.height, left, width - left - 8);
		}
		if (cursor !== null && cursor >= from && cursor <= to) {
			const x = left + (cursor - from) / (to - from) * (width - left - 8);
			context.fillStyle = color("--text");
			context.globalAlpha = 0.55;
			context.fillRect(x, HEAD - 6, 1, height);
			context.globalAlpha = 1;
		}
		range.textContent = to - from < total ? `${timeText(from * 1e3)} to ${timeText(to * 1e3)}` : `all ${timeText(total * 1e3)}`;
		out.disabled = all.disabled = to - from >= total;
		more.hidden = shown >= Math.min(lanes.length, LANES_MOST);
		more.textContent = `show more of ${countText(lanes.length)} threads`;
	}

	function usAt(event) {
		const box = canvas.getBoundingClientRect(), left = labelWidth();
		const x = (event.clientX - box.left - left) / (box.width - left - 8);
		return from + Math.max(0, Math.min(1, x)) * (to - from);
	}

	function hover(event) {
		const y = event.clientY - canvas.getBoundingClientRect().top, us = usAt(event);
		const row = layout().rows.find((one) => one.lane && y >= one.y && y < one.y + LANE + GAP);
		if (!row) {
			hideTip();
			return;
		}
		const cells = row.lane.cells, at = sliceAt(cells, us);
		if (at < 0) {
			showTip(event.clientX, event.clientY, el("b", null, threadName(row.lane.thread.tid)), " was not there or not seen at ", timeText(us * 1e3));
			return;
		}
		const length = Math.max(1, cells[at * WIDTH + 1]);
		const known = (state) => cells[at * WIDTH + 2 + state.lock * 3 + state.sched];
		showTip(event.clientX, event.clientY, el("b", null, threadName(row.lane.thread.tid)),
			el("div", null, `${timeText(cells[at * WIDTH] * 1e3)}, for ${timeText(length * 1e3)}`),
			el("table", null, STATES.filter((state) => known(state) > 0).map((state) => el("tr", null,
				el("td", null, el("i", {style: {background: color(state.color)}}), state.name),
				el("td", {class: "n"}, shareText(known(state) / length))))),
			STATES.some((state) => known(state) < 0) ? el("div", null, "some states are not known in this tier") : null);
	}

	let drag = null;
	canvas.addEventListener("pointerdown", (event) => {
		drag = {x: event.clientX, from};
		canvas.setPointerCapture(event.pointerId);
	});
	canvas.addEventListener("pointerup", () => { drag = null; });
	canvas.addEventListener("pointermove", (event) => {
		if (drag && Math.abs(event.clientX - drag.x) > 3) {
			const span = to - from, width = canvas.clientWidth - labelWidth() - 8;
			from = Math.max(0, Math.min(total - span, drag.from - (event.clientX - drag.x) / width * span));
			to = from + span;
			hideTip();
			draw();
			return;
		}
		hover(event);
	});
	canvas.addEventListener("pointerleave", hideTip);
	canvas.addEventListener("dblclick", (event) => zoom(event.shiftKey ? 2 : 0.5, usAt(event)));
	canvas.addEventListener("wheel", (event) => {
		if (!event.ctrlKey && !event.metaKey) {
			if (event.deltaX)
				pan(event.deltaX / canvas.clientWidth * (to - from));
			return;
		}
		event.preventDefault();
		zoom(event.deltaY > 0 ? 1.25 : 0.8, usAt(event));
	}, {passive: false});
	canvas.addEventListener("keydown", (event) => {
		const span = to - from;
		const keys = {ArrowLeft: () => pan(-span / 5), ArrowRight: () => pan(span / 5), "+": () => zoom(0.6), "=": () => zoom(0.6),
			"-": () => zoom(1.67), "0": () => { from = 0; to = total; draw(); }, Home: () => pan(-total), End: () => pan(total)};
		if (!keys[event.key] || event.ctrlKey || event.metaKey || event.altKey)
			return;
		event.preventDefault();
		keys[event.key]();
	});

	const legend = el("div", {class: "legend"}, STATES.map((state) => el("span", null, el("i", {style: {background: `var(${state.color})`}}), state.name)));
	part("timeline", "Timeline", "Timeline", "What each thread did: in every slice of time, the share of each state. Ctrl and the wheel or a double click zooms, dragging moves; + \u2212 0 and arrows do the same.",
		el("div", {class: "card"},
			el("div", {class: "tools"}, legend),
			el("div", {class: "tools"}, el("button", {type: "button", title: "zoom in (+)", onclick: () => zoom(0.5)}, "+"), out, all, range, el("span", {class: "space"}), more),
			el("div", {style: {padding: "6px 0 8px"}}, canvas)));
	draw();
	addEventListener("resize", draw);
	addEventListener("beforeprint", draw);
	matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
}
