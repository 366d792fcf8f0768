/* One file of models/ as it is written: YAML → these structs, checked against the schema beside
 * them. model.c turns them into models; the header test reads the rest. */
#ifndef GILSCOPE_ANALYZER_MODEL_FILE_H
#define GILSCOPE_ANALYZER_MODEL_FILE_H

#include <stddef.h>
#include <stdint.h>

struct err;

struct model_file_callback {
	int arg;
	int is_async, is_foreign, is_held;
};

struct model_file_constant {
	char *name;
	char *header; /* when it is not the file's */
	int64_t value;
};

/* An entry stands for `name`, or for each of `names`. Integers that may be absent are pointers,
 * enumerations are stored one higher so that 0 is "not written". */
struct model_file_function {
	char *name;
	char **names;
	int is_removed;
	int effect, wait_on, lock_op, api;
	int is_certain, is_thread_unsafe, is_noreturn, may_run_python, releases_inside;
	int *size_arg, *lock_arg, *callback_arg;
	char **unless, **when;
	struct model_file_callback *callbacks;
	char *note, *source, *header;
	char *absent; /* why a header of this name may lack the function */
	unsigned names_count, unless_count, when_count, callbacks_count;
};

struct model_file {
	char *library, *header, *source;
	char *package, *pkg_config; /* of the header: Debian's package, pkg-config's module */
	char **api_prefixes;
	struct model_file_constant *constants;
	struct model_file_function *functions;
	unsigned api_prefixes_count, constants_count, functions_count;
	unsigned *lines; /* of each function's entry, from 1; owned */
	const char *path; /* borrowed from the caller */
};

/* Reads and checks one file: unknown keys, wrong types, anchors and more than one document are
 * errors with their line. */
int model_file_load(const char *path, struct model_file **ret_file, struct err *err);
int model_file_parse(const char *path, const char *text, size_t len, struct model_file **ret_file,
	struct err *err);
void model_file_free(struct model_file *file);

static inline void model_file_cleanup(struct model_file **file)
{
	model_file_free(*file);
}

#endif
