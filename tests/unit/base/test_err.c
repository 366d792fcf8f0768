/* Error sentences. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "runtime/base/err.h"

Test(err, keeps_the_sentence_and_returns_the_code)
{
	struct err err = {0};

	cr_expect_eq(err_ret(&err, -ENOENT, "cannot read %s: %d", "x", 7), -ENOENT);
	cr_expect_str_eq(err.text, "cannot read x: 7");
	err_set(&err, "other");
	cr_expect_str_eq(err.text, "other");
	err_set(NULL, "nobody wants it");
	cr_expect_eq(err_ret(NULL, -EIO, "nobody wants it"), -EIO);
}

Test(err, a_sentence_that_is_too_long_is_cut)
{
	struct err err;
	char text[2000];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	err_set(&err, "%s", text);
	cr_expect_eq(strlen(err.text), sizeof(err.text) - 1);
}

Test(err, a_sentence_is_one_line_whatever_it_names)
{
	struct err err;

	err_set(&err, "cannot read %s",
		"a\nb\x1b[2J\x7f\xc2\x9b"
		"2J caf\xc3\xa9\t");
	cr_expect_str_eq(err.text, "cannot read a b [2J   2J caf\xc3\xa9 ");
}
