/* Loops with the lock held: which of them grow with the input, and need no interpreter. */
/* clang-format off */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

/* Floating point over a buffer. The product and the sum become one operation. */
static double energy(const double *samples, Py_ssize_t count)
{
	double sum = 0;

	for (Py_ssize_t i = 0; i < count; i++) /* expect: compute-region loop high */
		sum += samples[i] * samples[i];
	return sum;
}

static PyObject *float_loop(PyObject *self, PyObject *args)
{
	Py_buffer data;
	double sum;

	if (!PyArg_ParseTuple(args, "y*", &data))
		return NULL;
	sum = energy(data.buf, data.len / (Py_ssize_t)sizeof(double));
	PyBuffer_Release(&data);
	return PyFloat_FromDouble(sum);
}

/* A nest whose levels lie in two functions. */
static unsigned row_sum(const unsigned char *row, int width)
{
	unsigned sum = 0;

	for (int x = 0; x < width; x++) /* expect: compute-region loop high */
		sum = sum * 31 + row[x];
	return sum;
}

static PyObject *nest(PyObject *self, PyObject *args)
{
	int width, height;
	unsigned sum = 0;
	Py_buffer data;

	if (!PyArg_ParseTuple(args, "y*ii", &data, &width, &height))
		return NULL;
	for (int y = 0; y < height; y++)
		sum ^= row_sum((const unsigned char *)data.buf + (size_t)y * width, width);
	PyBuffer_Release(&data);
	return PyLong_FromUnsignedLong(sum);
}

/* One loop of integers. */
static PyObject *single(PyObject *self, PyObject *args)
{
	unsigned hash = 0;
	Py_buffer data;

	if (!PyArg_ParseTuple(args, "y*", &data))
		return NULL;
	for (Py_ssize_t i = 0; i < data.len; i++) /* expect: compute-region loop medium */
		hash = hash * 31 + ((const unsigned char *)data.buf)[i];
	PyBuffer_Release(&data);
	return PyLong_FromUnsignedLong(hash);
}

/* Two loops, one cursor, and bits that are few: as long as one loop. */
static PyObject *scanner(PyObject *self, PyObject *args)
{
	unsigned lines = 0, bits = 0;
	Py_ssize_t i = 0;
	Py_buffer data;

	if (!PyArg_ParseTuple(args, "y*", &data))
		return NULL;
	while (i < data.len) { /* expect: compute-region loop medium */
		unsigned char byte = ((const unsigned char *)data.buf)[i++];

		while (i < data.len && ((const unsigned char *)data.buf)[i] != 10)
			i++;
		while (byte > 0) {
			bits += byte & 1;
			byte >>= 1;
		}
		lines++;
	}
	PyBuffer_Release(&data);
	return PyLong_FromUnsignedLong(lines * bits);
}

/* Makes Python objects: nothing to release. */
static PyObject *makes_objects(PyObject *self, PyObject *args)
{
	PyObject *list = PyList_New(0);
	Py_buffer data;

	if (!list || !PyArg_ParseTuple(args, "y*", &data))
		return NULL;
	for (Py_ssize_t y = 0; y < data.len; y++)
		for (Py_ssize_t i = 0; i < data.len; i++) {
			PyObject *item = PyFloat_FromDouble(((const double *)data.buf)[i] * 2.0);

			if (!item || PyList_Append(list, item))
				break;
			Py_DECREF(item);
		}
	PyBuffer_Release(&data);
	return list;
}

/* Nobody knows what the pointer calls. */
static double (*hook)(double);

void set_hook(double (*fresh)(double))
{
	hook = fresh;
}

static PyObject *unknown_callee(PyObject *self, PyObject *args)
{
	double sum = 0;
	Py_buffer data;

	if (!PyArg_ParseTuple(args, "y*", &data))
		return NULL;
	for (Py_ssize_t i = 0; i < data.len / 8; i++)
		sum += hook(((const double *)data.buf)[i]);
	PyBuffer_Release(&data);
	return PyFloat_FromDouble(sum);
}

/* A helper that needs the interpreter, two calls deep. */
static void check(double value)
{
	if (value < 0)
		PyErr_SetString(PyExc_ValueError, "negative");
}

static double checked(double value)
{
	check(value);
	return value * 0.5;
}

static PyObject *needs_python_below(PyObject *self, PyObject *args)
{
	double sum = 0;
	Py_buffer data;

	if (!PyArg_ParseTuple(args, "y*", &data))
		return NULL;
	for (Py_ssize_t i = 0; i < data.len / 8; i++)
		sum += checked(((const double *)data.buf)[i]);
	PyBuffer_Release(&data);
	return PyFloat_FromDouble(sum);
}

/* Constant trips, also where a caller passes the constant. */
static double trace(const double *matrix, int size)
{
	double sum = 0;

	for (int y = 0; y < size; y++)
		for (int x = 0; x < size; x++)
			sum += matrix[y * size + x] * 0.5;
	return sum;
}

static PyObject *fixed(PyObject *self, PyObject *args)
{
	double matrix[16] = {0}, bias;

	if (!PyArg_ParseTuple(args, "dd", &matrix[0], &bias))
		return NULL;
	for (int i = 0; i < 16; i++)
		matrix[i] += bias;
	return PyFloat_FromDouble(trace(matrix, 4));
}

/* Too small to pay for a release, because that was checked. */
static PyObject *checked_small(PyObject *self, PyObject *args)
{
	Py_buffer data;
	double sum;

	if (!PyArg_ParseTuple(args, "y*", &data))
		return NULL;
	if (data.len > 4096) {
		PyBuffer_Release(&data);
		return PyErr_Format(PyExc_ValueError, "too long");
	}
	sum = 0;
	for (Py_ssize_t i = 0; i < data.len; i++)
		sum += ((const unsigned char *)data.buf)[i] * 0.5;
	PyBuffer_Release(&data);
	return PyFloat_FromDouble(sum);
}

/* Held for small input, released for large: the same loop in both. */
static double scaled(const double *samples, Py_ssize_t count)
{
	double sum = 0;

	for (Py_ssize_t i = 0; i < count; i++)
		sum += samples[i] * 3.0;
	return sum;
}

static PyObject *by_threshold(PyObject *self, PyObject *args)
{
	Py_buffer data;
	double sum;

	if (!PyArg_ParseTuple(args, "y*", &data))
		return NULL;
	if (data.len >= 65536) {
		Py_BEGIN_ALLOW_THREADS
		sum = scaled(data.buf, data.len / 8);
		Py_END_ALLOW_THREADS
	} else {
		sum = scaled(data.buf, data.len / 8);
	}
	PyBuffer_Release(&data);
	return PyFloat_FromDouble(sum);
}

/* Released on every path. */
static PyObject *released(PyObject *self, PyObject *args)
{
	double sum = 0;
	Py_buffer data;

	if (!PyArg_ParseTuple(args, "y*", &data))
		return NULL;
	Py_BEGIN_ALLOW_THREADS
	for (Py_ssize_t i = 0; i < data.len / 8; i++)
		sum += ((const double *)data.buf)[i] * 0.5;
	Py_END_ALLOW_THREADS
	PyBuffer_Release(&data);
	return PyFloat_FromDouble(sum);
}

static PyMethodDef methods[] = {
	{"float_loop", float_loop, METH_VARARGS, ""},
	{"nest", nest, METH_VARARGS, ""},
	{"single", single, METH_VARARGS, ""},
	{"scanner", scanner, METH_VARARGS, ""},
	{"makes_objects", makes_objects, METH_VARARGS, ""},
	{"unknown_callee", unknown_callee, METH_VARARGS, ""},
	{"needs_python_below", needs_python_below, METH_VARARGS, ""},
	{"fixed", fixed, METH_VARARGS, ""},
	{"checked_small", checked_small, METH_VARARGS, ""},
	{"by_threshold", by_threshold, METH_VARARGS, ""},
	{"released", released, METH_VARARGS, ""},
	{NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, .m_name = "loops", .m_methods = methods};

/* Tables that are filled once, while the module is imported: waiting for them hurts little. */
static double table[1 << 12];

PyMODINIT_FUNC PyInit_loops(void)
{
	PyObject *result = PyModule_Create(&module), *sizes = PyBytes_FromString("sizes");

	for (Py_ssize_t i = 0; i < PyBytes_Size(sizes); i++)
		table[i & 4095] = i * 0.5;
	return result;
}
