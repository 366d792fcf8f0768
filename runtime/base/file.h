/* Whole files in and out. */
#ifndef GILSCOPE_BASE_FILE_H
#define GILSCOPE_BASE_FILE_H

#include <stddef.h>

struct err;

/* The whole file, NUL-terminated; refuses more than `max_bytes`. Works on /proc files. owned */
int file_load(
	const char *path, size_t max_bytes, char **ret_data, size_t *ret_len, struct err *err);

/* The same where the path came from a file that somebody else wrote: opening neither waits nor
 * takes a terminal over, and what is no regular file is refused. */
int file_load_regular(
	const char *path, size_t max_bytes, char **ret_data, size_t *ret_len, struct err *err);

/* Replaces `path` in one step: a reader sees the old file or the new one, and a failure leaves the
 * old one and nothing beside it. A path that is not a regular file
 * (/dev/stdout, a pipe) is written directly. */
int file_save(const char *path, const void *data, size_t len, struct err *err);

/* 0 when a new file can be made where `path` will be. Leaves nothing. */
int file_check_folder(const char *path, struct err *err);

#endif
