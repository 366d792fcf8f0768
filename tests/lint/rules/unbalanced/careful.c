/* Code that looks unbalanced and is not. */
/* clang-format off */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <setjmp.h>
#include <stdlib.h>
#include <unistd.h>

/* One way out for all, which asks what has to be undone. */
static PyObject *one_exit(PyObject *self, PyObject *args)
{
	PyThreadState *save = NULL;
	PyObject *result = NULL;
	char *buffer = malloc(64);

	if (!buffer)
		goto out;
	save = PyEval_SaveThread();
	if (usleep(1))
		goto out;
	if (usleep(2)) {
		PyEval_RestoreThread(save);
		save = NULL;
		goto out;
	}
	PyEval_RestoreThread(save);
	save = NULL;
	result = PyLong_FromLong(1);
out:
	if (save)
		PyEval_RestoreThread(save);
	free(buffer);
	return result;
}

/* Released again and again, by turns. */
static PyObject *by_turns(PyObject *self, PyObject *args)
{
	PyThreadState *save = PyEval_SaveThread();

	for (int i = 0; i < 10; i++) {
		if (usleep(i) == 0)
			continue;
		PyEval_RestoreThread(save);
		if (PyErr_CheckSignals())
			return NULL;
		save = PyEval_SaveThread();
	}
	PyEval_RestoreThread(save);
	Py_RETURN_NONE;
}

/* The place that longjmp comes back to is before the region. */
static jmp_buf back;

static PyObject *jumped(PyObject *self, PyObject *args)
{
	PyThreadState *volatile save = NULL;

	if (setjmp(back)) {
		if (save)
			PyEval_RestoreThread(save);
		return PyErr_NoMemory();
	}
	save = PyEval_SaveThread();
	usleep(1);
	PyEval_RestoreThread(save);
	save = NULL;
	Py_RETURN_NONE;
}

enum mode { QUIET, LOUD, SILENT };

static PyObject *by_mode(PyObject *self, PyObject *args)
{
	enum mode mode = (enum mode)PyTuple_GET_SIZE(args);
	PyThreadState *save = NULL;

	switch (mode) {
	case LOUD:
		save = PyEval_SaveThread();
		break;
	case SILENT:
		return NULL;
	default:
		break;
	}
	if (mode == LOUD)
		usleep(1);
	if (mode == LOUD)
		PyEval_RestoreThread(save);
	Py_RETURN_NONE;
}

/* The state is handed back through the result. */
static int begin(PyThreadState **save, int is_wanted)
{
	if (!is_wanted)
		return 0;
	*save = PyEval_SaveThread();
	return 1;
}

static void end(PyThreadState *save)
{
	PyEval_RestoreThread(save);
}

static PyObject *by_result(PyObject *self, PyObject *args)
{
	PyThreadState *save = NULL;
	int is_released = begin(&save, PyTuple_GET_SIZE(args) > 3);

	if (is_released)
		usleep(1);
	if (is_released)
		end(save);
	Py_RETURN_NONE;
}

/* Another interpreter's thread state for a while. */
static PyObject *swapped(PyObject *self, PyObject *args)
{
	PyThreadState *old = PyThreadState_Swap(NULL);

	usleep(1);
	PyThreadState_Swap(old);
	Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
	{"one_exit", one_exit, METH_VARARGS, NULL},
	{"by_turns", by_turns, METH_VARARGS, NULL},
	{"jumped", jumped, METH_VARARGS, NULL},
	{"by_mode", by_mode, METH_VARARGS, NULL},
	{"by_result", by_result, METH_VARARGS, NULL},
	{"swapped", swapped, METH_VARARGS, NULL},
	{NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {
	PyModuleDef_HEAD_INIT, "careful", NULL, -1, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit_careful(void)
{
	return PyModule_Create(&module);
}
