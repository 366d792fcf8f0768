/* An independent clock for what the recorder measures: CLOCK_MONOTONIC read on both sides of the
 * very calls that give the interpreter's lock up and take it back. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

struct clock {
	uint64_t wait_ns, hold_ns, hold_max_ns, asleep_ns;
	long waits, holds;
	uint64_t held_since_ns; /* 0: not begun */
};

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void sleep_ns(uint64_t ns)
{
	struct timespec left = {(time_t)(ns / 1000000000u), (long)(ns % 1000000000u)};

	while (nanosleep(&left, &left))
		;
}

static void spin_ns(uint64_t ns)
{
	uint64_t until_ns = now_ns() + ns;

	while (now_ns() < until_ns)
		;
}

static PyThreadState *clock_release(struct clock *clock)
{
	uint64_t at_ns = now_ns();

	if (clock->held_since_ns) {
		uint64_t ns = at_ns - clock->held_since_ns;

		clock->holds++;
		clock->hold_ns += ns;
		if (ns > clock->hold_max_ns)
			clock->hold_max_ns = ns;
	}
	return PyEval_SaveThread();
}

static void clock_acquire(struct clock *clock, PyThreadState *state)
{
	uint64_t before_ns = now_ns();

	PyEval_RestoreThread(state);
	clock->held_since_ns = now_ns();
	clock->wait_ns += clock->held_since_ns - before_ns;
	clock->waits++;
}

static PyObject *clock_result(const struct clock *clock)
{
	return Py_BuildValue("{s:l,s:K,s:l,s:K,s:K,s:l,s:K}", "tid", (long)syscall(SYS_gettid),
		"wait_ns", (unsigned long long)clock->wait_ns, "waits", clock->waits, "hold_ns",
		(unsigned long long)clock->hold_ns, "hold_max_ns",
		(unsigned long long)clock->hold_max_ns, "holds", clock->holds, "asleep_ns",
		(unsigned long long)clock->asleep_ns);
}

/* times × { compute with the lock, sleep without it }. */
static PyObject *contend(PyObject *self, PyObject *args)
{
	struct clock clock = {0};
	unsigned long long hold_us, free_us;
	long times;

	(void)self;
	if (!PyArg_ParseTuple(args, "lKK", &times, &hold_us, &free_us))
		return NULL;
	for (long i = 0; i < times; i++) {
		PyThreadState *state = clock_release(&clock);

		sleep_ns(free_us * 1000);
		clock_acquire(&clock, state);
		spin_ns(hold_us * 1000);
	}
	return clock_result(&clock);
}

/* times × { sleep with the lock, sleep without it }. */
static PyObject *sleep_holding(PyObject *self, PyObject *args)
{
	struct clock clock = {0};
	unsigned long long asleep_us, free_us;
	long times;

	(void)self;
	if (!PyArg_ParseTuple(args, "lKK", &times, &asleep_us, &free_us))
		return NULL;
	for (long i = 0; i < times; i++) {
		PyThreadState *state = clock_release(&clock);
		uint64_t before_ns;

		sleep_ns(free_us * 1000);
		clock_acquire(&clock, state);
		before_ns = now_ns();
		sleep_ns(asleep_us * 1000);
		clock.asleep_ns += now_ns() - before_ns;
	}
	return clock_result(&clock);
}

/* cycles × { release, acquire } and nothing else; the time of all in ns. */
static PyObject *cycle(PyObject *self, PyObject *args)
{
	uint64_t before_ns;
	long cycles;

	(void)self;
	if (!PyArg_ParseTuple(args, "l", &cycles))
		return NULL;
	before_ns = now_ns();
	for (long i = 0; i < cycles; i++)
		PyEval_RestoreThread(PyEval_SaveThread());
	return PyLong_FromUnsignedLongLong(now_ns() - before_ns);
}

static PyMethodDef methods[] = {
	{"contend", contend, METH_VARARGS, "contend(times, hold_us, free_us) -> figures"},
	{"sleep_holding", sleep_holding, METH_VARARGS,
		"sleep_holding(times, asleep_us, free_us) -> figures"},
	{"cycle", cycle, METH_VARARGS, "cycle(cycles) -> ns"},
	{NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {
	PyModuleDef_HEAD_INIT, "lockclock", NULL, -1, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit_lockclock(void)
{
	return PyModule_Create(&module);
}
