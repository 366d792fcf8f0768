/* Snapshots → what `gilscope dump` writes. */
#ifndef GILSCOPE_CMD_DUMP_RENDER_H
#define GILSCOPE_CMD_DUMP_RENDER_H

#include <stdbool.h>
#include <stddef.h>

#include "probes/snapshot.h"
#include "runtime/base/str.h"

struct dump_style {
	bool has_colour;
	size_t frames; /* of each stack, in the text */
};

/* 0 or a negative errno. */
int dump_text(const struct snapshot *snapshots, size_t count, const struct dump_style *style,
	struct str *out);
int dump_json(const struct snapshot *snapshots, size_t count, const struct dump_style *style,
	struct str *out);

/* What a thread sleeps in, or another word for what it does. */
void dump_doing(
	const struct snapshot *snapshot, const struct snapshot_thread *thread, struct str *out);

#endif
