/* The temporary folder of one run of the program, and what is in it. */
#ifndef GILSCOPE_ANALYZER_FOLDER_H
#define GILSCOPE_ANALYZER_FOLDER_H

struct err;

/* A new folder in $TMPDIR (or /tmp) that only we may enter. owned path */
int folder_new(char **ret_path, struct err *err);

/* Removes it and everything in it; never follows a link. NULL is fine. */
void folder_remove(const char *path);

#endif
