/* Arithmetic of ranges. */
#include "analyzer/facts.h"

bool range_is_any(const struct range *range)
{
	return range->low == INT64_MIN && range->high == INT64_MAX && !range->is_nonzero &&
	       !range->has_hole && range->function == FN_NONE;
}

bool range_is_one(const struct range *range)
{
	return range->low == range->high;
}

bool range_is_empty(const struct range *range)
{
	return range->low > range->high || (range_is_zero(range) && range->is_nonzero) ||
	       (range_is_one(range) && range->has_hole && range->hole == range->low);
}

bool range_is_zero(const struct range *range)
{
	return range->low == 0 && range->high == 0;
}

bool range_is_same(const struct range *a, const struct range *b)
{
	return a->low == b->low && a->high == b->high && a->function == b->function &&
	       a->is_nonzero == b->is_nonzero && a->has_hole == b->has_hole && a->hole == b->hole;
}

/* Never zero: said so, or by its bounds. */
static bool is_without_zero(const struct range *range)
{
	return range->is_nonzero || range->low > 0 || range->high < 0;
}

struct range range_except(int64_t number)
{
	struct range range = RANGE_ANY;

	range.is_nonzero = number == 0;
	range.has_hole = number != 0;
	range.hole = number;
	return range;
}

struct range range_meet(struct range a, struct range b)
{
	struct range both = {
		.low = a.low > b.low ? a.low : b.low,
		.high = a.high < b.high ? a.high : b.high,
		.function = a.function != FN_NONE ? a.function : b.function,
		.is_nonzero = a.is_nonzero || b.is_nonzero,
		.has_hole = a.has_hole || b.has_hole,
		.hole = a.has_hole ? a.hole : b.hole,
	};

	if (both.is_nonzero && both.low == 0 && both.high > 0)
		both.low = 1;
	if (both.is_nonzero && both.high == 0 && both.low < 0)
		both.high = -1;
	return both;
}

bool range_is_disjoint(struct range a, struct range b)
{
	struct range both = range_meet(a, b);

	return range_is_empty(&both) ||
	       (a.function != FN_NONE && b.function != FN_NONE && a.function != b.function);
}

static bool is_without(const struct range *range, int64_t number)
{
	return (range->has_hole && range->hole == number) || number < range->low ||
	       number > range->high;
}

struct range range_hull(struct range a, struct range b)
{
	struct range hull = {
		.low = a.low < b.low ? a.low : b.low,
		.high = a.high > b.high ? a.high : b.high,
		.function = a.function == b.function ? a.function : FN_NONE,
		.is_nonzero = is_without_zero(&a) && is_without_zero(&b),
	};

	if (a.has_hole && is_without(&b, a.hole)) {
		hull.has_hole = true;
		hull.hole = a.hole;
	} else if (b.has_hole && is_without(&a, b.hole)) {
		hull.has_hole = true;
		hull.hole = b.hole;
	}
	return hull;
}
