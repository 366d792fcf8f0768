/* The interpreter inside a released region. */
/* clang-format off */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

static PyObject *direct(PyObject *self, PyObject *args)
{
	PyObject *list = PyList_New(0);

	Py_BEGIN_ALLOW_THREADS
	sleep(1);
	PyList_Append(list, self); /* expect: api-unlocked PyList_Append high */
	Py_END_ALLOW_THREADS
	return list;
}

static PyObject *counted(PyObject *self, PyObject *args)
{
	Py_BEGIN_ALLOW_THREADS
	sleep(1);
	Py_INCREF(self); /* expect: api-unlocked Py_INCREF high */
	Py_END_ALLOW_THREADS
	return self;
}

/* The error is set by a helper, which is right everywhere else. */
static PyObject *fail(const char *why)
{
	PyErr_SetString(PyExc_RuntimeError, why); /* expect: api-unlocked PyErr_SetString high */
	return NULL;
}

static PyObject *through_helper(PyObject *self, PyObject *args)
{
	int code;

	Py_BEGIN_ALLOW_THREADS
	code = usleep(1);
	if (code)
		fail("too long");
	Py_END_ALLOW_THREADS
	return code ? NULL : fail("always");
}

/* Fields, raw memory and the lock functions are free. */
static PyObject *allowed(PyObject *self, PyObject *args)
{
	Py_ssize_t count;
	char *copy;

	Py_BEGIN_ALLOW_THREADS
	count = PyTuple_GET_SIZE(args);
	copy = PyMem_RawMalloc(10);
	PyMem_RawFree(copy);
	if (PyGILState_Check())
		abort();
	Py_END_ALLOW_THREADS
	return PyLong_FromSsize_t(count);
}

/* Taken back for a moment. */
static PyObject *blocked(PyObject *self, PyObject *args)
{
	Py_BEGIN_ALLOW_THREADS
	sleep(1);
	Py_BLOCK_THREADS
	PyErr_Clear();
	Py_UNBLOCK_THREADS
	sleep(1);
	Py_END_ALLOW_THREADS
	Py_RETURN_NONE;
}

/* Safe when called with the lock and without: it asks. */
static void careful(void)
{
	if (PyGILState_Check())
		PyErr_Clear();
}

static PyObject *asks(PyObject *self, PyObject *args)
{
	careful();
	Py_BEGIN_ALLOW_THREADS
	careful();
	Py_END_ALLOW_THREADS
	Py_RETURN_NONE;
}

static void *worker(void *data)
{
	Py_DECREF((PyObject *)data); /* expect: api-unlocked Py_DECREF high */
	return NULL;
}

static void *good_worker(void *data)
{
	PyGILState_STATE state = PyGILState_Ensure();

	Py_DECREF((PyObject *)data);
	PyGILState_Release(state);
	return NULL;
}

static PyObject *threads(PyObject *self, PyObject *args)
{
	pthread_t thread;

	Py_INCREF(self);
	Py_INCREF(self);
	pthread_create(&thread, NULL, worker, self);
	pthread_create(&thread, NULL, good_worker, self);
	Py_RETURN_NONE;
}

/* A library calls it: it asks for the lock, and uses the interpreter after giving it back. */
size_t read_callback(void *data)
{
	PyGILState_STATE state = PyGILState_Ensure();
	PyObject *bytes = PyObject_CallMethod((PyObject *)data, "read", NULL);
	size_t length = 0;

	PyGILState_Release(state);
	if (bytes) {
		length = PyBytes_GET_SIZE(bytes);
		Py_DECREF(bytes); /* expect: api-unlocked Py_DECREF high */
	}
	return length;
}

/* The same in the right order, called by a method that goes on using the interpreter. */
size_t good_callback(void *data)
{
	PyGILState_STATE state = PyGILState_Ensure();
	PyObject *bytes = PyObject_CallMethod((PyObject *)data, "read", NULL);

	Py_XDECREF(bytes);
	PyGILState_Release(state);
	return 1;
}

static PyObject *redundant(PyObject *self, PyObject *args)
{
	return PyLong_FromSize_t(good_callback(self));
}

static PyMethodDef methods[] = {
	{"redundant", redundant, METH_VARARGS, NULL},
	{"direct", direct, METH_VARARGS, NULL},
	{"counted", counted, METH_VARARGS, NULL},
	{"through_helper", through_helper, METH_VARARGS, NULL},
	{"allowed", allowed, METH_VARARGS, NULL},
	{"blocked", blocked, METH_VARARGS, NULL},
	{"asks", asks, METH_VARARGS, NULL},
	{"threads", threads, METH_VARARGS, NULL},
	{NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {
	PyModuleDef_HEAD_INIT, "region", NULL, -1, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit_region(void)
{
	return PyModule_Create(&module);
}
