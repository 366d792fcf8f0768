/* Arenas: zeroed, aligned, apart from each other, and NULL instead of a wrap-around. */
#include <criterion/criterion.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "runtime/base/arena.h"

Test(arena, blocks_are_zeroed_aligned_and_apart)
{
	struct arena *arena = arena_new();
	unsigned char *blocks[200];

	cr_assert(arena);
	for (size_t i = 0; i < 200; i++) {
		size_t bytes = i * 37;

		blocks[i] = arena_alloc(arena, bytes);
		cr_assert(blocks[i]);
		cr_assert_eq((uintptr_t)blocks[i] % _Alignof(max_align_t), 0);
		for (size_t b = 0; b < bytes; b++)
			cr_assert_eq(blocks[i][b], 0);
		memset(blocks[i], (int)i, bytes);
	}
	for (size_t i = 0; i < 200; i++)
		for (size_t b = 0; b < i * 37; b++)
			cr_assert_eq(blocks[i][b], (unsigned char)i);
	arena_free(arena);
}

Test(arena, large_blocks_do_not_waste_the_chunk_in_use)
{
	struct arena *arena = arena_new();
	char *before = arena_alloc(arena, 16), *large = arena_alloc(arena, 1 << 20), *after;

	cr_assert(before && large);
	memset(large, 1, 1 << 20);
	after = arena_alloc(arena, 16);
	cr_expect_eq(after, before + 16);
	arena_free(arena);
}

Test(arena, impossible_sizes_give_null)
{
	struct arena *arena = arena_new();

	cr_expect_null(arena_alloc(arena, SIZE_MAX));
	cr_expect_null(arena_alloc(arena, SIZE_MAX - 8));
	cr_expect_null(arena_strndup(arena, "x", SIZE_MAX));
	cr_expect_not_null(arena_alloc(arena, 8), "and the arena still works");
	arena_free(arena);
	arena_free(NULL);
}

Test(arena, text_is_copied)
{
	struct arena *arena = arena_new();
	char text[] = "abcdef";
	char *whole = arena_strdup(arena, text), *part = arena_strndup(arena, text, 3);

	text[0] = 'X';
	cr_expect_str_eq(whole, "abcdef");
	cr_expect_str_eq(part, "abc");
	cr_expect_null(arena_strdup(arena, NULL));
	cr_expect_str_eq(arena_printf(arena, "%s:%d", "f.c", 12), "f.c:12");
	arena_free(arena);
}
