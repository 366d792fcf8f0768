/* Threads, callbacks and functions that nobody calls: without the lock, or not known. */
/* clang-format off */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

static void *worker(void *data)
{
	PyGILState_STATE state;

	sleep(1);
	state = PyGILState_Ensure();
	usleep(10); /* expect: blocking-call usleep high */
	PyGILState_Release(state);
	return NULL;
}

static PyObject *begin(PyObject *self, PyObject *args)
{
	pthread_t thread;

	return PyLong_FromLong(pthread_create(&thread, NULL, worker, NULL));
}

/* Nobody here calls it, and it does not say which state it wants. */
int exported(void)
{
	return sleep(1);
}

static int compare(const void *left, const void *right)
{
	sleep(1); /* expect: blocking-call sleep high */
	return *(const int *)left - *(const int *)right;
}

static PyObject *sort(PyObject *self, PyObject *args)
{
	int numbers[4] = {4, 3, 2, 1};

	qsort(numbers, 4, sizeof(int), compare);
	return PyLong_FromLong(numbers[0]);
}

static PyMethodDef methods[] = {
	{"begin", begin, METH_VARARGS, NULL},
	{"sort", sort, METH_VARARGS, NULL},
	{NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {
	PyModuleDef_HEAD_INIT, "outside", NULL, -1, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit_outside(void)
{
	return PyModule_Create(&module);
}
