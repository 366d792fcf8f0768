/* Waiting with and without the lock, in functions that Python calls. */
/* clang-format off */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static PyObject *held(PyObject *self, PyObject *args)
{
	struct pollfd fd = {0};

	poll(&fd, 1, 1000); /* expect: blocking-call poll high */
	return PyLong_FromLong(fd.revents);
}

static PyObject *released(PyObject *self, PyObject *args)
{
	struct pollfd fd = {0};

	Py_BEGIN_ALLOW_THREADS
	poll(&fd, 1, 1000);
	Py_END_ALLOW_THREADS
	return PyLong_FromLong(fd.revents);
}

/* A timeout of zero does not wait. */
static PyObject *zero_timeout(PyObject *self, PyObject *args)
{
	struct pollfd fd = {0};

	poll(&fd, 1, 0);
	return PyLong_FromLong(fd.revents);
}

/* Flags that make the call return at once. */
static PyObject *no_wait(PyObject *self, PyObject *args)
{
	char buffer[16];
	int status;

	recv(3, buffer, sizeof(buffer), MSG_DONTWAIT);
	waitpid(-1, &status, WNOHANG);
	return PyLong_FromLong(status);
}

/* The timeout is a parameter of the helper; one caller passes zero, one does not. */
static int helper(struct pollfd *fd, int timeout_ms)
{
	return poll(fd, 1, timeout_ms); /* expect: blocking-call poll high */
}

static PyObject *through_helper(PyObject *self, PyObject *args)
{
	struct pollfd fd = {0};

	return PyLong_FromLong(helper(&fd, 0) + helper(&fd, 50));
}

static int polite(struct pollfd *fd, int timeout_ms)
{
	return poll(fd, 1, timeout_ms);
}

static PyObject *only_zero(PyObject *self, PyObject *args)
{
	struct pollfd fd = {0};

	return PyLong_FromLong(polite(&fd, 0));
}

/* The child of a fork is another program. */
static PyObject *spawn(PyObject *self, PyObject *args)
{
	pid_t pid = fork();

	if (pid == 0) {
		sleep(1);
		_exit(0);
	}
	return PyLong_FromLong(pid);
}

/* The way there ends before. */
static void give_up(void)
{
	abort();
}

static PyObject *never(PyObject *self, PyObject *args)
{
	give_up();
	sleep(1);
	return NULL;
}

/* Imported once: not worth the same attention. */
static int start(PyObject *module)
{
	sleep(1); /* expect: blocking-call sleep medium */
	return 0;
}

static PyMethodDef methods[] = {
	{"held", held, METH_VARARGS, NULL},
	{"released", released, METH_VARARGS, NULL},
	{"zero_timeout", zero_timeout, METH_VARARGS, NULL},
	{"no_wait", no_wait, METH_VARARGS, NULL},
	{"through_helper", through_helper, METH_VARARGS, NULL},
	{"only_zero", only_zero, METH_VARARGS, NULL},
	{"spawn", spawn, METH_VARARGS, NULL},
	{"never", never, METH_VARARGS, NULL},
	{NULL, NULL, 0, NULL},
};

static PyModuleDef_Slot slots[] = {{Py_mod_exec, start}, {0, NULL}};
static struct PyModuleDef module = {
	PyModuleDef_HEAD_INIT, "direct", NULL, 0, methods, slots, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit_direct(void)
{
	return PyModuleDef_Init(&module);
}
