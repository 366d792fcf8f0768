/* Ways out of a region. */
/* clang-format off */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdlib.h>
#include <unistd.h>

static PyObject *early(PyObject *self, PyObject *args)
{
	int code;

	Py_BEGIN_ALLOW_THREADS
	code = usleep(1);
	if (code) /* expect: unbalanced return high */
		return NULL;
	Py_END_ALLOW_THREADS
	Py_RETURN_NONE;
}

static PyObject *jumps(PyObject *self, PyObject *args)
{
	int code, again = 0;

	Py_BEGIN_ALLOW_THREADS
	code = usleep(1);
	if (code) {
		again = usleep(2);
		goto out; /* expect: unbalanced return high */
	}
	Py_END_ALLOW_THREADS
	again = 1;
out:
	return again ? self : NULL;
}

static PyObject *restored(PyObject *self, PyObject *args)
{
	int code;

	Py_BEGIN_ALLOW_THREADS
	code = usleep(1);
	if (code) {
		Py_BLOCK_THREADS
		return PyErr_SetFromErrno(PyExc_OSError);
	}
	Py_END_ALLOW_THREADS
	Py_RETURN_NONE;
}

/* A helper with the mistake: its callers are fine. */
static int helper(void)
{
	PyThreadState *save = PyEval_SaveThread();

	if (usleep(1)) /* expect: unbalanced return high */
		return -1;
	PyEval_RestoreThread(save);
	return 0;
}

static PyObject *caller(PyObject *self, PyObject *args)
{
	if (helper() < 0)
		return PyErr_SetFromErrno(PyExc_OSError);
	return PyLong_FromLong(helper());
}

static void enter(PyThreadState **save)
{
	*save = PyEval_SaveThread();
}

static PyObject *nested(PyObject *self, PyObject *args)
{
	PyThreadState *save;

	enter(&save);
	Py_BEGIN_ALLOW_THREADS /* expect: unbalanced PyEval_SaveThread high */
	usleep(1);
	Py_END_ALLOW_THREADS
	PyEval_RestoreThread(save);
	Py_RETURN_NONE;
}

static PyObject *twice(PyObject *self, PyObject *args)
{
	PyThreadState *save = PyEval_SaveThread();

	usleep(1);
	PyEval_RestoreThread(save);
	usleep(1); /* expect: blocking-call usleep high */
	PyEval_RestoreThread(save); /* expect: unbalanced PyEval_RestoreThread high */
	Py_RETURN_NONE;
}

/* Never given back on any path. */
static PyObject *lost(PyObject *self, PyObject *args)
{
	PyThreadState *save;

	enter(&save);
	return save ? self : NULL; /* expect: unbalanced return medium */
}

static PyObject *unpaired(PyObject *self, PyObject *args)
{
	PyGILState_STATE state = PyGILState_Ensure();

	if (PyTuple_GET_SIZE(args) > 1) /* expect: unbalanced return high */
		return NULL;
	PyGILState_Release(state);
	Py_RETURN_NONE;
}

/* A library calls it, from wherever: it takes the lock itself. */
int callback(int code)
{
	PyGILState_STATE state = PyGILState_Ensure();

	if (code) /* expect: unbalanced return high */
		return -1;
	PyGILState_Release(state);
	return 0;
}

/* The way out does not come back. */
static PyObject *fatal(PyObject *self, PyObject *args)
{
	Py_BEGIN_ALLOW_THREADS
	if (usleep(1))
		Py_FatalError("usleep");
	if (usleep(2))
		exit(1);
	Py_END_ALLOW_THREADS
	Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
	{"early", early, METH_VARARGS, NULL},
	{"jumps", jumps, METH_VARARGS, NULL},
	{"restored", restored, METH_VARARGS, NULL},
	{"caller", caller, METH_VARARGS, NULL},
	{"nested", nested, METH_VARARGS, NULL},
	{"twice", twice, METH_VARARGS, NULL},
	{"lost", lost, METH_VARARGS, NULL},
	{"unpaired", unpaired, METH_VARARGS, NULL},
	{"fatal", fatal, METH_VARARGS, NULL},
	{NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {
	PyModuleDef_HEAD_INIT, "returns", NULL, -1, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit_returns(void)
{
	return PyModule_Create(&module);
}
