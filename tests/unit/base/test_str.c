/* Growable text: exact contents, and a maximum that holds. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "runtime/base/str.h"

Test(str, grows_and_stays_terminated)
{
	_str_fini_ struct str str = STR_INIT(100000);

	cr_expect_str_eq(str_text(&str), "");
	for (int i = 0; i < 1000; i++) {
		cr_assert_eq(str_add(&str, "ab"), 0);
		cr_assert_eq(str_add_bytes(&str, "cX", 1), 0);
		cr_assert_eq(str_addf(&str, "%d", i % 10), 0);
	}
	cr_expect_eq(str.len, 4000);
	cr_expect_eq(strlen(str.data), 4000);
	cr_expect(!strncmp(str.data, "abc0abc1abc2", 12));
	cr_expect_not(str.is_short);
}

Test(str, maximum_is_exact_and_a_failed_append_changes_nothing)
{
	_str_fini_ struct str str = STR_INIT(5);

	cr_expect_eq(str_add(&str, "12345"), 0);
	cr_expect_eq(str_add(&str, ""), 0);
	cr_expect_eq(str_add(&str, "6"), -E2BIG);
	cr_expect(str.is_short);
	cr_expect_str_eq(str_text(&str), "12345");
	cr_expect_eq(str_addf(&str, "%s", "67"), -E2BIG);
	str_clear(&str);
	cr_expect_not(str.is_short);
	cr_expect_str_eq(str_text(&str), "");
	cr_expect_eq(str_add(&str, "123456"), -E2BIG);
	cr_expect_str_eq(str_text(&str), "");
}

Test(str, holds_bytes_of_any_kind)
{
	_str_fini_ struct str str = STR_INIT(10);

	cr_expect_eq(str_add_bytes(&str, "a\0b", 3), 0);
	cr_expect_eq(str.len, 3);
	cr_expect_arr_eq(str.data, "a\0b", 4);
	cr_expect_eq(str_add_bytes(&str, NULL, 0), 0);
}

Test(str, fini_may_be_repeated_and_the_text_used_again)
{
	struct str str = STR_INIT(10);

	cr_expect_eq(str_add(&str, "x"), 0);
	str_fini(&str);
	str_fini(&str);
	cr_expect_eq(str_add(&str, "y"), 0);
	cr_expect_str_eq(str_text(&str), "y");
	str_fini(&str);
}
