/* Text from outside: what is UTF-8 stays, what is not is made harmless. */
#include <criterion/criterion.h>
#include <string.h>

#include "runtime/base/arena.h"
#include "runtime/base/str.h"
#include "runtime/base/utf8.h"

static const char *const valid[] = {"", "plain", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80",
	"\xed\x9f\xbf", "\xee\x80\x80", "\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"};

/* Overlong forms, surrogates, beyond U+10FFFF, lone and missing continuation bytes. */
static const char *const invalid[] = {"\x80", "\xbf", "\xc0\xaf", "\xc1\xbf", "\xc2", "\xc2 ",
	"\xe0\x80\x80", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xed\xbf\xbf", "\xe2\x82", "\xe2\x28\xa1",
	"\xf0\x80\x80\x80", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80",
	"\xf0\x90\x80", "\xfe", "\xff"};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

Test(utf8, tells_well_formed_from_ill_formed)
{
	for (size_t i = 0; i < COUNT(valid); i++)
		cr_expect(utf8_is_valid(valid[i], strlen(valid[i])), "valid[%zu]", i);
	for (size_t i = 0; i < COUNT(invalid); i++)
		cr_expect_not(utf8_is_valid(invalid[i], strlen(invalid[i])), "invalid[%zu]", i);
	cr_expect_eq(utf8_char_bytes("", 0), 0);
	cr_expect_eq(utf8_char_bytes("\xf0\x90\x80\x80", 3), 0, "cut off");
}

Test(utf8, clean_keeps_the_good_and_replaces_the_bad)
{
	struct arena *arena = arena_new();

	cr_expect_str_eq(utf8_clean(arena, "caf\xc3\xa9", 5), "caf\xc3\xa9");
	cr_expect_str_eq(utf8_clean(arena, "caf\xe9!", 5), "caf\xef\xbf\xbd!");
	cr_expect_str_eq(utf8_clean(arena, "a\0b", 3), "a\xef\xbf\xbd"
						       "b");
	cr_expect_str_eq(utf8_clean(arena, "", 0), "");
	for (size_t i = 0; i < COUNT(invalid); i++) {
		char *clean = utf8_clean(arena, invalid[i], strlen(invalid[i]));

		cr_expect(clean && utf8_is_valid(clean, strlen(clean)), "invalid[%zu]", i);
	}
	arena_free(arena);
}

static void expect_visible(const char *text, const char *wanted)
{
	_str_fini_ struct str str = STR_INIT(1000);

	cr_assert_eq(str_add_visible(&str, text), 0);
	cr_expect_str_eq(str_text(&str), wanted);
	for (size_t i = 0; i < str.len; i++)
		cr_expect((unsigned char)str.data[i] >= 0x20 && str.data[i] != 0x7f);
}

Test(utf8, visible_text_cannot_steer_a_terminal)
{
	expect_visible("", "");
	expect_visible("caf\xc3\xa9 \xe2\x82\xac", "caf\xc3\xa9 \xe2\x82\xac");
	expect_visible("\x1b[2J", "\\x1b[2J");
	expect_visible("a\nb\tc\rd", "a\\nb\\tc\\x0dd");
	expect_visible("\x7f", "\\x7f");
	expect_visible("x\xc2\x9b"
		       "31m",
		"x\\xc2\\x9b"
		"31m");
	expect_visible("\xff\x01z", "\\xff\\x01z");
}

Test(utf8, visible_text_keeps_to_the_maximum)
{
	_str_fini_ struct str str = STR_INIT(6);

	cr_expect_neq(str_add_visible(&str, "abc\x1b[2J"), 0);
	cr_expect(str.len <= 6);
}
