/* Exceptions and destructors. */
/* clang-format off */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdexcept>
#include <unistd.h>

namespace {

class released {
public:
	released() : save(PyEval_SaveThread()) {}
	~released()
	{
		if (save)
			PyEval_RestoreThread(save);
	}
	void back()
	{
		PyEval_RestoreThread(save);
		save = nullptr;
	}

private:
	PyThreadState *save;
};

void check(int code)
{
	if (code)
		throw std::runtime_error("usleep");
}

PyObject *guarded(PyObject *self, PyObject *args)
{
	try {
		released region;
		check(usleep(1));
	} catch (const std::exception &error) {
		PyErr_SetString(PyExc_RuntimeError, error.what());
		return nullptr;
	}
	Py_RETURN_NONE;
}

PyObject *taken_back(PyObject *self, PyObject *args)
{
	released region;

	if (usleep(1)) {
		region.back();
		PyErr_SetFromErrno(PyExc_OSError);
		return nullptr;
	}
	region.back();
	Py_RETURN_NONE;
}

PyObject *bare(PyObject *self, PyObject *args)
{
	try {
		Py_BEGIN_ALLOW_THREADS
		check(usleep(1));
		Py_END_ALLOW_THREADS
	} catch (const std::exception &error) {
		PyErr_SetString(PyExc_RuntimeError, error.what()); /* expect: api-unlocked PyErr_SetString high */
		return nullptr;
	} /* expect: unbalanced return high */
	Py_RETURN_NONE;
}

void leaves()
{
	PyThreadState *save = PyEval_SaveThread();

	check(usleep(1)); /* expect: unbalanced exception high */
	PyEval_RestoreThread(save);
}

PyObject *caller(PyObject *self, PyObject *args)
{
	try {
		leaves();
	} catch (...) {
		return nullptr;
	}
	Py_RETURN_NONE;
}

PyMethodDef methods[] = {
	{"guarded", guarded, METH_VARARGS, nullptr},
	{"taken_back", taken_back, METH_VARARGS, nullptr},
	{"bare", bare, METH_VARARGS, nullptr},
	{"caller", caller, METH_VARARGS, nullptr},
	{nullptr, nullptr, 0, nullptr},
};

PyModuleDef module = {
	PyModuleDef_HEAD_INIT, "exceptions", nullptr, -1, methods, nullptr, nullptr, nullptr, nullptr};

} // namespace

PyMODINIT_FUNC PyInit_exceptions()
{
	return PyModule_Create(&module);
}
