/* Runs the compiler that makes our bitcode. */
#ifndef GILSCOPE_ANALYZER_CLANG_H
#define GILSCOPE_ANALYZER_CLANG_H

#include <stddef.h>

struct err;
struct unit;

/* Bitcode in memory that is mapped, not allocated. */
struct bitcode {
	void *data;
	size_t len;
};

/* Compiles `unit`; flags that this clang does not know are left out, one after the other. On
 * failure `err` holds clang's first error line. */
int clang_bitcode(const struct unit *unit, struct bitcode *ret_bitcode, struct err *err);
void bitcode_fini(struct bitcode *bitcode);

/* The program that is run: the one found at configure time, else clang-19 in PATH. static */
const char *clang_program(void);

#endif
