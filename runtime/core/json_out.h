/* Pieces of JSON that several formats share. Everything returned is a new reference, NULL when
 * memory is out; jansson's constructors take such a NULL and return NULL, so that one test of the
 * root is enough. */
#ifndef GILSCOPE_CORE_JSON_OUT_H
#define GILSCOPE_CORE_JSON_OUT_H

#include <jansson.h>
#include <stdint.h>

#include "runtime/core/finding.h"

/* Any bytes: what is not UTF-8 becomes U+FFFD. NULL is "". */
json_t *json_text(const char *value);
json_t *json_text_or_null(const char *value);

/* Negative (RUN_UNKNOWN) becomes null. */
json_t *json_amount(int64_t value);

/* One element of "findings" in gilscope-findings/1, and its steps and edits. */
json_t *json_finding(const struct finding *finding);

/* A vec → an array of what `make(element)` returns. */
#define json_array_of(list, make)                                                                  \
	({                                                                                         \
		json_t *array_ = json_array();                                                     \
		vec_each (element_, list) {                                                        \
			if (!array_ || !json_array_append_new(array_, make(element_)))             \
				continue;                                                          \
			json_decref(array_);                                                       \
			array_ = NULL;                                                             \
		}                                                                                  \
		array_;                                                                            \
	})

#endif
