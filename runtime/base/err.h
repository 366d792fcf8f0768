/* One sentence for the person who must act: what failed, on what, and what to do. */
#ifndef GILSCOPE_BASE_ERR_H
#define GILSCOPE_BASE_ERR_H

struct err {
	char text[512];
};

/* Writes the sentence, control characters as spaces; `err` may be NULL (the caller does not want
 * it). */
void err_set(struct err *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The same, and returns `code`: `return err_ret(err, -ENOENT, "cannot read %s", path);` */
int err_ret(struct err *err, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
