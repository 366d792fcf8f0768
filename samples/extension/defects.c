/* A C extension with seeded lock defects, one a function, each marked where it is with `seeded:
 * RULE OPERATION`. repaired.c is the same module without them. */
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

/* receive(fd): the next bytes from a socket. While it waits for the peer, no other thread can run.
 */
static PyObject *defects_receive(PyObject *self, PyObject *args)
{
	char answer[ANSWER_BYTES];
	ssize_t got;
	int fd;

	(void)self;
	if (!PyArg_ParseTuple(args, "i:receive", &fd))
		return NULL;
	got = recv(fd, answer, sizeof(answer), 0); /* seeded: blocking-call recv */
	if (got < 0)
		return PyErr_SetFromErrno(PyExc_OSError);
	return PyBytes_FromStringAndSize(answer, got);
}

/* pause(milliseconds): sleeps, and puts every other thread to sleep with it. */
static PyObject *defects_pause(PyObject *self, PyObject *args)
{
	unsigned milliseconds;

	(void)self;
	if (!PyArg_ParseTuple(args, "I:pause", &milliseconds))
		return NULL;
	usleep(milliseconds * 1000); /* seeded: blocking-call usleep */
	Py_RETURN_NONE;
}

/* ask(fd): like receive, but what waits is two calls further down, in another file. */
static PyObject *defects_ask(PyObject *self, PyObject *args)
{
	char answer[ANSWER_BYTES];
	ssize_t got;
	int fd;

	(void)self;
	if (!PyArg_ParseTuple(args, "i:ask", &fd))
		return NULL;
	got = waiting_answer(fd, answer, sizeof(answer));
	if (got < 0)
		return PyErr_SetFromErrno(PyExc_OSError);
	return PyBytes_FromStringAndSize(answer, got);
}

/* peek(fd): what has arrived. It never waits, so holding the lock is right. */
static PyObject *defects_peek(PyObject *self, PyObject *args)
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
		for (Py_ssize_t i = 0; i < len; i++) /* seeded: compute-region loop by digest */
			sum = (sum ^ bytes[i]) * 1099511628211u;
	return sum;
}

/* digest(data, rounds): a loop whose cost grows with the input and needs nothing of the
 * interpreter. */
static PyObject *defects_digest(PyObject *self, PyObject *args)
{
	Py_buffer data;
	unsigned rounds;
	uint64_t sum;

	(void)self;
	if (!PyArg_ParseTuple(args, "y*I:digest", &data, &rounds))
		return NULL;
	sum = mix(data.buf, data.len, rounds);
	PyBuffer_Release(&data);
	return PyLong_FromUnsignedLongLong(sum);
}

/* pack(data): a library call whose cost grows with the input. */
static PyObject *defects_pack(PyObject *self, PyObject *args)
{
	PyObject *packed;
	Py_buffer data;
	uLongf size;
	Bytef *to;
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
	to = (Bytef *)PyBytes_AS_STRING(packed);
	status = compress2(to, &size, data.buf, data.len, 9); /* seeded: compute-region compress2 */
	PyBuffer_Release(&data);
	if (status != Z_OK) {
		Py_DECREF(packed);
		PyErr_SetString(PyExc_RuntimeError, "cannot compress");
		return NULL;
	}
	_PyBytes_Resize(&packed, (Py_ssize_t)size);
	return packed;
}

/* count(data, byte): releases the lock, and then sets an exception without it. Only when `byte` is
 * not one. */
static PyObject *defects_count(PyObject *self, PyObject *args)
{
	Py_ssize_t found = 0;
	Py_buffer data;
	int byte;

	(void)self;
	if (!PyArg_ParseTuple(args, "y*i:count", &data, &byte))
		return NULL;
	Py_BEGIN_ALLOW_THREADS
	if (byte < 0 || byte > 255) {
		PyErr_SetNone(PyExc_ValueError); /* seeded: api-unlocked PyErr_SetNone */
		found = -1;
	} else {
		for (Py_ssize_t i = 0; i < data.len; i++)
			found += ((const unsigned char *)data.buf)[i] == byte;
	}
	Py_END_ALLOW_THREADS
	PyBuffer_Release(&data);
	return found < 0 ? NULL : PyLong_FromSsize_t(found);
}

/* size(path): returns to Python without the lock when the file cannot be opened. */
static PyObject *defects_size(PyObject *self, PyObject *args)
{
	const char *path;
	off_t end;
	int fd;

	(void)self;
	if (!PyArg_ParseTuple(args, "s:size", &path))
		return NULL;
	Py_BEGIN_ALLOW_THREADS
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) /* seeded: unbalanced return */
		return NULL;
	end = lseek(fd, 0, SEEK_END);
	close(fd);
	Py_END_ALLOW_THREADS
	return PyLong_FromLongLong(end);
}

static PyMethodDef defects_methods[] = {
	{"receive", defects_receive, METH_VARARGS, "receive(fd): the next bytes from a socket"},
	{"pause", defects_pause, METH_VARARGS, "pause(milliseconds): sleeps"},
	{"ask", defects_ask, METH_VARARGS, "ask(fd): the next answer from a socket"},
	{"peek", defects_peek, METH_VARARGS, "peek(fd): how much has arrived, -1 for nothing"},
	{"digest", defects_digest, METH_VARARGS, "digest(data, rounds): a 64-bit sum"},
	{"pack", defects_pack, METH_VARARGS, "pack(data): zlib's compression"},
	{"count", defects_count, METH_VARARGS, "count(data, byte): how often it occurs"},
	{"size", defects_size, METH_VARARGS, "size(path): of a file"},
	{NULL, NULL, 0, NULL},
};

static struct PyModuleDef defects_module = {
	PyModuleDef_HEAD_INIT,
	.m_name = "defects",
	.m_doc = "Seeded lock defects.",
	.m_size = -1,
	.m_methods = defects_methods,
};

PyMODINIT_FUNC PyInit_defects(void)
{
	return PyModule_Create(&defects_module);
}
