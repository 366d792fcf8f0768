/* All outlines of a program joined: functions by symbol, what a pointer may call, who comes in
 * from outside. Read-only once built. */
#ifndef GILSCOPE_ANALYZER_PROGRAM_H
#define GILSCOPE_ANALYZER_PROGRAM_H

#include <stdbool.h>

#include "analyzer/model.h"
#include "analyzer/outline.h"
#include "runtime/base/arena.h"
#include "runtime/base/map.h"
#include "runtime/base/vec.h"

struct findings;

#define FN_NONE UINT32_MAX

/* What a call of a function means to the engine. */
enum fn_kind {
	FN_BODY = 0, /* followed */
	FN_EXTERNAL = 1, /* no body: `model` says what it does, or nothing does */
	FN_API = 2, /* the interpreter's; its body, if there is one, is not looked into */
	FN_LOCK = 3, /* changes the interpreter lock: `model->lock_op` */
};

/* Functions that the engine itself must know: special.def. */
enum fn_role {
	ROLE_NONE = 0,
	ROLE_FORK, /* returns twice: the child is another program */
	ROLE_DLSYM, /* the result is the function that the last argument names */
	ROLE_HOLDS_CHECK, /* the result is true exactly when the lock is held */
	ROLE_NORETURN,
	ROLE_THROW, /* leaves by an exception */
	ROLE_READY, /* says whether another function would wait */
};

struct fn {
	const struct outline *outline; /* of the body; NULL: none. borrowed */
	const struct outline_function *def; /* NULL: no body */
	const char *symbol, *name; /* borrowed */
	const struct model *model; /* NULL: nothing is known, or the body wins */
	uint32_t unit;
	enum fn_kind kind;
	enum fn_role role;
	enum model_api api; /* of an FN_API */
	bool is_internal;
	bool is_called; /* directly, by some body */
	bool is_noreturn, may_throw; /* by declaration; effects.c infers more */
};

struct call_site {
	uint32_t callee, caller; /* functions */
	uint32_t instruction; /* of the caller's outline */
};

struct pointer_index; /* pointers.c */
struct symbol_row;

struct program {
	struct arena *arena; /* owned */
	const struct models *models; /* borrowed */
	struct outline *units; /* owned; sorted by source file */
	uint32_t unit_count;
	uint32_t **functions_of_string; /* per unit, by string id: a function or FN_NONE */
	uint8_t **is_internal_global; /* per unit, by string id of a global's symbol */
	vec(struct fn) functions; /* in unit order: ids are deterministic */
	struct symbol_row *symbols; /* external names → function */
	struct call_site *sites; /* direct calls with a body behind them, sorted by callee */
	uint32_t site_count;
	struct pointer_index *pointers;
	bool is_complete; /* no function is added any more */
};

/* Loads every outline; one that cannot be used is added to `findings->failures`. */
int program_load(struct program *program, const char *const *outlines, size_t count,
	struct findings *findings);
/* Everything that follows from the units: for tests, which fill `units` themselves. */
int program_link(struct program *program);
void program_fini(struct program *program);

/* The function that a VALUE_FUNCTION of `unit` names. Never FN_NONE for a checked outline. */
uint32_t program_function(const struct program *program, uint32_t unit, uint32_t string);

/* By external name, adding a function without a body when new; FN_NONE when memory is out,
 * or the program is complete. */
uint32_t program_external(struct program *program, const char *symbol, const char *name);

/* Does the program call what makes `operation` not wait on some objects? */
bool program_has_setup(const struct program *program, const char *operation);

/* The direct calls of a function with a body. */
const struct call_site *program_sites(
	const struct program *program, uint32_t callee, uint32_t *ret_count);

/* Whose result 0 means that `operation` does not wait now; NULL: nobody's. static */
const char *program_ready_check(const char *operation);

#define CANDIDATES_MAX 16
struct candidates {
	uint32_t count;
	bool is_partial; /* some source of the pointer was not understood, or there were more */
	uint32_t at[CANDIDATES_MAX];
};

/* What the callee `value` of function `fn` may be, from initialisers, stores and arguments. */
void program_callees(
	struct program *program, uint32_t fn, uint32_t value, struct candidates *ret_candidates);

int pointers_build(struct program *program);
void pointers_free(struct pointer_index *index);

enum root_state { ROOT_HELD, ROOT_FOREIGN, ROOT_UNKNOWN, ROOT_RELEASED };

struct root {
	uint32_t fn;
	enum root_state state;
	bool is_init; /* runs once, when the module is imported */
	const char *why; /* "a method table", for people. static */
};

/* Everything that is entered from outside, most certain first, each function and state once. */
struct roots {
	vec(struct root) list;
};
int roots_find(struct program *program, struct roots *ret_roots);

static inline const struct fn *program_fn(const struct program *program, uint32_t id)
{
	return &program->functions.at[id];
}

#endif
