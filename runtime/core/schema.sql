-- A run: one recording, one SQLite file. Times are CLOCK_MONOTONIC nanoseconds, sizes bytes.
-- NULL means "this tier, kernel or interpreter cannot know it"; it never means 0.
-- Totals are cumulative and rewritten at each flush, so a killed recorder leaves its last flush readable.
-- Enumerations are append-only: lock 0 none, 1 waiting, 2 holding; sched 0 running, 1 runnable, 2 blocked.

CREATE TABLE run (                      -- one row
	id INTEGER PRIMARY KEY CHECK (id = 1),
	tool_version TEXT NOT NULL,
	started TEXT NOT NULL,              -- ISO 8601, UTC
	start_ns INTEGER NOT NULL,
	end_ns INTEGER NOT NULL,            -- of the last flush while recording
	is_complete INTEGER NOT NULL,       -- 1 only after a clean end
	tier TEXT NOT NULL,                 -- contention, exact, sample, inproc
	cores INTEGER NOT NULL,             -- that the target may run on
	cpu_quota REAL,                     -- cgroup limit in cores; NULL: none
	kernel TEXT NOT NULL,
	command TEXT NOT NULL,              -- program name only, unless the user asked for the arguments
	lost_events INTEGER NOT NULL,
	lost_stacks INTEGER NOT NULL,       -- cut, unreadable or without a free slot
	probe_hits INTEGER,
	probe_ns INTEGER,                   -- calibrated cost of one hit to the target
	overhead_share REAL,                -- of one core, over the whole run: probes in the target
	recorder_cpu_ns INTEGER,            -- what the recorder itself used
	hold_correction_ns INTEGER,         -- already subtracted from each hold
	wait_correction_ns INTEGER,         -- already subtracted from each wait
	sample_period_ns INTEGER            -- CPU clock samples; NULL: none were taken
) STRICT;

CREATE TABLE process (
	pid INTEGER PRIMARY KEY,            -- as the recorder sees it
	ppid INTEGER NOT NULL,
	role TEXT NOT NULL,                 -- main, forked, spawned, pool, other
	name TEXT NOT NULL,                 -- comm
	exe TEXT NOT NULL,
	argv TEXT,                          -- only with --argv
	interpreter TEXT,                   -- CPython, or NULL: not an interpreter we know
	version TEXT,
	lock TEXT,                          -- on, off
	build_id TEXT,                      -- of the file that holds the lock's code
	why_unmeasured TEXT,                -- why there are no lock figures, for people
	start_ns INTEGER NOT NULL,          -- start of the process, may lie before the run
	seen_ns INTEGER NOT NULL,           -- when the recording of it began
	end_ns INTEGER,                     -- NULL: still alive at the end
	cpu_ns INTEGER                      -- while recorded
) STRICT;

CREATE TABLE memory (
	pid INTEGER NOT NULL, at_ns INTEGER NOT NULL,
	rss_bytes INTEGER, pss_bytes INTEGER, uss_bytes INTEGER,
	PRIMARY KEY (pid, at_ns)
) STRICT, WITHOUT ROWID;

CREATE TABLE thread (
	tid INTEGER PRIMARY KEY,
	pid INTEGER NOT NULL,
	name TEXT NOT NULL,
	seen_ns INTEGER NOT NULL,
	end_ns INTEGER,
	cpu_ns INTEGER,
	waits INTEGER, wait_ns INTEGER, wait_max_ns INTEGER,
	holds INTEGER, hold_ns INTEGER, hold_max_ns INTEGER,
	-- nine states; a lock axis that is not known is NULL in all three
	none_running_ns INTEGER, none_runnable_ns INTEGER, none_blocked_ns INTEGER,
	waiting_running_ns INTEGER, waiting_runnable_ns INTEGER, waiting_blocked_ns INTEGER,
	holding_running_ns INTEGER, holding_runnable_ns INTEGER, holding_blocked_ns INTEGER
) STRICT;

-- How the nine states developed: one row a thread and time slice, the same columns as deltas.
CREATE TABLE slice (
	tid INTEGER NOT NULL, at_ns INTEGER NOT NULL, length_ns INTEGER NOT NULL,
	none_running_ns INTEGER, none_runnable_ns INTEGER, none_blocked_ns INTEGER,
	waiting_running_ns INTEGER, waiting_runnable_ns INTEGER, waiting_blocked_ns INTEGER,
	holding_running_ns INTEGER, holding_runnable_ns INTEGER, holding_blocked_ns INTEGER,
	PRIMARY KEY (tid, at_ns)
) STRICT, WITHOUT ROWID;

-- Log-linear histograms, only buckets with a count. kind: wait, hold, handoff.
CREATE TABLE histogram (
	tid INTEGER NOT NULL, kind TEXT NOT NULL, low_ns INTEGER NOT NULL, high_ns INTEGER NOT NULL, count INTEGER NOT NULL,
	PRIMARY KEY (tid, kind, low_ns)
) STRICT, WITHOUT ROWID;

-- Stacks are stored once. depth 0 is the innermost frame. kind: python, native.
CREATE TABLE frame (
	stack INTEGER NOT NULL, depth INTEGER NOT NULL, kind TEXT NOT NULL,
	function TEXT NOT NULL, file TEXT, line INTEGER,
	module TEXT, build_id TEXT,         -- native frames
	PRIMARY KEY (stack, depth)
) STRICT, WITHOUT ROWID;

-- Wait time of one thread charged to the hold of another, by the holder's stack.
CREATE TABLE blame (
	pid INTEGER NOT NULL, waiter_tid INTEGER NOT NULL, holder_tid INTEGER, stack INTEGER,
	wait_ns INTEGER NOT NULL, waits INTEGER NOT NULL, max_ns INTEGER NOT NULL
) STRICT;

-- The longest waits and holds, with the Python stack of the thread itself.
CREATE TABLE longest (
	kind TEXT NOT NULL,                 -- wait, hold
	pid INTEGER NOT NULL, tid INTEGER NOT NULL, other_tid INTEGER, -- a wait's holder
	start_ns INTEGER NOT NULL, length_ns INTEGER NOT NULL,
	cpu_ns INTEGER,                     -- used by the thread inside the interval
	is_open INTEGER NOT NULL,           -- still going on when the recording ended
	stack INTEGER
) STRICT;

-- Where threads spend time: by state and Python stack. Running time comes from CPU clock samples
-- (is_sampled 1: ns = samples * period), blocked and runnable time from the scheduler.
CREATE TABLE activity (
	pid INTEGER NOT NULL, tid INTEGER NOT NULL, lock INTEGER NOT NULL, sched INTEGER NOT NULL, stack INTEGER,
	ns INTEGER NOT NULL, count INTEGER NOT NULL, is_sampled INTEGER NOT NULL
) STRICT;
