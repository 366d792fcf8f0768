/* Programs drawn by hand → effects, contexts and findings. */
#include "tests/unit/analyzer/sketch.h"

static struct sketch sketch;

static void open_all(void)
{
	sketch_open(&sketch);
}

static void close_all(void)
{
	sketch_close(&sketch);
}

TestSuite(solve, .init = open_all, .fini = close_all);

/* `name` gives the lock up and stores the saved state at its first argument. */
static void draw_enter(const char *name)
{
	uint32_t save;

	sketch_function(&sketch, name, FUNCTION_INTERNAL);
	save = sketch_call(&sketch, "PyEval_SaveThread", NOTHING, NOTHING);
	sketch_store(&sketch, sketch_arg(&sketch, 0), save);
	sketch_return(&sketch, OUTLINE_NONE);
	sketch_end(&sketch);
}

/* `name` takes it back if there is something saved. */
static void draw_leave(const char *name)
{
	uint32_t save;

	sketch_function(&sketch, name, FUNCTION_INTERNAL);
	save = sketch_load(&sketch, sketch_arg(&sketch, 0));
	sketch_branch(
		&sketch, sketch_compare(&sketch, COMPARE_EQ, save, sketch_null(&sketch)), 2, 1);
	sketch_block(&sketch, 1);
	(void)sketch_call(&sketch, "PyEval_RestoreThread", save, NOTHING); /* no result */
	sketch_jump(&sketch, 2);
	sketch_block(&sketch, 2);
	sketch_return(&sketch, OUTLINE_NONE);
	sketch_end(&sketch);
}

static void call(const char *name)
{
	(void)sketch_call(&sketch, name, NOTHING, NOTHING); /* the result is of no interest */
}

static void call_with(const char *name, uint32_t argument)
{
	(void)sketch_call(&sketch, name, argument, NOTHING); /* the result is of no interest */
}

Test(solve, effects_of_wrappers)
{
	struct effects effects = {0};
	const struct effect_list *list;

	draw_enter("enter");
	draw_leave("leave");
	sketch_link(&sketch);
	cr_assert_eq(effects_solve(&effects, &sketch.program), 0);
	for (uint32_t id = 0; id < sketch.program.functions.len; id++)
		if (program_fn(&sketch.program, id)->kind == FN_BODY)
			cr_assert_eq(
				effects_ensure(&effects, &sketch.program, id, LOCK_RELEASED, 0), 0);
	list = &effects.of[sketch_find(&sketch, "enter")].by_state[LOCK_HELD];
	cr_assert_eq(list->count, 1);
	cr_assert_eq(list->at[0].lock.state, LOCK_RELEASED);
	cr_assert_eq(effects.of[sketch_find(&sketch, "enter")].by_state[LOCK_RELEASED].count, 0,
		"entered released it cannot leave");
	list = &effects.of[sketch_find(&sketch, "leave")].by_state[LOCK_RELEASED];
	cr_assert_eq(list->count, 2, "with something saved, and without");
	cr_assert_neq(list->at[0].lock.state, list->at[1].lock.state);
	cr_assert_not(list->at[0].doubts & DOUBT_CONDITION, "the memory tells them apart");
	effects_fini(&effects);
}

Test(solve, wrappers_through_memory_are_exact)
{
	uint32_t cookie;

	draw_enter("enter");
	draw_leave("leave");
	sketch_function(&sketch, "method", FUNCTION_INTERNAL);
	cookie = sketch_local(&sketch, 0);
	call_with("enter", cookie);
	call_with("sleep", sketch_int(&sketch, 1));
	call_with("leave", cookie);
	sketch_return(&sketch, sketch_null(&sketch));
	sketch_end(&sketch);
	sketch_method(&sketch, "method");
	cr_assert_eq(sketch_solve(&sketch)->list.len, 0);
}

Test(solve, a_held_wait_is_found_through_two_functions)
{
	const struct finding *finding;

	sketch_function(&sketch, "inner", FUNCTION_INTERNAL);
	call_with("sleep", sketch_int(&sketch, 1));
	sketch_return(&sketch, OUTLINE_NONE);
	sketch_end(&sketch);
	sketch_function(&sketch, "outer", FUNCTION_INTERNAL);
	call("inner");
	sketch_return(&sketch, OUTLINE_NONE);
	sketch_end(&sketch);
	sketch_method(&sketch, "outer");
	sketch_solve(&sketch);
	finding = sketch_finding(&sketch, "blocking-call", "inner");
	cr_assert(finding);
	cr_assert_eq(finding->confidence, CONFIDENCE_HIGH);
	cr_assert_str_eq(finding->entry, "outer");
	cr_assert_str_eq(finding->operation, "sleep");
	cr_assert_eq(finding->path.len, 2);
	cr_assert_str_eq(finding->path.at[1].message, "calls inner with the lock held");
	cr_assert_eq(strlen(finding->fingerprint), 16);
}

/* poll(fd, n, timeout) with the timeout that the caller passes. */
static void draw_poll(const char *method, int64_t timeout_ms)
{
	sketch_function(&sketch, method, FUNCTION_INTERNAL);
	call_with("wait_for", sketch_int(&sketch, timeout_ms));
	sketch_return(&sketch, OUTLINE_NONE);
	sketch_end(&sketch);
	sketch_method(&sketch, method);
}

static void draw_wait_for(void)
{
	uint32_t timeout;

	sketch_function(&sketch, "wait_for", FUNCTION_INTERNAL);
	timeout = sketch_arg(&sketch, 0);
	(void)sketch_call(&sketch, "poll", sketch_local(&sketch, 0), sketch_int(&sketch, 1));
	outline_push(&sketch.builder, operands, timeout);
	sketch.builder.instructions.at[sketch.builder.instructions.len - 1].operand_count = 3;
	sketch_return(&sketch, OUTLINE_NONE);
	sketch_end(&sketch);
}

Test(solve, a_constant_argument_makes_a_context)
{
	draw_wait_for();
	draw_poll("never_waits", 0);
	cr_assert_eq(sketch_solve(&sketch)->list.len, 0);
}

Test(solve, another_constant_makes_another)
{
	const struct finding *finding;

	draw_wait_for();
	draw_poll("never_waits", 0);
	draw_poll("waits", 50);
	sketch_solve(&sketch);
	finding = sketch_finding(&sketch, "blocking-call", "wait_for");
	cr_assert(finding);
	cr_assert_str_eq(finding->entry, "waits");
}

/* save = NULL; if (n) save = Save(); …; if (save) Restore(save). */
static void draw_conditional(bool is_restored)
{
	uint32_t n, save, both;

	sketch_function(&sketch, "method", FUNCTION_INTERNAL);
	n = sketch_arg(&sketch, 1);
	sketch_branch(
		&sketch, sketch_compare(&sketch, COMPARE_NE, n, sketch_int(&sketch, 0)), 1, 2);
	sketch_block(&sketch, 1);
	save = sketch_call(&sketch, "PyEval_SaveThread", NOTHING, NOTHING);
	sketch_jump(&sketch, 2);
	sketch_block(&sketch, 2);
	both = sketch_phi(&sketch, 1, save, 0, sketch_null(&sketch));
	sketch_branch(
		&sketch, sketch_compare(&sketch, COMPARE_NE, both, sketch_null(&sketch)), 3, 4);
	sketch_block(&sketch, 3);
	call_with(is_restored ? "PyEval_RestoreThread" : "free", both);
	sketch_jump(&sketch, 4);
	sketch_block(&sketch, 4);
	sketch_return(&sketch, sketch_null(&sketch));
	sketch_end(&sketch);
	sketch_method(&sketch, "method");
}

Test(solve, a_conditional_release_is_exact)
{
	draw_conditional(true);
	cr_assert_eq(sketch_solve(&sketch)->list.len, 0);
}

Test(solve, a_release_without_an_acquire_is_told)
{
	const struct finding *finding;

	draw_conditional(false);
	sketch_solve(&sketch);
	finding = sketch_finding(&sketch, "unbalanced", "method");
	cr_assert(finding);
	cr_assert_str_eq(finding->message, "returns with the lock released");
}

Test(solve, api_in_a_region_and_each_mismatch)
{
	uint32_t save;

	sketch_function(&sketch, "api", FUNCTION_INTERNAL);
	save = sketch_call(&sketch, "PyEval_SaveThread", NOTHING, NOTHING);
	call("PyErr_Clear");
	call_with("PyEval_RestoreThread", save);
	call_with("PyEval_RestoreThread", save);
	sketch_return(&sketch, sketch_null(&sketch));
	sketch_end(&sketch);
	sketch_method(&sketch, "api");
	sketch_function(&sketch, "twice", FUNCTION_INTERNAL);
	call("PyEval_SaveThread");
	call("PyEval_SaveThread");
	sketch_return(&sketch, sketch_null(&sketch));
	sketch_end(&sketch);
	sketch_method(&sketch, "twice");
	sketch_solve(&sketch);
	cr_assert(sketch_finding(&sketch, "api-unlocked", "api"));
	cr_assert_str_eq(
		sketch_finding(&sketch, "unbalanced", "api")->operation, "PyEval_RestoreThread");
	cr_assert_str_eq(
		sketch_finding(&sketch, "unbalanced", "twice")->operation, "PyEval_SaveThread");
	cr_assert_eq(sketch.findings.list.len, 3, "a mismatch is told once and its path dropped");
}

Test(solve, a_function_that_calls_itself_has_an_end)
{
	uint32_t n;

	sketch_function(&sketch, "again", FUNCTION_INTERNAL);
	n = sketch_arg(&sketch, 0);
	sketch_branch(
		&sketch, sketch_compare(&sketch, COMPARE_EQ, n, sketch_int(&sketch, 0)), 2, 1);
	sketch_block(&sketch, 1);
	call("PyEval_SaveThread");
	call("PyEval_RestoreThread");
	call_with("again", n);
	sketch_jump(&sketch, 2);
	sketch_block(&sketch, 2);
	call_with("sleep", sketch_int(&sketch, 1));
	sketch_return(&sketch, OUTLINE_NONE);
	sketch_end(&sketch);
	sketch_method(&sketch, "again");
	sketch_solve(&sketch);
	cr_assert_eq(sketch.findings.list.len, 1);
	cr_assert(sketch_finding(&sketch, "blocking-call", "again"));
}

Test(solve, a_callers_unknown_state_is_not_guessed)
{
	sketch_function(&sketch, "exported", 0);
	call_with("sleep", sketch_int(&sketch, 1));
	sketch_return(&sketch, OUTLINE_NONE);
	sketch_end(&sketch);
	cr_assert_eq(sketch_solve(&sketch)->list.len, 0);
}

Test(solve, what_uses_the_interpreter_holds_the_lock)
{
	const struct finding *finding;

	sketch_function(&sketch, "exported", 0);
	call("PyErr_Clear");
	call_with("sleep", sketch_int(&sketch, 1));
	sketch_return(&sketch, OUTLINE_NONE);
	sketch_end(&sketch);
	sketch_solve(&sketch);
	finding = sketch_finding(&sketch, "blocking-call", "exported");
	cr_assert(finding);
	cr_assert_eq(finding->confidence, CONFIDENCE_MEDIUM);
	cr_assert_null(finding->entry);
}

Test(solve, an_endless_loop_of_blocks_has_an_end)
{
	uint32_t n;

	sketch_function(&sketch, "method", FUNCTION_INTERNAL);
	sketch_jump(&sketch, 1);
	sketch_block(&sketch, 1);
	n = sketch_call(&sketch, "rand", NOTHING, NOTHING);
	sketch_branch(
		&sketch, sketch_compare(&sketch, COMPARE_SGT, n, sketch_int(&sketch, 3)), 1, 2);
	sketch_block(&sketch, 2);
	call("PyEval_SaveThread");
	sketch_jump(&sketch, 1);
	sketch_end(&sketch);
	sketch_method(&sketch, "method");
	sketch_solve(&sketch);
	cr_assert_eq(sketch.findings.list.len, 1, "released twice, and no more");
}

/* a calls b, b calls c, c calls a; only c touches the lock, and only a is a method. */
Test(solve, what_one_of_a_cycle_does_all_do)
{
	static const char *const names[] = {"a", "b", "c"};

	for (int i = 0; i < 3; i++) {
		uint32_t n;

		sketch_function(&sketch, names[i], FUNCTION_INTERNAL);
		n = sketch_arg(&sketch, 0);
		sketch_branch(&sketch,
			sketch_compare(&sketch, COMPARE_SGT, n, sketch_int(&sketch, 9)), 1, 2);
		sketch_block(&sketch, 1);
		call_with(names[(i + 1) % 3], n);
		sketch_jump(&sketch, 2);
		sketch_block(&sketch, 2);
		if (i == 2) {
			call("PyEval_SaveThread");
			call("PyEval_RestoreThread");
		}
		call_with("usleep", sketch_int(&sketch, 1));
		sketch_return(&sketch, OUTLINE_NONE);
		sketch_end(&sketch);
	}
	sketch_method(&sketch, "a");
	sketch_solve(&sketch);
	for (int i = 0; i < 3; i++)
		cr_assert(sketch_finding(&sketch, "blocking-call", names[i]), "%s", names[i]);
	cr_assert_eq(sketch.findings.list.len, 3);
}
