/* Where this version of CPython keeps what layouts.tsv lists: one "field value" a line, from its
 * own internal headers. tests/live/test_layouts.py compiles it against every set of headers there
 * is; whoever adds a version runs it to make the new row (probes/README.md). */
#include <Python.h>
#include <stddef.h>
#include <stdio.h>

#define MINOR PY_MINOR_VERSION

#if MINOR >= 11
#include "internal/pycore_frame.h"
#endif
#if MINOR >= 14
#include "internal/pycore_interpframe.h"
#endif
#if MINOR > 8
#include "internal/pycore_interp.h"
#include "internal/pycore_runtime.h"
#else
#include "internal/pycore_pystate.h"
#endif
#include "frameobject.h"
#include "internal/pycore_gil.h"

#if MINOR >= 11
typedef _PyInterpreterFrame Frame;
#else
typedef PyFrameObject Frame;
#endif
typedef struct _gil_runtime_state Gil;

#define SHOW(name, value) printf("%s 0x%zx\n", name, (size_t)(value))
#define FIELD(name, type, member) SHOW(name, offsetof(type, member))
#define PLACE(name, member) SHOW("debug_offsets " name, offsetof(_Py_DebugOffsets, member))

static void show_lock(void)
{
#if MINOR <= 11
	FIELD("runtime_gil", _PyRuntimeState, ceval.gil);
#else
	FIELD("interp_gil", PyInterpreterState, ceval.gil);
#endif
	FIELD("runtime_interp_head", _PyRuntimeState, interpreters.head);
	/* The code relies on these two. */
	if (offsetof(_PyRuntimeState, interpreters.main) !=
			offsetof(_PyRuntimeState, interpreters.head) + 8 ||
		offsetof(Gil, interval) + 8 != offsetof(Gil, last_holder))
		printf("broken rule\n");
	FIELD("gil_last_holder", Gil, last_holder);
	FIELD("gil_locked", Gil, locked);
	FIELD("gil_switch_number", Gil, switch_number);
	FIELD("gil_cond", Gil, cond);
	FIELD("gil_mutex", Gil, mutex);
	FIELD("gil_switch_cond", Gil, switch_cond);
#ifdef Py_GIL_DISABLED
	FIELD("gil_enabled", Gil, enabled);
#endif
}

static void show_threads(void)
{
	FIELD("interp_next", PyInterpreterState, next);
	FIELD("interp_id", PyInterpreterState, id);
#if MINOR <= 10
	FIELD("interp_threads_head", PyInterpreterState, tstate_head);
	FIELD("tstate_frame", PyThreadState, frame);
#else
	FIELD("interp_threads_head", PyInterpreterState, threads.head);
	FIELD("tstate_native_id", PyThreadState, native_thread_id);
#endif
	FIELD("tstate_interp", PyThreadState, interp);
	FIELD("tstate_next", PyThreadState, next);
	FIELD("tstate_thread_id", PyThreadState, thread_id);
#if MINOR == 11 || MINOR == 12
	FIELD("tstate_frame", PyThreadState, cframe);
	FIELD("cframe_frame", _PyCFrame, current_frame);
#elif MINOR >= 13
	FIELD("tstate_frame", PyThreadState, current_frame);
#endif
}

static void show_frame(void)
{
#if MINOR <= 12
	FIELD("frame_code", Frame, f_code);
#else
	FIELD("frame_code", Frame, f_executable);
#endif
#if MINOR <= 10
	FIELD("frame_back", Frame, f_back);
	FIELD("frame_instr", Frame, f_lasti);
#else
	FIELD("frame_back", Frame, previous);
	FIELD("frame_owner", Frame, owner);
#if MINOR <= 12
	FIELD("frame_instr", Frame, prev_instr);
#else
	FIELD("frame_instr", Frame, instr_ptr);
#endif
#endif
#if MINOR == 12 || MINOR == 13
	SHOW("frame_owner_skip", FRAME_OWNED_BY_CSTACK);
#elif MINOR >= 14
	SHOW("frame_owner_skip", FRAME_OWNED_BY_INTERPRETER);
#endif
}

static void show_objects(void)
{
	FIELD("code_filename", PyCodeObject, co_filename);
	FIELD("code_name", PyCodeObject, co_name);
	FIELD("code_firstlineno", PyCodeObject, co_firstlineno);
#if MINOR <= 9
	FIELD("code_linetable", PyCodeObject, co_lnotab);
#else
	FIELD("code_linetable", PyCodeObject, co_linetable);
#endif
#if MINOR <= 10
	FIELD("code_bytes", PyCodeObject, co_code);
#else
	FIELD("code_qualname", PyCodeObject, co_qualname);
	FIELD("code_bytes", PyCodeObject, co_code_adaptive);
#endif
	FIELD("unicode_state", PyASCIIObject, state);
	FIELD("unicode_length", PyASCIIObject, length);
	SHOW("unicode_ascii", sizeof(PyASCIIObject));
	SHOW("unicode_compact", sizeof(PyCompactUnicodeObject));
	FIELD("bytes_size", PyVarObject, ob_size);
	FIELD("bytes_data", PyBytesObject, ob_sval);
}

/* The kind of a string follows how it is interned; only the compiler knows where. */
static void show_kind_shift(void)
{
	PyASCIIObject text = {0};
	unsigned int state;

	text.state.kind = 1;
	state = *(unsigned int *)&text.state;
	SHOW("unicode_kind_shift", __builtin_ctz(state));
}

#if MINOR >= 13
static void show_debug_offsets(void)
{
	PLACE("runtime_interp_head", runtime_state.interpreters_head);
	PLACE("interp_id", interpreter_state.id);
	PLACE("interp_next", interpreter_state.next);
	PLACE("interp_threads_head", interpreter_state.threads_head);
	PLACE("interp_gil", interpreter_state.ceval_gil);
	PLACE("tstate_next", thread_state.next);
	PLACE("tstate_interp", thread_state.interp);
	PLACE("tstate_frame", thread_state.current_frame);
	PLACE("tstate_thread_id", thread_state.thread_id);
	PLACE("tstate_native_id", thread_state.native_thread_id);
	PLACE("frame_back", interpreter_frame.previous);
	PLACE("frame_code", interpreter_frame.executable);
	PLACE("frame_instr", interpreter_frame.instr_ptr);
	PLACE("frame_owner", interpreter_frame.owner);
	PLACE("code_filename", code_object.filename);
	PLACE("code_name", code_object.name);
	PLACE("code_qualname", code_object.qualname);
	PLACE("code_linetable", code_object.linetable);
	PLACE("code_firstlineno", code_object.firstlineno);
	PLACE("code_bytes", code_object.co_code_adaptive);
	PLACE("bytes_size", bytes_object.ob_size);
	PLACE("bytes_data", bytes_object.ob_sval);
	PLACE("unicode_state", unicode_object.state);
	PLACE("unicode_length", unicode_object.length);
	PLACE("unicode_ascii", unicode_object.asciiobject_size);
}
#endif

int main(void)
{
	show_lock();
	show_threads();
	show_frame();
	show_objects();
	show_kind_shift();
#if MINOR >= 13
	show_debug_offsets();
#endif
	return 0;
}
