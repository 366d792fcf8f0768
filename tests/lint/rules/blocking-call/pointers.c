/* Calls through pointers: tables, arguments, and a library that is loaded by hand. */
/* clang-format off */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <dlfcn.h>
#include <unistd.h>

struct driver {
	int (*wait)(int);
	int (*peek)(int);
};

static int slow(int seconds)
{
	return sleep(seconds); /* expect: blocking-call sleep high */
}

static int quick(int seconds)
{
	return seconds;
}

static const struct driver driver = {slow, quick};

static PyObject *by_table(PyObject *self, PyObject *args)
{
	return PyLong_FromLong(driver.wait(1) + driver.peek(1));
}

static unsigned int (*doze)(unsigned int);

static void *symbol(void *library, const char *name)
{
	return dlsym(library, name);
}

static void bind_library(void *library)
{
	doze = (unsigned int (*)(unsigned int))symbol(library, "sleep");
}

static PyObject *by_name(PyObject *self, PyObject *args)
{
	return PyLong_FromLong(doze(1)); /* expect: blocking-call sleep high */
}

static int apply(int (*function)(int), int value)
{
	return function(value);
}

static int drowse(int seconds)
{
	return usleep(seconds); /* expect: blocking-call usleep high */
}

static PyObject *by_argument(PyObject *self, PyObject *args)
{
	return PyLong_FromLong(apply(drowse, 5) + apply(quick, 1));
}

static PyObject *open_library(PyObject *self, PyObject *args)
{
	void *library = NULL;

	bind_library(library);
	Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
	{"by_table", by_table, METH_VARARGS, NULL},
	{"by_name", by_name, METH_VARARGS, NULL},
	{"by_argument", by_argument, METH_VARARGS, NULL},
	{"open_library", open_library, METH_VARARGS, NULL},
	{NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {
	PyModuleDef_HEAD_INIT, "pointers", NULL, -1, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit_pointers(void)
{
	return PyModule_Create(&module);
}
