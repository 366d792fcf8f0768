/* Threads, processes, longest intervals, latencies, memory, findings, method. */
function statesBar(thread) {
	const states = thread.states_estimated, whole = thread.seen_for_ns || 1;
	const parts = STATES.map((state) => {
		const row = states[LOCKS[state.lock]], ns = row ? row[SCHEDS[state.sched]] : null;
		return {state, ns};
	});
	const label = parts.filter((one) => one.ns > 0).map((one) => `${one.state.name} ${shareText(one.ns / whole).replace("\u00a0", " ")}`).join("\n");
	return el("div", {class: "states", role: "img", title: label || UNKNOWN_WHY, "aria-label": label || UNKNOWN_WHY},
		parts.filter((one) => one.ns > 0).map((one) => el("i", {style: {width: 100 * one.ns / whole + "%", background: `var(${one.state.color})`}})));
}

function threadTable() {
	const columns = [
		{title: "tid", number: true, value: (t) => t.tid, text: (t) => t.tid},
		{title: "name", value: (t) => t.name, text: (t) => t.name, class: "name"},
		hasProcesses ? {title: "pid", number: true, value: (t) => t.process.pid, text: (t) => t.process.pid} : null,
		{title: "states", text: statesBar},
		{title: "CPU", number: true, value: (t) => t.cpu_ns, text: (t) => timeText(t.cpu_ns)},
		{title: "waits", number: true, value: (t) => t.waits, text: (t) => orUnknown(t.waits, countText)},
		{title: "waited", number: true, value: (t) => t.wait_ns, text: (t) => orUnknown(t.wait_ns, timeText)},
		{title: "share", number: true, value: (t) => t.wait_ns / t.seen_for_ns, text: (t) => orUnknown(t.wait_ns, (ns) => shareText(t.seen_for_ns ? ns / t.seen_for_ns : 0))},
		{title: "longest", number: true, value: (t) => t.wait_max_ns, text: (t) => orUnknown(t.wait_max_ns, timeText)},
		{title: "holds", number: true, value: (t) => t.holds, text: (t) => orUnknown(t.holds, countText)},
		{title: "held", number: true, value: (t) => t.hold_ns, text: (t) => orUnknown(t.hold_ns, timeText)},
		{title: "longest", number: true, value: (t) => t.hold_max_ns, text: (t) => orUnknown(t.hold_max_ns, timeText)},
	].filter(Boolean);
	const rows = table(columns, threads, 25, "threads");
	const search = el("input", {type: "search", placeholder: "filter by name or tid", "aria-label": "filter threads",
		oninput: () => rows.setRows(threads.filter((t) => (t.name + " " + t.tid).toLowerCase().includes(search.value.toLowerCase())))});
	if (threads.length > 10)
		rows.prepend(el("div", {class: "tools"}, search));
	part("threads", "Threads", "Threads", "Shares are of the time that the thread was seen. A state that the tier does not see by itself is estimated from samples.", rows);
}

function processTable() {
	const columns = [
		{title: "pid", number: true, value: (p) => p.pid, text: (p) => p.pid},
		{title: "parent", number: true, value: (p) => p.ppid, text: (p) => p.ppid},
		{title: "role", value: (p) => p.role, text: (p) => p.role},
		{title: "name", value: (p) => p.name, text: (p) => p.name, class: "name"},
		{title: "cores", number: true, value: (p) => p.cores, text: (p) => p.cores.toFixed(2)},
		{title: "waited", number: true, value: (p) => p.wait_ns, text: (p) => orUnknown(p.wait_ns, timeText)},
		{title: "RSS", number: true, value: (p) => p.rss_bytes, text: (p) => orUnknown(p.rss_bytes, bytesText)},
		{title: "RSS peak", number: true, value: (p) => p.rss_peak_bytes, text: (p) => orUnknown(p.rss_peak_bytes, bytesText)},
		{title: "PSS", number: true, value: (p) => p.pss_bytes, text: (p) => orUnknown(p.pss_bytes, bytesText)},
		{title: "threads", number: true, value: (p) => p.threads.length, text: (p) => countText(p.threads.length)},
		{title: "interpreter", value: (p) => p.interpreter ? p.interpreter.version : "", class: "grow", text: (p) => p.interpreter
			? [`${p.interpreter.name} ${p.interpreter.version}, lock ${p.interpreter.lock}`, p.why_unmeasured ? ` (not measured: ${p.why_unmeasured})` : ""]
			: p.why_unmeasured || "none"},
	];
	part("processes", "Processes", "Processes", "Each process has a lock of its own. Cores are used cores while the process was there; PSS counts shared memory by parts.",
		table(columns, data.processes, 20, "processes"));
}

function longest() {
	const kinds = [["wait", "Longest waits"], ["hold", "Longest holds"]].map(([kind, title]) => {
		const rows = data.longest.filter((row) => row.kind === kind).sort(by((row) => row.length_ns)).slice(0, 8);
		if (!rows.length)
			return null;
		return el("div", null, el("h3", null, title), el("div", {class: "card"}, rows.map((row, i) => el("details", {open: i === 0},
			el("summary", null, el("span", {class: "length"}, timeText(row.length_ns)), el("b", null, threadName(row.tid)),
				el("span", {class: "dim"}, kind === "wait" ? (row.other_tid === null ? "" : `waited for ${threadName(row.other_tid)} `) : row.cpu_ns === null ? "" : `${shareText(row.cpu_ns / Math.max(1, row.length_ns))} of it on a processor `,
					`at ${timeText(row.start_ns - data.run.start_ns)}`, row.is_open ? ", still going on at the end" : "")),
			stackNode(row.stack, row.place)))));
	}).filter(Boolean);
	if (kinds.length)
		part("longest", "Longest", "Longest waits and holds", "With the Python stack of the thread itself. A long hold that nobody waits for costs nothing.", el("div", {class: "two"}, kinds));
}

function histogram(kind, one) {
	const wide = 560, high = 170, left = 8, bottom = 24, columns = new Map();
	for (const [low, , count] of one.buckets) {
		const octave = Math.floor(Math.log2(Math.max(1, low)) * 2) / 2;
		columns.set(octave, (columns.get(octave) || 0) + count);
	}
	const first = Math.min(...columns.keys()), last = Math.max(...columns.keys()), most = Math.max(...columns.values());
	const step = (wide - left * 2) / ((last - first) * 2 + 1);
	const node = svg("svg", {viewBox: `0 0 ${wide} ${high}`, role: "img", "aria-label": `distribution of ${kind}s`});
	for (const [octave, count] of columns) {
		const height = Math.max(1, (high - bottom - 8) * count / most), x = left + (octave - first) * 2 * step;
		node.append(svg("rect", {x: x + 0.5, y: high - bottom - height, width: Math.max(1, step - 1), height, rx: 1.5, fill: kind === "hold" ? "var(--holding)" : "var(--waiting)"},
			svg("title", null, `${timeText(2 ** octave)} to ${timeText(2 ** (octave + 0.5))}: ${countText(count)}`)));
	}
	const every = Math.max(1, Math.ceil(70 / (step * 2)));
	for (let octave = Math.ceil(first); octave <= last; octave += every)
		node.append(svg("text", {x: left + (octave - first) * 2 * step, y: high - 8}, timeText(2 ** octave)));
	node.append(svg("line", {x1: 0, x2: wide, y1: high - bottom + 0.5, y2: high - bottom + 0.5, class: "axis"}));
	return node;
}

function latency() {
	const known = Object.entries(data.latency).filter(([, one]) => one);
	if (!known.length)
		return;
	part("latency", "Latency", "How long single waits and holds take", "Counts by length, on a logarithmic axis; percentiles are exact to an eighth of an octave.", el("div", {class: "two"}, known.map(([kind, one]) => el("div", {class: "card pad"},
		el("b", null, {wait: "Waits", hold: "Holds", handoff: "Handoffs, from a release to the next acquire"}[kind] || kind),
		el("p", {class: "dim"}, `${countText(one.count)}; median ${timeText(one.p50_ns)}, 90 % ${timeText(one.p90_ns)}, 99 % ${timeText(one.p99_ns)}, longest ${timeText(one.max_ns)}`),
		histogram(kind, one)))));
}

function memory() {
	const rows = data.memory.filter((row) => row.rss_bytes !== null);
	if (rows.length < 2)
		return;
	const pids = data.processes.map((process) => process.pid).slice(0, 8);
	const wide = 1180, high = 220, left = 70, bottom = 26, top = 10;
	const most = Math.max(...rows.map((row) => row.rss_bytes)) * 1.06 || 1, span = Math.max(1, data.run.duration_ns);
	const x = (at) => left + (wide - left - 12) * Math.max(0, Math.min(1, (at - data.run.start_ns) / span));
	const y = (bytes) => high - bottom - (high - bottom - top) * bytes / most;
	const node = svg("svg", {viewBox: `0 0 ${wide} ${high}`, role: "img", "aria-label": "memory of each process over time"});
	for (let i = 0; i <= 4; i++) {
		const bytes = most / 4 * i;
		node.append(svg("line", {x1: left, x2: wide - 12, y1: y(bytes), y2: y(bytes), class: "grid"}),
			svg("text", {x: left - 8, y: y(bytes) + 4, "text-anchor": "end"}, bytesText(bytes)));
		node.append(svg("text", {x: left + (wide - left - 12) * i / 4, y: high - 8, "text-anchor": i === 4 ? "end" : i ? "middle" : "start"}, timeText(span / 4 * i)));
	}
	const paints = ["--holding", "--waiting", "--none", "--holding-blocked", "--accent", "--warn", "--good", "--soft"];
	pids.forEach((pid, i) => {
		const line = (pick, dash) => {
			const points = rows.filter((row) => row.pid === pid && row[pick] !== null).map((row) => `${x(row.at_ns).toFixed(1)},${y(row[pick]).toFixed(1)}`);
			if (points.length)
				node.append(svg("polyline", {points: points.join(" "), fill: "none", stroke: `var(${paints[i]})`, "stroke-width": 2, "stroke-dasharray": dash, "stroke-linejoin": "round"}));
		};
		line("rss_bytes", "");
		line("pss_bytes", "3 4");
	});
	part("memory", "Memory", "Memory", "Of each process over time: RSS, and dashed PSS, which counts shared pages by parts.", el("div", {class: "card"},
		el("div", {class: "tools legend"}, pids.map((pid, i) => el("span", null, el("i", {style: {background: `var(${paints[i]})`}}), `${pid} ${data.processes[i].name}`)),
			data.processes.length > 8 ? el("span", null, `and ${data.processes.length - 8} more processes, not drawn`) : null),
		el("div", {class: "pad"}, node)));
}

function findingCost(finding) {
	return finding.cost ? finding.cost.wait_ns : null;
}

function findings() {
	if (!data.has_findings)
		return;
	const shown = data.findings.filter((one) => !one.suppressed).sort((a, b) => (findingCost(b) ?? -1) - (findingCost(a) ?? -1));
	const tone = {error: "bad", warning: "warn", note: ""};
	part("findings", "Findings", "Findings of gilscope-lint", data.has_native_stacks
		? "Joined with this run by the functions on its native stacks; first what others waited for most."
		: "Their costs are not known: this run has no native stacks to join them with.",
	el("div", {class: "card"}, shown.length ? shown.slice(0, 100).map((one) => el("details", null,
		el("summary", null, el("span", {class: "length"}, one.cost ? orUnknown(one.cost.wait_ns, timeText) : unknown()), el("span", {class: "pill " + tone[one.severity]}, one.rule),
			el("span", {class: "mono"}, `${one.file}:${one.line}`), el("span", {class: "dim"}, one.message)),
		el("div", {class: "pad"}, el("dl", {class: "facts"},
			[["function", one.function], ["operation", one.operation], ["entered by", one.entry || "unknown"], ["confidence", one.confidence],
				["fix", one.fix.verdict + (one.fix.note ? ": " + one.fix.note : "")], ["lock held there", one.cost ? orUnknown(one.cost.hold_ns, timeText) : unknown()]]
				.map(([name, value]) => [el("dt", null, name), el("dd", null, value)]))),
		stackNode(one.path.map((step) => ({function: step.function || step.message, file: step.file + (step.function && step.message ? "" : ""), line: step.line})), null)))
		: el("p", {class: "note"}, "None."), shown.length > 100 ? el("p", {class: "note"}, `and ${shown.length - 100} more`) : null));
}

const TIERS = {
	contention: "Waits are measured, holds are not: their number and length are unknown. What holders do comes from samples and the scheduler. A thread that wants the lock but is kept off the cores before it can ask counts as ready to run, not as waiting.",
	exact: "Every wait and hold is measured. Each release and acquire takes about 2 \u00b5s longer in the measured program; what can be subtracted has been.",
	sample: "Samples only: waits and holds are unknown, shares are estimates.",
};

function method() {
	const run = data.run, share = run.overhead.share_of_core;
	const rows = [
		["Measured", `${timeText(run.duration_ns)}, started ${run.started}${run.is_complete ? "" : "; the recording was cut off, this is what had been saved"}`],
		["Tier", [el("b", null, run.tier), ". ", TIERS[run.tier] || ""]],
		["Lost", `${countText(run.loss.events)} events, ${countText(run.loss.stacks)} stacks (cut, unreadable, or no free slot)`],
		["Overhead", share === null ? "not measured" : `${(share * 100).toFixed(2)} % of one core in the measured program${run.overhead.probe_hits === null ? "" : `: ${countText(run.overhead.probe_hits)} probe hits${run.overhead.probe_ns === null ? "" : ` of ${timeText(run.overhead.probe_ns)}`}`}`],
		["Recorder", run.overhead.recorder_cpu_ns === null ? unknown() : `used ${timeText(run.overhead.recorder_cpu_ns)} of CPU itself`],
		["Subtracted", [run.hold_correction_ns, run.wait_correction_ns].every((ns) => ns === null) ? "nothing" : `${orText(run.wait_correction_ns)} from each wait, ${orText(run.hold_correction_ns)} from each hold`],
		["Samples", run.sample_period_ns === null ? "none were taken" : `one each ${timeText(run.sample_period_ns)} of CPU`],
		["Machine", `${run.cores} core${run.cores === 1 ? "" : "s"}${run.cpu_quota === null ? "" : `, limited to ${run.cpu_quota}`}; Linux ${run.kernel}`],
		["Sums", "Waits are summed over threads and can exceed wall time."],
		["Figures of the verdict", el("span", {class: "mono"}, data.verdict.evidence.map((one) => `${one.name} ${Number(one.value.toPrecision(4))}`).join("   "))],
	];
	part("method", "Method", "How this was measured", null, el("div", {class: "card pad"}, el("dl", {class: "facts"}, rows.map(([name, value]) => [el("dt", null, name), el("dd", null, value)]))));
}

const orText = (ns) => ns === null ? "nothing" : timeText(ns);
