/* Texts of conditions → what holds of which arguments. */
#include <criterion/criterion.h>
#include <stdint.h>
#include <string.h>

#include "analyzer/model_condition.h"
#include "analyzer/model_file.h"
#include "runtime/base/arena.h"

static struct arena *arena;
static char setlkw[] = "F_SETLKW", dontwait[] = "MSG_DONTWAIT", peek[] = "MSG_PEEK", top[] = "TOP";
static const struct model_file_constant list[] = {
	{.name = setlkw, .value = 7},
	{.name = dontwait, .value = 0x40},
	{.name = peek, .value = 2},
	{.name = top, .value = 0x80000000},
};
static const struct model_constants constants = {.at = list, .count = 4};

static void arena_make(void)
{
	arena = arena_new();
	cr_assert(arena);
}

static void arena_end(void)
{
	arena_free(arena);
}

TestSuite(condition, .init = arena_make, .fini = arena_end);

static struct model_condition parse(const char *text)
{
	struct model_condition condition;
	const char *why;

	cr_assert_eq(model_condition_parse(text, &constants, arena, &condition, &why), 0, "%s: %s",
		text, why);
	return condition;
}

static enum model_answer holds(const char *text, struct model_argument argument)
{
	struct model_condition condition = parse(text);

	return model_condition_holds(&condition, &argument, 1);
}

#define number(n) ((struct model_argument){.kind = ARGUMENT_NUMBER, .number = (n)})
#define string(s) ((struct model_argument){.kind = ARGUMENT_STRING, .text = (s)})
#define thing(k) ((struct model_argument){.kind = ARGUMENT_##k})

Test(condition, texts_become_kinds)
{
	cr_assert_eq(parse("arg3 & MSG_DONTWAIT").kind, COND_MASK);
	cr_assert_eq(parse("arg3 & MSG_DONTWAIT").arg, 3);
	cr_assert_eq(parse("arg3 & MSG_DONTWAIT").value, 0x40);
	cr_assert_eq(parse("arg0 & MSG_DONTWAIT|MSG_PEEK").value, 0x42);
	cr_assert_eq(parse("arg0 has MSG_DONTWAIT | MSG_PEEK").kind, COND_ALL_BITS);
	cr_assert_eq(parse("arg0 == NULL").kind, COND_NULL);
	cr_assert_eq(parse("arg0 != NULL").kind, COND_NOT_EQUALS);
	cr_assert_eq(parse("arg31 == -1").value, -1);
	cr_assert_eq(parse("arg0 < 0x1000").value, 4096);
	cr_assert_eq(parse("arg1 in F_SETLKW 38 MSG_PEEK").value_count, 3);
	cr_assert_eq(parse("arg1 in F_SETLKW 38 MSG_PEEK").values[1], 38);
	cr_assert_str_eq(parse("arg1 in F_SETLKW 38").text, "F_SETLKW 38");
	cr_assert_str_eq(parse("arg0 == \":memory:\"").text, ":memory:");
	cr_assert_eq(parse(" arg4 is zero time ").kind, COND_ZERO_TIME);
}

Test(condition, nonsense_is_refused_with_a_reason)
{
	static const char *const texts[] = {"", "arg", "argx == 1", "arg32 == 1",
		"arg99999999999999999999 == 1", "arg0", "arg0 = 1", "arg0 ==", "arg0 == UNKNOWN",
		"arg0 == 1 2", "arg0 == 99999999999999999999", "arg0 == 1x", "arg0 == \"text",
		"arg0 != \"text\"", "arg0 in", "arg0 in F_SETLKW UNKNOWN", "arg0 & ", "arg0 & 1|",
		"arg0 is zero timer", "arg0 has", "1 == arg0"};
	struct model_condition condition;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		const char *why = NULL;

		cr_assert_lt(model_condition_parse(texts[i], &constants, arena, &condition, &why),
			0, "accepted: %s", texts[i]);
		cr_assert(why && *why, "%s", texts[i]);
	}
}

Test(condition, numbers)
{
	cr_assert_eq(holds("arg0 == 7", number(7)), MODEL_YES);
	cr_assert_eq(holds("arg0 == 7", number(8)), MODEL_NO);
	cr_assert_eq(holds("arg0 != 0", number(0)), MODEL_NO);
	cr_assert_eq(holds("arg0 & MSG_DONTWAIT", number(0x4040)), MODEL_YES);
	cr_assert_eq(holds("arg0 & MSG_DONTWAIT", number(2)), MODEL_NO);
	cr_assert_eq(holds("arg0 has MSG_DONTWAIT|MSG_PEEK", number(0x40)), MODEL_NO);
	cr_assert_eq(holds("arg0 has MSG_DONTWAIT|MSG_PEEK", number(0x42)), MODEL_YES);
	cr_assert_eq(holds("arg0 < 10", number(9)), MODEL_YES);
	cr_assert_eq(holds("arg0 < 10", number(-1)), MODEL_NO);
	cr_assert_eq(holds("arg0 in F_SETLKW 38", number(38)), MODEL_YES);
	cr_assert_eq(holds("arg0 in F_SETLKW 38", number(6)), MODEL_NO);
	cr_assert_eq(holds("arg0 == -1", number(0xffffffff)), MODEL_YES);
	cr_assert_eq(holds("arg0 == TOP", number(INT32_MIN)), MODEL_YES);
	cr_assert_eq(holds("arg0 == TOP", number(INT64_MIN)), MODEL_NO);
}

Test(condition, pointers)
{
	cr_assert_eq(holds("arg0 == NULL", thing(NULL)), MODEL_YES);
	cr_assert_eq(holds("arg0 == NULL", number(0)), MODEL_YES);
	cr_assert_eq(holds("arg0 == NULL", thing(POINTER)), MODEL_NO);
	cr_assert_eq(holds("arg0 == NULL", string("x")), MODEL_NO);
	cr_assert_eq(holds("arg0 != NULL", thing(POINTER)), MODEL_YES);
	cr_assert_eq(holds("arg0 != NULL", thing(NULL)), MODEL_NO);
	cr_assert_eq(holds("arg0 == \":memory:\"", string(":memory:")), MODEL_YES);
	cr_assert_eq(holds("arg0 == \":memory:\"", string("a.db")), MODEL_NO);
	cr_assert_eq(holds("arg0 == \":memory:\"", thing(NULL)), MODEL_NO);
	cr_assert_eq(holds("arg0 == \":memory:\"", thing(POINTER)), MODEL_MAY);
	cr_assert_eq(holds("arg0 is zero time", thing(ZERO_TIME)), MODEL_YES);
	cr_assert_eq(holds("arg0 is zero time", thing(OTHER_TIME)), MODEL_NO);
	cr_assert_eq(holds("arg0 is zero time", thing(NULL)), MODEL_NO);
	cr_assert_eq(holds("arg0 is zero time", thing(POINTER)), MODEL_MAY);
}

Test(condition, unknown_arguments_leave_it_open)
{
	struct model_condition condition = parse("arg1 == 0");
	struct model_argument argument = number(0);

	cr_assert_eq(holds("arg0 == 0", thing(UNKNOWN)), MODEL_MAY);
	cr_assert_eq(model_condition_holds(&condition, &argument, 1), MODEL_MAY);
	cr_assert_eq(model_condition_holds(&condition, NULL, 0), MODEL_MAY);
}

Test(condition, unless_are_alternatives_and_when_must_all_hold)
{
	struct model_condition unless[] = {parse("arg0 & MSG_DONTWAIT"), parse("arg1 == 0")};
	struct model_condition when[] = {parse("arg0 == 1"), parse("arg1 == 2")};
	struct model blocks = {.unless = unless, .unless_count = 2};
	struct model only = {.when = when, .when_count = 2};
	struct model_argument arguments[2] = {number(0), number(5)};

	cr_assert_eq(model_happens(&blocks, arguments, 2), MODEL_YES);
	arguments[1] = number(0);
	cr_assert_eq(model_happens(&blocks, arguments, 2), MODEL_NO);
	arguments[1] = thing(UNKNOWN);
	cr_assert_eq(model_happens(&blocks, arguments, 2), MODEL_MAY);
	arguments[0] = number(0x40);
	cr_assert_eq(model_happens(&blocks, arguments, 2), MODEL_NO);

	cr_assert_eq(model_happens(&only, arguments, 2), MODEL_NO);
	arguments[0] = number(1);
	cr_assert_eq(model_happens(&only, arguments, 2), MODEL_MAY);
	arguments[1] = number(2);
	cr_assert_eq(model_happens(&only, arguments, 2), MODEL_YES);
}
