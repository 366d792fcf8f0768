/* Inside report: what the parts of the text format share. */
#ifndef GILSCOPE_REPORT_RUN_TEXT_H
#define GILSCOPE_REPORT_RUN_TEXT_H

#include "runtime/base/clock.h"
#include "runtime/report/facts.h"
#include "runtime/report/report.h"
#include "runtime/report/table.h"

#define TEXT_THREADS 20 /* rows of a table, the heaviest first: the rest is counted */
#define TEXT_PROCESSES 12
#define TEXT_PAIRS 10
#define TEXT_LONGEST 3 /* of each kind, with stacks */
#define TEXT_FRAMES 6
#define TEXT_FINDINGS 15

struct text_writer {
	const struct report *report;
	const struct report_style *style;
	struct str *out;
	const char *bold, *dim, *plain; /* escape sequences, or "" */
};

int text_heading(struct text_writer *text, const char *heading);
int text_print(struct text_writer *text, const struct table *table, size_t more, const char *what);

/* Cells of a table: "?" where unknown. */
int table_add_time(struct table *table, int64_t ns);
int table_add_count(struct table *table, int64_t count);
int table_add_share(struct table *table, double share);
int table_add_bytes(struct table *table, int64_t bytes);
int table_add_frame(struct table *table, const struct run_frame *frame);

/* "worker-1 4711", "?" for tid 0. borrowed from the report's arena; NULL: out of memory */
const char *text_thread_name(const struct text_writer *text, int tid);

int text_processes(struct text_writer *text);
int text_threads(struct text_writer *text);
int text_states(struct text_writer *text);
int text_blamed(struct text_writer *text);
int text_blame(struct text_writer *text);
int text_longest(struct text_writer *text, const char *kind);
int text_latency(struct text_writer *text);
int text_findings(struct text_writer *text);

#endif
