/* Library calls whose cost grows with an argument, with the lock held. */
/* clang-format off */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdlib.h>
#include <zlib.h>

#define RELEASE_BYTES 4096

static PyObject *checksum(PyObject *self, PyObject *args)
{
	Py_buffer data;
	unsigned long sum;

	if (!PyArg_ParseTuple(args, "y*", &data))
		return NULL;
	sum = crc32(0, data.buf, data.len); /* expect: compute-region crc32 high */
	PyBuffer_Release(&data);
	return PyLong_FromUnsignedLong(sum);
}

/* Below a helper: the length comes from the caller. */
static unsigned long helper(const unsigned char *bytes, size_t size)
{
	return adler32(1, bytes, size); /* expect: compute-region adler32 high */
}

static PyObject *deep(PyObject *self, PyObject *args)
{
	const char *bytes;
	Py_ssize_t size;

	if (!PyArg_ParseTuple(args, "y#", &bytes, &size))
		return NULL;
	return PyLong_FromUnsignedLong(helper((const unsigned char *)bytes, size));
}

static PyObject *constant_size(PyObject *self, PyObject *args)
{
	unsigned char header[512] = {0};

	return PyLong_FromUnsignedLong(crc32(0, header, sizeof(header)));
}

static PyObject *small_only(PyObject *self, PyObject *args)
{
	Py_buffer data;
	unsigned long sum = 0;

	if (!PyArg_ParseTuple(args, "y*", &data))
		return NULL;
	if (data.len <= 1024)
		sum = crc32(0, data.buf, data.len);
	PyBuffer_Release(&data);
	return PyLong_FromUnsignedLong(sum);
}

/* Small inputs held, large ones released: as it should be. */
static PyObject *by_threshold(PyObject *self, PyObject *args)
{
	Py_buffer data;
	unsigned long sum;

	if (!PyArg_ParseTuple(args, "y*", &data))
		return NULL;
	if (data.len > 100000) {
		Py_BEGIN_ALLOW_THREADS
		sum = crc32(0, data.buf, data.len);
		Py_END_ALLOW_THREADS
	} else {
		sum = crc32(0, data.buf, data.len);
	}
	PyBuffer_Release(&data);
	return PyLong_FromUnsignedLong(sum);
}

/* The same, where the call lies in a function that both branches call. */
static unsigned long both(Py_buffer *data)
{
	return crc32_z(0, data->buf, data->len);
}

static PyObject *by_callers_threshold(PyObject *self, PyObject *args)
{
	Py_buffer data;
	unsigned long sum;

	if (!PyArg_ParseTuple(args, "y*", &data))
		return NULL;
	if (data.len < 8192) {
		sum = both(&data);
	} else {
		Py_BEGIN_ALLOW_THREADS
		sum = both(&data);
		Py_END_ALLOW_THREADS
	}
	PyBuffer_Release(&data);
	return PyLong_FromUnsignedLong(sum);
}

/* The comparison runs Python: releasing around the sort would be wrong. */
static int by_python(const void *a, const void *b)
{
	return PyObject_RichCompareBool(*(PyObject *const *)a, *(PyObject *const *)b, Py_LT);
}

static PyObject *sorted(PyObject *self, PyObject *args)
{
	qsort(PyTuple_GET_ITEM(args, 0), PyTuple_GET_SIZE(args), sizeof(PyObject *), by_python);
	Py_RETURN_NONE;
}

static PyObject *released(PyObject *self, PyObject *args)
{
	Py_buffer data;
	unsigned long sum;

	if (!PyArg_ParseTuple(args, "y*", &data))
		return NULL;
	Py_BEGIN_ALLOW_THREADS
	sum = adler32_z(1, data.buf, data.len);
	Py_END_ALLOW_THREADS
	PyBuffer_Release(&data);
	return PyLong_FromUnsignedLong(sum);
}

static PyMethodDef methods[] = {
	{"checksum", checksum, METH_VARARGS, ""},
	{"deep", deep, METH_VARARGS, ""},
	{"constant_size", constant_size, METH_VARARGS, ""},
	{"small_only", small_only, METH_VARARGS, ""},
	{"by_threshold", by_threshold, METH_VARARGS, ""},
	{"by_callers_threshold", by_callers_threshold, METH_VARARGS, ""},
	{"sorted", sorted, METH_VARARGS, ""},
	{"released", released, METH_VARARGS, ""},
	{NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, .m_name = "calls", .m_methods = methods};

PyMODINIT_FUNC PyInit_calls(void)
{
	return PyModule_Create(&module);
}
