/* Pointer → 32-bit id, for LLVM's objects: open addressing, emptied in constant time. */
#ifndef GILSCOPE_ANALYZER_IDMAP_H
#define GILSCOPE_ANALYZER_IDMAP_H

#include <stdint.h>

#define IDMAP_NONE UINT32_MAX

struct idmap_slot {
	const void *key;
	uint32_t id;
	uint32_t generation; /* the slot is taken when it is the map's */
};

struct idmap {
	struct idmap_slot *slots; /* owned */
	uint32_t slot_count; /* a power of two, or 0 */
	uint32_t len;
	uint32_t generation;
};

void idmap_clear(struct idmap *map);
void idmap_fini(struct idmap *map);

uint32_t idmap_find(const struct idmap *map, const void *key); /* IDMAP_NONE: not there */
int idmap_add(struct idmap *map, const void *key, uint32_t id); /* a new key; 0 or -ENOMEM */

#endif
