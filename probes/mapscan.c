/* A kernel hash map → one call for each entry, read in batches. */
#include <errno.h>
#include <stdlib.h>

#include <bpf/bpf.h>

#include "probes/recorder.h"
#include "runtime/base/cleanup.h"

#define BATCH_BYTES_MAX ((size_t)1 << 20)
#define BATCH_MAX 512U
#define BATCH_MIN 64U

static uint32_t batch_entries(const struct map_shape *shape)
{
	size_t entries = BATCH_BYTES_MAX / (shape->key_bytes + shape->value_bytes);

	if (entries > BATCH_MAX)
		return BATCH_MAX;
	return entries < BATCH_MIN ? BATCH_MIN : (uint32_t)entries;
}

int map_each(struct recorder *recorder, const struct map_shape *shape, map_visitor *visit)
{
	uint32_t room = batch_entries(shape), count, position = 0;
	_free_ char *keys = malloc((size_t)room * shape->key_bytes);
	_free_ char *values = malloc((size_t)room * shape->value_bytes);
	bool is_first = true, is_last = false;

	if (!keys || !values)
		return -ENOMEM;
	while (!is_last) {
		void *from = is_first ? NULL : &position;
		int rc;

		count = room;
		if (shape->is_taken)
			rc = bpf_map_lookup_and_delete_batch(
				shape->fd, from, &position, keys, values, &count, NULL);
		else
			rc = bpf_map_lookup_batch(
				shape->fd, from, &position, keys, values, &count, NULL);
		if (rc && rc != -ENOENT)
			return rc;
		is_last = rc == -ENOENT;
		is_first = false;
		for (uint32_t i = 0; i < count; i++) {
			rc = visit(recorder, keys + (size_t)i * shape->key_bytes,
				values + (size_t)i * shape->value_bytes);
			if (rc)
				return rc;
		}
	}
	return 0;
}
