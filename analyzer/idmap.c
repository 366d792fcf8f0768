/* LLVM's pointers → ids of an outline. */
#include "analyzer/idmap.h"

#include <errno.h>
#include <stdlib.h>

#define FIRST_SLOTS 256u

static uint32_t slot_of(const struct idmap *map, const void *key)
{
	uint64_t hash = (uint64_t)(uintptr_t)key * 0x9e3779b97f4a7c15ULL;

	return (uint32_t)(hash >> 32) & (map->slot_count - 1);
}

void idmap_clear(struct idmap *map)
{
	map->len = 0;
	if (++map->generation)
		return;
	/* Once in four billion: old slots would look taken again. */
	for (uint32_t i = 0; i < map->slot_count; i++)
		map->slots[i].generation = 0;
	map->generation = 1;
}

void idmap_fini(struct idmap *map)
{
	free(map->slots);
	*map = (struct idmap){0};
}

uint32_t idmap_find(const struct idmap *map, const void *key)
{
	if (!map->len)
		return IDMAP_NONE;
	for (uint32_t at = slot_of(map, key);; at = (at + 1) & (map->slot_count - 1)) {
		const struct idmap_slot *slot = &map->slots[at];

		if (slot->generation != map->generation)
			return IDMAP_NONE;
		if (slot->key == key)
			return slot->id;
	}
}

static void insert(struct idmap *map, const void *key, uint32_t id)
{
	uint32_t at = slot_of(map, key);

	while (map->slots[at].generation == map->generation)
		at = (at + 1) & (map->slot_count - 1);
	map->slots[at] = (struct idmap_slot){key, id, map->generation};
}

static int grow(struct idmap *map)
{
	struct idmap larger = {
		.slot_count = map->slot_count ? map->slot_count * 2 : FIRST_SLOTS,
		.len = map->len,
		.generation = map->generation ? map->generation : 1,
	};

	larger.slots = calloc(larger.slot_count, sizeof(*larger.slots));
	if (!larger.slots)
		return -ENOMEM;
	for (uint32_t i = 0; i < map->slot_count; i++)
		if (map->slots[i].generation == map->generation)
			insert(&larger, map->slots[i].key, map->slots[i].id);
	free(map->slots);
	*map = larger;
	return 0;
}

int idmap_add(struct idmap *map, const void *key, uint32_t id)
{
	if (map->len * 2 >= map->slot_count && grow(map))
		return -ENOMEM;
	insert(map, key, id);
	map->len++;
	return 0;
}
