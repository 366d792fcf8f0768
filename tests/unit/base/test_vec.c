/* Growable arrays. */
#include <criterion/criterion.h>

#include "runtime/base/vec.h"

struct pair {
	int a, b;
};

Test(vec, keeps_what_is_pushed_in_order)
{
	vec(struct pair) pairs = {0};
	int next = 0;

	for (int i = 0; i < 1000; i++)
		cr_assert_eq(vec_push(&pairs, (struct pair){i, -i}), 0);
	cr_expect_eq(pairs.len, 1000);
	vec_each (pair, &pairs) {
		cr_assert(pair->a == next && pair->b == -next);
		next++;
	}
	cr_expect_eq(next, 1000);
	vec_fini(&pairs);
	cr_expect(!pairs.at && !pairs.len && !pairs.cap);
	vec_each (pair, &pairs)
		cr_assert(false, "%p", (void *)pair);
	vec_fini(&pairs);
}

Test(vec, refuses_to_grow_past_its_maximum)
{
	vec(char) bytes = {0};

	cr_expect_eq(vec_push(&bytes, 'x'), 0);
	cr_expect_eq(vec_reserve(&bytes, VEC_MAX + 1), -E2BIG);
	cr_expect(bytes.len == 1 && bytes.at[0] == 'x');
	cr_expect_eq(vec_reserve(&bytes, 100), 0);
	cr_expect(bytes.cap >= 100 && bytes.len == 1 && bytes.at[0] == 'x');
	vec_fini(&bytes);
}

Test(vec, each_walks_what_may_not_be_changed)
{
	struct holder {
		vec(int) numbers;
	} holder = {0};
	const struct holder *borrowed = &holder;
	int sum = 0;

	for (int i = 1; i <= 4; i++)
		cr_assert_eq(vec_push(&holder.numbers, i), 0);
	vec_each (number, &borrowed->numbers)
		sum += *number;
	cr_expect_eq(sum, 10);
	vec_fini(&holder.numbers);
}
