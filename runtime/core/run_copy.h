/* Inside core: a private copy of a run and its rollback journal. */
#ifndef GILSCOPE_CORE_RUN_COPY_H
#define GILSCOPE_CORE_RUN_COPY_H

struct err;

/* Both files in a folder of their own under TMPDIR, where SQLite may roll the journal back. */
struct run_copy {
	char *folder; /* owned, as are the next two */
	char *file;
	char *journal;
};

/* On failure nothing is left and `copy` may be given to fini. */
int run_copy_init(struct run_copy *copy, const char *path, struct err *err);
void run_copy_fini(struct run_copy *copy); /* removes the files */

#endif
