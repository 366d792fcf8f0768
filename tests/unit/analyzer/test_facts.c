/* What a path knows: ranges, comparisons, memory, and what is left where paths meet. */
#include "tests/unit/analyzer/sketch.h"

static struct sketch sketch;
static struct arena *arena;
static struct body body;
static struct facts facts;

static void open_all(void)
{
	sketch_open(&sketch);
}

/* After drawing: the body that the facts are about. */
static void ready(void)
{
	sketch_end(&sketch);
	sketch_link(&sketch);
	arena = arena_new();
	cr_assert_eq(body_prepare(&body, &sketch.program, sketch_find(&sketch, "f"), arena), 0);
	memset(&facts, 0, sizeof(facts));
}

static void close_all(void)
{
	arena_free(arena);
	sketch_close(&sketch);
}

TestSuite(facts, .init = open_all, .fini = close_all);

Test(facts, comparisons_bound_a_value)
{
	uint32_t n, limit, above, again, other;
	struct range range;

	sketch_function(&sketch, "f", 0);
	n = sketch_arg(&sketch, 0);
	limit = sketch_int(&sketch, 64);
	above = sketch_compare(&sketch, COMPARE_SGT, n, limit);
	again = sketch_compare(&sketch, COMPARE_SGT, n, limit);
	other = sketch_compare(&sketch, COMPARE_SLT, n, sketch_int(&sketch, 10));
	sketch_return(&sketch, n);
	ready();
	cr_assert(facts_assume(&body, &facts, above, true));
	range = facts_range(&body, &facts, n);
	cr_assert_eq(range.low, 65);
	range = facts_range(&body, &facts, again);
	cr_assert(range_is_one(&range) && range.low == 1);
	cr_assert_not(facts_assume(&body, &facts, other, true), "n > 64 and n < 10");
	cr_assert(facts_assume(&body, &facts, other, false));
}

Test(facts, null_and_not_null_exclude_each_other)
{
	uint32_t pointer, is_null;
	struct facts yes;

	sketch_function(&sketch, "f", 0);
	pointer = sketch_arg(&sketch, 0);
	is_null = sketch_compare(&sketch, COMPARE_EQ, pointer, sketch_null(&sketch));
	sketch_return(&sketch, pointer);
	ready();
	yes = facts;
	cr_assert(facts_assume(&body, &yes, is_null, true));
	cr_assert_not(facts_learn(&body, &yes, pointer, RANGE_NONZERO));
	cr_assert(facts_assume(&body, &facts, is_null, false));
	cr_assert_not(facts_learn(&body, &facts, pointer, RANGE_ONE((int64_t)0)));
}

Test(facts, two_unknowns_compare_alike_twice)
{
	uint32_t a, b, first, second;
	struct range range;

	sketch_function(&sketch, "f", 0);
	a = sketch_arg(&sketch, 0);
	b = sketch_arg(&sketch, 1);
	first = sketch_compare(&sketch, COMPARE_ULT, a, b);
	second = sketch_compare(&sketch, COMPARE_ULT, a, b);
	sketch_return(&sketch, a);
	ready();
	range = facts_range(&body, &facts, second);
	cr_assert_not(range_is_one(&range));
	cr_assert(facts_assume(&body, &facts, first, false));
	range = facts_range(&body, &facts, second);
	cr_assert(range_is_zero(&range));
}

Test(facts, both_sides_of_and_are_true)
{
	uint32_t a, b, first, second, both;

	sketch_function(&sketch, "f", 0);
	a = sketch_arg(&sketch, 0);
	b = sketch_arg(&sketch, 1);
	first = sketch_compare(&sketch, COMPARE_NE, a, sketch_int(&sketch, 0));
	second = sketch_compare(&sketch, COMPARE_NE, b, sketch_int(&sketch, 0));
	both = sketch_value(&sketch, (struct outline_value){.kind = VALUE_SELECT,
					     .a = second,
					     .b = sketch_int(&sketch, 0),
					     .number = first});
	sketch_return(&sketch, both);
	ready();
	cr_assert_eq(facts_pivot(&body, &facts, both), first);
	cr_assert(facts_assume(&body, &facts, both, true));
	cr_assert_not(facts_learn(&body, &facts, a, RANGE_ONE((int64_t)0)));
	cr_assert_not(facts_learn(&body, &facts, b, RANGE_ONE((int64_t)0)));
}

Test(facts, a_field_read_twice_is_one_value_until_it_is_written)
{
	uint32_t self, first, second, third;

	sketch_function(&sketch, "f", 0);
	self = sketch_arg(&sketch, 0);
	first = sketch_load(&sketch, sketch_field(&sketch, self, 16));
	second = sketch_load(&sketch, sketch_field(&sketch, self, 16));
	sketch_store(&sketch, sketch_field(&sketch, self, 16), sketch_int(&sketch, 3));
	third = sketch_load(&sketch, sketch_field(&sketch, self, 16));
	sketch_return(&sketch, third);
	ready();
	facts_load(&body, &facts, first);
	facts_load(&body, &facts, second);
	cr_assert_eq(facts_same(&body, &facts, second), facts_same(&body, &facts, first));
	cr_assert(facts_learn(&body, &facts, second, RANGE_ONE((int64_t)0)));
	facts_store(
		&body, &facts, body_value(&body, first)->a, sketch.builder.instructions.at[2].b);
	facts_load(&body, &facts, third);
	cr_assert_eq(facts_range(&body, &facts, third).low, 3);
	cr_assert_eq(facts_range(&body, &facts, first).high, 0, "the old value stays what it was");
}

Test(facts, a_write_through_another_pointer_may_be_the_same_field)
{
	uint32_t a, b, load;

	sketch_function(&sketch, "f", 0);
	a = sketch_field(&sketch, sketch_arg(&sketch, 0), 8);
	b = sketch_field(&sketch, sketch_arg(&sketch, 1), 8);
	load = sketch_load(&sketch, a);
	(void)sketch_load(&sketch, a); /* the place must be looked at twice to be kept */
	sketch_store(&sketch, b, sketch_int(&sketch, 1));
	sketch_return(&sketch, load);
	ready();
	facts_load(&body, &facts, load);
	cr_assert(facts_learn(&body, &facts, load, RANGE_ONE((int64_t)0)));
	cr_assert_eq(facts_memory(&body, &facts, body_place(&body, a)).high, 0);
	facts_store(&body, &facts, b, sketch.builder.instructions.at[2].b);
	cr_assert_neq(facts_memory(&body, &facts, body_place(&body, a)).high, 0);
}

Test(facts, where_paths_meet_the_hull_is_left)
{
	uint32_t n;
	struct facts other;
	struct range range;

	sketch_function(&sketch, "f", 0);
	n = sketch_arg(&sketch, 0);
	sketch_return(&sketch, n);
	ready();
	other = facts;
	cr_assert(facts_learn(&body, &facts, n, RANGE_ONE((int64_t)2)));
	cr_assert(facts_learn(&body, &other, n, RANGE_ONE((int64_t)5)));
	cr_assert(facts_join(&body, &facts, &other));
	range = facts_range(&body, &facts, n);
	cr_assert(range.low == 2 && range.high == INT64_MAX, "growing bounds are let go");
	cr_assert_not(facts_join(&body, &facts, &other), "nothing new");
	memset(&other, 0, sizeof(other));
	cr_assert(facts_join(&body, &facts, &other));
	range = facts_range(&body, &facts, n);
	cr_assert(range_is_any(&range));
}

Test(facts, more_than_there_is_room_for_is_forgotten)
{
	uint32_t args[FACTS_MAX + 20];

	sketch_function(&sketch, "f", 0);
	for (int i = 0; i < FACTS_MAX + 20; i++)
		args[i] = sketch_arg(&sketch, i);
	sketch_return(&sketch, args[0]);
	ready();
	for (int i = 0; i < FACTS_MAX + 20; i++)
		cr_assert(facts_learn(&body, &facts, args[i], RANGE_NONZERO));
	cr_assert_eq(facts.count, FACTS_MAX);
	cr_assert(facts_range(&body, &facts, args[3]).is_nonzero);
}
