/* Holds an outline read from a file against everything that outline.h promises. */
#ifndef GILSCOPE_ANALYZER_OUTLINE_CHECK_H
#define GILSCOPE_ANALYZER_OUTLINE_CHECK_H

struct err;
struct outline;

/* 0, or -EINVAL with what is wrong; linear in the outline's size. */
int outline_check(const struct outline *outline, const char *path, struct err *err);

#endif
