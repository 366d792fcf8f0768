/* The table of what this machine allows: complete, and a remedy beside everything that lacks. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "probes/feature_table.h"

Test(features, name_cause_and_remedy)
{
	struct feature_table table;

	feature_table_probe(&table);
	for (int i = 0; i < FEATURE_COUNT; i++) {
		const struct feature *feature = &table.at[i];

		cr_assert(ne(ptr, (void *)feature->name, NULL), "feature %d", i);
		cr_assert(ne(chr, feature->cause[0], '\0'), "%s", feature->name);
		if (feature->state == FEATURE_OK)
			cr_assert(eq(chr, feature->remedy[0], '\0'), "%s", feature->name);
	}
}

Test(features, finds_the_first_that_is_missing)
{
	struct feature_table table = {0};

	cr_assert(eq(ptr, (void *)feature_table_missing(&table), NULL));
	table.at[FEATURE_UPROBE_MULTI].state = FEATURE_WARN;
	cr_assert(eq(ptr, (void *)feature_table_missing(&table), NULL));
	table.at[FEATURE_UPROBE].state = FEATURE_MISSING;
	table.at[FEATURE_MEMLOCK].state = FEATURE_MISSING;
	cr_assert(eq(ptr, (void *)feature_table_missing(&table), &table.at[FEATURE_UPROBE]));
}
