/* Helpers that give the lock up or take it back for their callers are promises, not mistakes. */
/* clang-format off */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <unistd.h>

typedef PyThreadState *cookie;

static void section_enter(cookie *state)
{
	*state = PyEval_SaveThread();
}

static void section_leave(cookie *state)
{
	PyEval_RestoreThread(*state);
}

static PyObject *between(PyObject *self, PyObject *args)
{
	cookie state;

	section_enter(&state);
	sleep(1);
	section_leave(&state);
	Py_RETURN_NONE;
}

static PyObject *before(PyObject *self, PyObject *args)
{
	cookie state;

	sleep(1); /* expect: blocking-call sleep high */
	section_enter(&state);
	section_leave(&state);
	Py_RETURN_NONE;
}

struct region {
	PyThreadState *save;
	int is_active;
};

/* Only when asked, and the region remembers. */
static void region_open(struct region *region, int is_wanted)
{
	region->save = is_wanted ? PyEval_SaveThread() : NULL;
}

static void region_close(struct region *region)
{
	if (region->save)
		PyEval_RestoreThread(region->save);
}

static PyObject *conditional(PyObject *self, PyObject *args)
{
	struct region region;

	region_open(&region, PyTuple_GET_SIZE(args) > 10);
	if (region.save)
		sleep(1);
	region_close(&region);
	Py_RETURN_NONE;
}

/* A thread of our own: the lock is not ours until Ensure. */
static PyObject *ensured(PyObject *self, PyObject *args)
{
	PyGILState_STATE state;

	Py_BEGIN_ALLOW_THREADS
	sleep(1);
	state = PyGILState_Ensure();
	PyErr_Clear();
	PyGILState_Release(state);
	sleep(1);
	Py_END_ALLOW_THREADS
	Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
	{"between", between, METH_VARARGS, NULL},
	{"before", before, METH_VARARGS, NULL},
	{"conditional", conditional, METH_VARARGS, NULL},
	{"ensured", ensured, METH_VARARGS, NULL},
	{NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {
	PyModuleDef_HEAD_INIT, "wrappers", NULL, -1, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit_wrappers(void)
{
	return PyModule_Create(&module);
}
