/* The twin of defects.c: the same functions with every defect repaired. The smallest change that is
 * right is shown, and why it is right where that is not plain. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zlib.h>

#include "waiting.h"

#define ANSWER_BYTES 4096

/* Below this the release costs more than it gives to the other threads. */
#define RELEASE_BYTES 8192

static PyObject *repaired_receive(PyObject *self, PyObject *args)
{
	char answer[ANSWER_BYTES];
	ssize_t got;
	int fd;

	(void)self;
	if (!PyArg_ParseTuple(args, "i:receive", &fd))
		return NULL;
	Py_BEGIN_ALLOW_THREADS
	got = recv(fd, answer, sizeof(answer), 0);
	Py_END_ALLOW_THREADS
	if (got < 0)
		return PyErr_SetFromErrno(PyExc_OSError);
	return PyBytes_FromStringAndSize(answer, got);
}

static PyObject *repaired_pause(PyObject *self, PyObject *args)
{
	unsigned milliseconds;

	(void)self;
	if (!PyArg_ParseTuple(args, "I:pause", &milliseconds))
		return NULL;
	Py_BEGIN_ALLOW_THREADS
	usleep(milliseconds * 1000);
	Py_END_ALLOW_THREADS
	Py_RETURN_NONE;
}

static PyObject *repaired_ask(PyObject *self, PyObject *args)
{
	char answer[ANSWER_BYTES];
	ssize_t got;
	int fd;

	(void)self;
	if (!PyArg_ParseTuple(args, "i:ask", &fd))
		return NULL;
	Py_BEGIN_ALLOW_THREADS
	got = waiting_answer(fd, answer, sizeof(answer));
	Py_END_ALLOW_THREADS
	if (got < 0)
		return PyErr_SetFromErrno(PyExc_OSError);
	return PyBytes_FromStringAndSize(answer, got);
}

static PyObject *repaired_peek(PyObject *self, PyObject *args)
{
	char answer[ANSWER_BYTES];
	ssize_t got;
	int fd;

	(void)self;
	if (!PyArg_ParseTuple(args, "i:peek", &fd))
		return NULL;
	got = waiting_peek(fd, answer, sizeof(answer));
	return PyLong_FromSsize_t(got);
}

static uint64_t mix(const unsigned char *bytes, Py_ssize_t len, unsigned rounds)
{
	uint64_t sum = 14695981039346656037u;

	for (unsigned round = 0; round < rounds; round++)
		for (Py_ssize_t i = 0; i < len; i++)
			sum = (sum ^ bytes[i]) * 1099511628211u;
	return sum;
}

/* The filled Py_buffer keeps the data where it is while the lock is released. */
static PyObject *repaired_digest(PyObject *self, PyObject *args)
{
	Py_buffer data;
	unsigned rounds;
	uint64_t sum;

	(void)self;
	if (!PyArg_ParseTuple(args, "y*I:digest", &data, &rounds))
		return NULL;
	Py_BEGIN_ALLOW_THREADS
	sum = mix(data.buf, data.len, rounds);
	Py_END_ALLOW_THREADS
	PyBuffer_Release(&data);
	return PyLong_FromUnsignedLongLong(sum);
}

/* Nobody else has `packed` yet, so its bytes may be written without the lock. */
static PyObject *repaired_pack(PyObject *self, PyObject *args)
{
	PyThreadState *saved = NULL;
	PyObject *packed;
	Py_buffer data;
	uLongf size;
	int status;

	(void)self;
	if (!PyArg_ParseTuple(args, "y*:pack", &data))
		return NULL;
	size = compressBound((uLong)data.len);
	packed = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)size);
	if (!packed) {
		PyBuffer_Release(&data);
		return NULL;
	}
	if (data.len >= RELEASE_BYTES)
		saved = PyEval_SaveThread();
	status = compress2((Bytef *)PyBytes_AS_STRING(packed), &size, data.buf, (uLong)data.len, 9);
	if (saved)
		PyEval_RestoreThread(saved);
	PyBuffer_Release(&data);
	if (status != Z_OK) {
		Py_DECREF(packed);
		PyErr_SetString(PyExc_RuntimeError, "cannot compress");
		return NULL;
	}
	_PyBytes_Resize(&packed, (Py_ssize_t)size);
	return packed;
}

static PyObject *repaired_count(PyObject *self, PyObject *args)
{
	Py_ssize_t found = 0;
	Py_buffer data;
	int byte;

	(void)self;
	if (!PyArg_ParseTuple(args, "y*i:count", &data, &byte))
		return NULL;
	if (byte < 0 || byte > 255) {
		PyBuffer_Release(&data);
		PyErr_SetString(PyExc_ValueError, "not a byte");
		return NULL;
	}
	Py_BEGIN_ALLOW_THREADS
	for (Py_ssize_t i = 0; i < data.len; i++)
		found += ((const unsigned char *)data.buf)[i] == byte;
	Py_END_ALLOW_THREADS
	PyBuffer_Release(&data);
	return PyLong_FromSsize_t(found);
}

/* One way out, with the lock. */
static PyObject *repaired_size(PyObject *self, PyObject *args)
{
	const char *path;
	off_t end = -1;
	int fd;

	(void)self;
	if (!PyArg_ParseTuple(args, "s:size", &path))
		return NULL;
	Py_BEGIN_ALLOW_THREADS
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		end = lseek(fd, 0, SEEK_END);
		close(fd);
	}
	Py_END_ALLOW_THREADS
	if (fd < 0)
		return PyErr_SetFromErrnoWithFilename(PyExc_OSError, path);
	return PyLong_FromLongLong(end);
}

static PyMethodDef repaired_methods[] = {
	{"receive", repaired_receive, METH_VARARGS, "receive(fd): the next bytes from a socket"},
	{"pause", repaired_pause, METH_VARARGS, "pause(milliseconds): sleeps"},
	{"ask", repaired_ask, METH_VARARGS, "ask(fd): the next answer from a socket"},
	{"peek", repaired_peek, METH_VARARGS, "peek(fd): how much has arrived, -1 for nothing"},
	{"digest", repaired_digest, METH_VARARGS, "digest(data, rounds): a 64-bit sum"},
	{"pack", repaired_pack, METH_VARARGS, "pack(data): zlib's compression"},
	{"count", repaired_count, METH_VARARGS, "count(data, byte): how often it occurs"},
	{"size", repaired_size, METH_VARARGS, "size(path): of a file"},
	{NULL, NULL, 0, NULL},
};

static struct PyModuleDef repaired_module = {
	PyModuleDef_HEAD_INIT,
	.m_name = "repaired",
	.m_doc = "The defects, repaired.",
	.m_size = -1,
	.m_methods = repaired_methods,
};

PyMODINIT_FUNC PyInit_repaired(void)
{
	return PyModule_Create(&repaired_module);
}
