/* `arg3 & MSG_DONTWAIT` → struct model_condition. */
#ifndef GILSCOPE_ANALYZER_MODEL_CONDITION_H
#define GILSCOPE_ANALYZER_MODEL_CONDITION_H

#include "analyzer/model.h"

struct arena;
struct err;
struct model_file_constant;

enum { MODEL_ARG_MAX = 31 };

struct model_constants {
	const struct model_file_constant *at;
	size_t count;
};

/* Names are looked up in `constants`; `ret_why` says what is wrong with a refused text. static */
int model_condition_parse(const char *text, const struct model_constants *constants,
	struct arena *arena, struct model_condition *ret_condition, const char **ret_why);

#endif
