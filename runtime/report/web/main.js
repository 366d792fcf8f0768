/* The page, from the verdict down. */
const TONES = {
	"lock-bound": "bad", "blocked-while-holding": "bad", convoy: "bad", "cpu-limited": "warn", async: "warn", "single-thread": "",
	overlapping: "good", "parallel-native": "good", "multi-process": "good", idle: "", "free-threaded": "good",
};

function figure(name) {
	const found = data.verdict.evidence.find((one) => one.name === name);
	return found ? found.value : null;
}

function subjectIsSampled() {
	const subject = data.processes.find((process) => process.pid === figure("process_pid"));
	return subject !== undefined && subject.held_is_sampled;
}

function tile(label, value, small, hint, share) {
	return el("div", {class: "tile"}, el("p", {class: "label"}, label), el("p", {class: "value"}, value === null ? unknown() : value, small ? el("small", null, " " + small) : null),
		share === null || share === undefined ? null : el("div", {class: "meter"}, el("i", {style: {width: 100 * Math.min(1, share) + "%"}})),
		hint ? el("p", {class: "hint"}, hint) : null);
}

/* `code` in the verdict's sentences. */
function withCode(text) {
	return text.split("`").map((piece, i) => i % 2 ? el("code", null, piece) : piece);
}

function summary() {
	const cores = figure("cores_used"), capacity = figure("cores"), wait = figure("wait_share"), held = figure("held_share");
	const waits = data.latency.wait, wait_ns = data.processes.some((process) => process.wait_ns !== null) ? sum(data.processes, (process) => process.wait_ns) : null;
	document.querySelector(".verdict").className = "verdict " + (TONES[data.verdict.kind] || "");
	document.getElementById("says").replaceChildren(...withCode(data.verdict.text).map((piece) => piece instanceof Node ? piece : document.createTextNode(piece)));
	append(document.getElementById("run"), [el("b", null, data.run.command), el("span", null, timeText(data.run.duration_ns)), el("span", null, `tier ${data.run.tier}`), el("span", null, data.run.started.replace("T", " ").replace("Z", " UTC"))]);
	append(document.getElementById("tiles"), [
		tile("Cores used", cores.toFixed(2), `of ${Number(capacity.toFixed(2))}`, `${countText(threads.length)} threads, ${countText(data.processes.length)} process${hasProcesses ? "es" : ""}`, cores / capacity),
		tile("Threads wait", wait === null ? null : shareText(wait), "of their time", wait_ns === null ? null : `${timeText(wait_ns)} summed over threads`, wait),
		tile("Lock held", held === null ? null : shareText(Math.min(1, held)), "of the time", [hasProcesses ? `by process ${figure("process_pid")}` : "", subjectIsSampled() ? "estimated from samples" : ""].filter(Boolean).join(", ") || null, held),
		tile("A wait takes", waits ? timeText(waits.p50_ns) : wait_ns === null ? null : "\u2013", waits ? "median" : "", waits ? `99 % within ${timeText(waits.p99_ns)}, longest ${timeText(waits.max_ns)}` : "nobody waited"),
		tile("Memory", orUnknown(data.processes.some((process) => process.pss_bytes !== null) ? sum(data.processes, (process) => process.pss_bytes) : null, bytesText), "PSS", `RSS ${bytesText(sum(data.processes, (process) => process.rss_bytes))}`),
	]);
	document.getElementById("made").textContent = `Made by gilscope ${data.run.tool_version} from one run file; this page loads nothing from a network.`;
}

summary();
timeline();
code();
threadTable();
processTable();
longest();
latency();
memory();
findings();
method();
