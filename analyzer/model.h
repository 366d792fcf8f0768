/* What is known about functions that are not in the program: the YAML files of models/ → lookup by
 * symbol.
 *
 * Names are normalised before lookup: `read64`, `__read_chk`, `__isoc99_fscanf` are read, read,
 * fscanf. C++ names are looked up demangled, without template arguments and parameters. */
#ifndef GILSCOPE_ANALYZER_MODEL_H
#define GILSCOPE_ANALYZER_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;

enum model_effect {
	MODEL_TRIVIAL = 0, /* known, and never worth releasing the lock for */
	MODEL_BLOCKS = 1, /* can wait on `wait_on` */
	MODEL_COMPUTES = 2, /* CPU time grows with argument `size_arg`, or is always large (-1) */
	MODEL_MUTEX_LOCK = 3, /* takes the lock that argument `lock_arg` names, may wait */
	MODEL_MUTEX_TRYLOCK = 4, /* takes it without waiting */
	MODEL_MUTEX_UNLOCK = 5,
	MODEL_LOCK = 6, /* changes the interpreter lock: see `lock_op` */
	MODEL_API = 7, /* the interpreter's API: see `api` */
};

enum model_wait {
	WAIT_PEER = 0, /* another machine or program at the other end */
	WAIT_DEVICE = 1,
	WAIT_FILESYSTEM = 2,
	WAIT_PROCESS = 3, /* a process, thread or lock of this machine */
	WAIT_HUMAN = 4,
	WAIT_TIME = 5, /* sleeps */
};

enum model_lock_op {
	LOCK_OP_NONE = 0,
	LOCK_OP_RELEASE = 1, /* held → released, returns the saved state (PyEval_SaveThread) */
	LOCK_OP_ACQUIRE = 2, /* released → held (PyEval_RestoreThread) */
	LOCK_OP_ENSURE = 3, /* any → held, remembers what was (PyGILState_Ensure) */
	LOCK_OP_UNENSURE = 4, /* back to what Ensure found (PyGILState_Release) */
	LOCK_OP_SWAP = 5, /* PyThreadState_Swap: NULL releases, else acquires (3.12+) */
	LOCK_OP_CALL_RELEASED = 6, /* runs callback argument `callback_arg` released (Ruby) */
	LOCK_OP_CALL_HELD = 7,
};

enum model_api {
	API_NEEDS_LOCK = 0,
	API_ACCESSOR = 1, /* reads fields only: no error without the lock */
	API_UNLOCKED = 2, /* documented to work without it (PyMem_RawMalloc, PyGILState_Check) */
};

enum model_condition_kind {
	COND_EQUALS = 0, /* arg == value */
	COND_NOT_EQUALS = 1,
	COND_MASK = 2, /* arg & value */
	COND_NULL = 3, /* arg == NULL */
	COND_ZERO_TIME = 4, /* arg points to a zero timeval or timespec */
	COND_STRING = 5, /* arg is the string constant `text` */
	COND_LESS = 6, /* arg < value, unsigned */
	COND_ALL_BITS = 7, /* (arg & value) == value */
	COND_ONE_OF = 8, /* arg is one of `values` */
};

/* One condition under which the effect does NOT happen (`unless:`), or without which it does not
 * (`when:`). A model's `unless` are alternatives, its `when` must all hold. An argument that is not
 * a constant leaves the condition open: the effect "may" happen. */
struct model_condition {
	enum model_condition_kind kind;
	int arg; /* from 0 */
	int64_t value;
	const char
		*text; /* the constant's name or the string; for people and for the header test */
	const int64_t *values; /* COND_ONE_OF */
	size_t value_count;
};

struct model_callback {
	int arg; /* index of the function pointer */
	bool is_async; /* runs later or on another thread; otherwise within the call */
	bool is_foreign; /* … on a thread that the interpreter does not know */
	bool is_held; /* … with the interpreter lock held; else in whatever state its caller has */
};

struct model {
	const char *name;
	const char *library; /* the file's `library:` */
	const char *header; /* "" when none */
	enum model_effect effect;
	enum model_wait wait_on;
	bool is_certain; /* blocks as a rule (B0), not just on a bad day (B1) */
	bool is_thread_unsafe; /* the lock may be what makes the call safe */
	bool is_noreturn;
	int size_arg, lock_arg, callback_arg; /* -1: none */
	enum model_lock_op lock_op;
	enum model_api api;
	bool may_run_python; /* arbitrary Python code can run inside: the lock can change hands */
	bool releases_inside; /* releases the lock itself around its wait: holding it is right */
	const struct model_condition *unless;
	size_t unless_count;
	const struct model_condition *when;
	size_t when_count;
	const struct model_callback *callbacks;
	size_t callback_count;
	const char *note; /* one sentence for people; "" when none */
	const char *source; /* where the fact comes from */
};

/* What is known of one argument of a call. */
enum model_argument_kind {
	ARGUMENT_UNKNOWN = 0,
	ARGUMENT_NUMBER = 1, /* number */
	ARGUMENT_NULL = 2,
	ARGUMENT_STRING = 3, /* text: a constant string */
	ARGUMENT_ZERO_TIME = 4, /* points to a timeval or timespec that is zero */
	ARGUMENT_POINTER = 5, /* to something, so not NULL */
	ARGUMENT_OTHER_TIME = 6, /* … that is not zero */
};

struct model_argument {
	enum model_argument_kind kind;
	int64_t number;
	const char *text; /* borrowed */
};

enum model_answer {
	MODEL_NO = 0,
	MODEL_MAY = 1,
	MODEL_YES = 2,
};

/* Whether one condition holds; whether a call with these arguments has the model's effect. */
enum model_answer model_condition_holds(const struct model_condition *condition,
	const struct model_argument *arguments, size_t count);
enum model_answer model_happens(
	const struct model *model, const struct model_argument *arguments, size_t count);

struct models;

/* All *.yml of a folder, or one file; may be called again: a later entry replaces an earlier one
 * of the same name, `remove: true` removes it. Errors name file and line. */
int models_new(struct models **ret_models);
int models_load(struct models *models, const char *path, struct err *err);
/* The same of one file's text; `path` names it in errors. */
int models_load_text(
	struct models *models, const char *path, const char *text, size_t len, struct err *err);
void models_free(struct models *models);
size_t models_count(const struct models *models);

/* By linker symbol (mangled or plain). NULL: nothing is known. borrowed */
const struct model *models_find(const struct models *models, const char *symbol);

/* Every model once, in name order. */
typedef void model_visitor(const struct model *model, void *context);
void models_each(const struct models *models, model_visitor *visit, void *context);

/* True when `symbol` belongs to the interpreter's API by its prefix (Py, _Py, PyArray_ … as the
 * models' `api_prefixes:` say) and no model says otherwise. */
bool models_is_api(const struct models *models, const char *symbol);

#endif
