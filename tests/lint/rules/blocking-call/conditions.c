/* The lock is given up under conditions; every wait is in the right state on every path. */
/* clang-format off */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <poll.h>
#include <unistd.h>

#define LIMIT 4096

static PyObject *by_size(PyObject *self, PyObject *args)
{
	Py_ssize_t size = PyTuple_GET_SIZE(args);
	PyThreadState *save = NULL;

	if (size > LIMIT)
		save = PyEval_SaveThread();
	if (save)
		sleep(1);
	if (save)
		PyEval_RestoreThread(save);
	return PyLong_FromSsize_t(size);
}

/* The same condition again, instead of the saved state. */
static PyObject *by_size_again(PyObject *self, PyObject *args)
{
	Py_ssize_t size = PyTuple_GET_SIZE(args);
	PyThreadState *save = NULL;

	if (size > LIMIT)
		save = PyEval_SaveThread();
	usleep(size); /* expect: blocking-call usleep high */
	if (size > LIMIT)
		PyEval_RestoreThread(save);
	return PyLong_FromSsize_t(size);
}

struct object {
	PyObject_HEAD
	int threads, fd;
	PyThreadState *save;
};

/* A flag of the object, read twice. */
static PyObject *by_field(struct object *self, PyObject *args)
{
	int ready;

	if (self->threads)
		self->save = PyEval_SaveThread();
	if (self->threads)
		sleep(1);
	ready = self->fd > 0;
	if (self->threads)
		PyEval_RestoreThread(self->save);
	return PyBool_FromLong(ready);
}

/* Two conditions at once. */
static PyObject *by_two(struct object *self, PyObject *args)
{
	int is_wanted = PyTuple_GET_SIZE(args) > 1;
	PyThreadState *save = NULL;

	if (self->threads && is_wanted)
		save = PyEval_SaveThread();
	if (self->threads && is_wanted) {
		sleep(1);
		PyEval_RestoreThread(save);
	}
	return PyBool_FromLong(is_wanted);
}

/* A word of its own says what was done. */
static PyObject *by_note(struct object *self, PyObject *args)
{
	PyThreadState *save = NULL;
	int is_released = 0;

	if (PyTuple_GET_SIZE(args) > 2) {
		save = PyEval_SaveThread();
		is_released = 1;
	}
	if (is_released) {
		sleep(1);
		PyEval_RestoreThread(save);
	}
	return PyBool_FromLong(is_released);
}

static PyObject *in_loop(struct object *self, PyObject *args)
{
	struct pollfd fd = {0};
	int ready = 0;

	while (!ready) {
		Py_BEGIN_ALLOW_THREADS
		ready = poll(&fd, 1, 100);
		Py_END_ALLOW_THREADS
		if (PyErr_CheckSignals())
			return NULL;
	}
	return PyLong_FromLong(ready);
}

static PyMethodDef methods[] = {
	{"by_size", by_size, METH_VARARGS, NULL},
	{"by_size_again", by_size_again, METH_VARARGS, NULL},
	{"by_field", (PyCFunction)by_field, METH_VARARGS, NULL},
	{"by_two", (PyCFunction)by_two, METH_VARARGS, NULL},
	{"by_note", (PyCFunction)by_note, METH_VARARGS, NULL},
	{"in_loop", (PyCFunction)in_loop, METH_VARARGS, NULL},
	{NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {
	PyModuleDef_HEAD_INIT, "conditions", NULL, -1, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit_conditions(void)
{
	return PyModule_Create(&module);
}
