/* Growable arrays: `vec(struct site) sites = {0}; if (vec_push(&sites, site)) return -ENOMEM;`
 * VEC_MAX bounds every one of them: what grows past it came from hostile or broken input. */
#ifndef GILSCOPE_BASE_VEC_H
#define GILSCOPE_BASE_VEC_H

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

#define VEC_MAX ((size_t)1 << 28) /* elements */

#define vec(type)                                                                                  \
	struct {                                                                                   \
		type *at; /* owned */                                                              \
		size_t len;                                                                        \
		size_t cap;                                                                        \
	}

/* 0 or a negative errno; on failure the array is as it was. */
int vec_grow(void **at, size_t *cap, size_t need, size_t element_bytes);

#define vec_reserve(v, need) vec_grow((void **)&(v)->at, &(v)->cap, (need), sizeof(*(v)->at))
#define vec_push(v, ...)                                                                           \
	(vec_reserve((v), (v)->len + 1) ? -ENOMEM : ((v)->at[(v)->len++] = (__VA_ARGS__), 0))
#define vec_fini(v)                                                                                \
	do {                                                                                       \
		free((v)->at);                                                                     \
		(v)->at = NULL;                                                                    \
		(v)->len = (v)->cap = 0;                                                           \
	} while (0)
#define vec_each(item, v)                                                                          \
	for (__typeof__((v)->at + 0) item = (v)->at; item && item < (v)->at + (v)->len; item++)

#endif
