# shellcheck shell=sh
# Sourced by samples/tour and tests/run, from the root of the tree: one line a step, its output in a log.
#   step 'what it does' COMMAND...      runs it; on failure shows the end of the log and ends the script
# The whole script holds one lock, so that two of them in one tree take turns.
logs=build/log
cache=${XDG_CACHE_HOME:-$HOME/.cache}/gilscope-tests
export PYTHONDONTWRITEBYTECODE=1
mkdir -p "$logs" "$cache"
exec 9>build/.lock
if command -v flock >/dev/null && ! flock -n 9; then
	echo "another tour or test run uses this tree; waiting for it"
	flock 9
fi

now_ms() {
	date +%s%3N
}

seconds_since() {
	awk -v from="$1" -v to="$(now_ms)" 'BEGIN { printf "%6.1f s", (to - from) / 1000 }'
}

# Children must not keep the lock open: they may outlive the script.
step() {
	step_what=$1
	shift
	step_log=$logs/$(echo "$step_what" | tr -cs 'a-zA-Z0-9\n' '-').log
	step_began=$(now_ms)
	if [ -t 1 ]; then printf '  ...       %s\r' "$step_what"; fi
	step_status=0
	("$@") >"$step_log" 2>&1 9>&- </dev/null || step_status=$?
	printf '%s  %s' "$(seconds_since "$step_began")" "$step_what"
	[ $step_status = 0 ] && { echo; return 0; }
	printf ': FAILED (exit %s). Its errors and the end of %s:\n' $step_status "$step_log"
	{ grep -nE 'FAIL|[Ee]rror|ERROR' "$step_log" | head -n 15; echo ...; tail -n 30 "$step_log"; } | sed 's/^/    /'
	exit 1
}

# Recording needs root's rights; everything else runs as whoever started the script.
as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	else
		sudo env HOME="$HOME" PATH="$PATH" PYTHONDONTWRITEBYTECODE=1 ${XDG_CACHE_HOME:+XDG_CACHE_HOME="$XDG_CACHE_HOME"} "$@"
	fi
}

build() {
	cmake --preset "$1" -DBUILD_TESTING=ON && cmake --build --preset "$1"
}

# python_env NAME REQUIREMENT...: a virtual environment in the cache with exactly these packages, made once.
python_env() {
	env_dir=$cache/$1
	shift
	(
		if command -v flock >/dev/null; then flock 8; fi
		if [ "$(cat "$env_dir/ready" 2>/dev/null)" = "$*" ]; then exit 0; fi
		rm -rf "$env_dir" && /usr/bin/python3 -m venv "$env_dir" &&
			"$env_dir/bin/python" -m pip install -q --disable-pip-version-check --retries 5 "$@" &&
			echo "$*" >"$env_dir/ready"
	) 8>"$env_dir.lock"
}
