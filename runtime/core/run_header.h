/* Inside core: the first bytes of a run file, read without SQLite. */
#ifndef GILSCOPE_CORE_RUN_HEADER_H
#define GILSCOPE_CORE_RUN_HEADER_H

#include <stdbool.h>
#include <stdint.h>

struct run_header {
	bool is_sqlite;
	bool is_run; /* and marked as ours */
	bool has_wal; /* reading it would create files next to it */
	uint32_t version;
	uint64_t file_bytes; /* as the file is */
	uint64_t stated_bytes; /* as the header says; 0: it does not say */
};

/* 0 or a negative errno; a file that is too short or of another kind is a result. */
int run_header_read(int fd, struct run_header *ret_header);

#endif
