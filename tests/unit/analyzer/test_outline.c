/* Outlines: what is saved is loaded, the same bytes every time, and nothing damaged gets in. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "analyzer/outline.h"
#include "analyzer/outline_build.h"
#include "analyzer/outline_text.h"
#include "runtime/base/cleanup.h"
#include "runtime/base/err.h"
#include "runtime/base/file.h"
#include "runtime/base/str.h"

static char path[] = "/tmp/gilscope-outline-XXXXXX";

static void path_make(void)
{
	int fd = mkstemp(path);

	cr_assert(fd >= 0);
	close(fd);
}

static void path_remove(void)
{
	unlink(path);
}

TestSuite(outline, .init = path_make, .fini = path_remove);

static uint32_t string(struct outline_builder *builder, const char *text)
{
	return outline_builder_string(builder, text, strlen(text));
}

/* int f(struct s *a) { int i = 0; while (i < a->n) { g(i); i++; } return i; }, and g declared. */
static void build(struct outline_builder *b)
{
	uint32_t f = string(b, "f"), g = string(b, "g"), s = string(b, "struct.s");
	static const struct {
		uint16_t kind, op;
		uint32_t a, b;
		int64_t number;
	} values[] = {
		{VALUE_PHI, 0, 0, 2, 0},      /* 0: i */
		{VALUE_INT, 0, 0, 0, 0},      /* 1 */
		{VALUE_BINARY, BINARY_ADD, 0, 3, 0}, /* 2: i + 1 */
		{VALUE_INT, 0, 0, 0, 1},      /* 3 */
		{VALUE_ARG, 0, 0, 0, 0},      /* 4 */
		{VALUE_FIELD, 0, 4, 2, 8},      /* 5: &a->n; string 2 is struct.s */
		{VALUE_LOAD, 0, 5, 0, 0},      /* 6 */
		{VALUE_COMPARE, COMPARE_SLT, 0, 6, 0}, /* 7 */
		{VALUE_FUNCTION, 0, 1, 0, 0},      /* 8; string 1 is g */
		{VALUE_RESULT, 0, 1, 0, 0},      /* 9 */
	};

	cr_assert_eq(s, 2);
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
		outline_push(b, values,
			(struct outline_value){.kind = values[i].kind,
				.op = values[i].op,
				.a = values[i].a,
				.b = values[i].b,
				.number = values[i].number});
	outline_push(b, incoming, (struct outline_incoming){0, 1});
	outline_push(b, incoming, (struct outline_incoming){2, 2});
	outline_push(b, operands, 0);
	outline_push(b, instructions,
		(struct outline_instruction){INSTRUCTION_LOAD, 0, 6, OUTLINE_NONE, OUTLINE_NONE, 0,
			0, OUTLINE_NONE, 1, 2});
	outline_push(b, instructions,
		(struct outline_instruction){
			INSTRUCTION_CALL, 0, 8, OUTLINE_NONE, 9, 0, 1, OUTLINE_NONE, 1, 3});
	outline_push(b, blocks,
		(struct outline_block){0, 0, EXIT_JUMP, OUTLINE_NONE, 0, 1, 0, OUTLINE_NONE, 1});
	outline_push(b, blocks, (struct outline_block){0, 1, EXIT_BRANCH, 7, 1, 2, 0, 0, 1});
	outline_push(
		b, blocks, (struct outline_block){1, 1, EXIT_JUMP, OUTLINE_NONE, 3, 1, 0, 0, 1});
	outline_push(
		b, blocks, (struct outline_block){2, 0, EXIT_RETURN, 0, 4, 0, 0, OUTLINE_NONE, 1});
	outline_push(b, successors, 1);
	outline_push(b, successors, 2);
	outline_push(b, successors, 3);
	outline_push(b, successors, 1);
	outline_push(
		b, loops, (struct outline_loop){1, OUTLINE_NONE, 1, TRIP_BOUND, 6, 0, 2, 1, 0});
	outline_push(b, functions,
		(struct outline_function){f, f, OUTLINE_NONE, 1, 0, 1, 0, 4, 0, 10, 0, 1});
	outline_push(b, functions,
		(struct outline_function){
			g, g, OUTLINE_NONE, 0, FUNCTION_DECLARED, 1, 4, 0, 10, 0, 1, 0});
	outline_push(b, globals, (struct outline_global){string(b, "table"), s, 0, 0, 2});
	outline_push(b, initials, (struct outline_initial){VALUE_FUNCTION, f, s, 8, 8, 0});
	outline_push(b, initials, (struct outline_initial){VALUE_INT, OUTLINE_NONE, s, 16, 16, 4});
}

static void save(void)
{
	struct outline_builder builder = {0};
	struct outline outline;

	build(&builder);
	cr_assert_eq(outline_builder_finish(&builder, "m.c", false, &outline), 0);
	outline.source_string = string(&builder, "m.c");
	cr_assert_eq(outline_builder_finish(&builder, "m.c", false, &outline), 0);
	outline.source_string = outline.string_count - 1;
	cr_assert_eq(outline_save(&outline, path, NULL), 0);
	outline_builder_fini(&builder);
}

Test(outline, round_trip)
{
	_str_fini_ struct str text = STR_INIT(1 << 20);
	struct outline outline;
	struct err err = {""};

	save();
	cr_assert_eq(outline_load(path, &outline, &err), 0, "%s", err.text);
	cr_assert_eq(outline_text(&outline, NULL, &text), 0);
	cr_expect_str_eq(str_text(&text),
		"unit m.c (C)\n"
		"global table : struct.s\n"
		"  +8: {struct.s+8} @f\n"
		"  +16: {struct.s+16} 4\n"
		"function f/1  ; :1\n"
		"  loop0: header b1, depth 1, trips by *arg0->{struct.s+8}@0, ops: 2 integer, 0 "
		"float, 1 memory\n"
		"  phi0 = b0: 0, b2: (phi0 + 1)\n"
		"  b0:\n"
		"    jump -> b1  ; line 1\n"
		"  b1: loop0\n"
		"    0: load arg0->{struct.s+8}  ; :1:2\n"
		"    branch (phi0 <s *arg0->{struct.s+8}@0) -> b2, b3  ; line 1\n"
		"  b2: loop0\n"
		"    1: call @g(phi0)  ; :1:3\n"
		"    jump -> b1  ; line 1\n"
		"  b3:\n"
		"    return phi0  ; line 1\n"
		"declare g/1\n");
	outline_fini(&outline);
}

Test(outline, same_bytes)
{
	_free_ char *first = NULL, *second = NULL;
	size_t first_len, second_len;

	save();
	cr_assert_eq(file_load(path, 1 << 20, &first, &first_len, NULL), 0);
	save();
	cr_assert_eq(file_load(path, 1 << 20, &second, &second_len, NULL), 0);
	cr_assert_eq(first_len, second_len);
	cr_assert_eq(memcmp(first, second, first_len), 0);
}

static int load_bytes(const char *data, size_t len, struct err *err)
{
	_str_fini_ struct str text = STR_INIT(64 << 20);
	struct outline outline;
	int rc;

	cr_assert_eq(file_save(path, data, len, NULL), 0);
	rc = outline_load(path, &outline, err);
	if (rc)
		return rc;
	/* whatever was let in can be walked; deep sharing may make the text too long */
	(void)outline_text(&outline, NULL, &text);
	outline_fini(&outline);
	return 0;
}

Test(outline, other_versions)
{
	_free_ char *data = NULL;
	struct err err = {""};
	size_t len;

	save();
	cr_assert_eq(file_load(path, 1 << 20, &data, &len, NULL), 0);
	data[12]++;
	cr_assert_neq(load_bytes(data, len, &err), 0);
	cr_expect(strstr(err.text, "version"), "%s", err.text);
	data[12]--;
	data[8] ^= 5;
	cr_assert_neq(load_bytes(data, len, &err), 0);
	cr_expect(strstr(err.text, "byte order"), "%s", err.text);
	cr_assert_neq(load_bytes("text", 4, &err), 0);
	cr_expect(strstr(err.text, "not an outline"), "%s", err.text);
}

Test(outline, cut_short)
{
	_free_ char *data = NULL;
	struct err err;
	size_t len;

	save();
	cr_assert_eq(file_load(path, 1 << 20, &data, &len, NULL), 0);
	for (size_t cut = 0; cut < len; cut += 7)
		cr_assert_neq(load_bytes(data, cut, &err), 0, "%zu of %zu bytes", cut, len);
}

/* Every byte, several ways: refused with a sentence, or as good as any other outline. */
Test(outline, changed_bytes)
{
	static const unsigned char changes[] = {0x01, 0x80, 0xff};
	_free_ char *data = NULL;
	size_t len, refused = 0;

	save();
	cr_assert_eq(file_load(path, 1 << 20, &data, &len, NULL), 0);
	for (size_t at = 0; at < len; at++)
		for (size_t i = 0; i < sizeof(changes); i++) {
			struct err err = {""};

			data[at] = (char)(data[at] ^ changes[i]);
			if (load_bytes(data, len, &err)) {
				cr_assert(*err.text && !strchr(err.text, '\n'));
				refused++;
			}
			data[at] = (char)(data[at] ^ changes[i]);
		}
	cr_assert_gt(refused, len); /* most of an outline is references */
	cr_assert_eq(load_bytes(data, len, NULL), 0);
}

/* A value that is computed from itself would never end. */
Test(outline, endless_values)
{
	struct outline_builder builder = {0};
	struct outline outline;
	struct err err = {""};

	build(&builder);
	builder.values.at[4] = (struct outline_value){.kind = VALUE_LOAD, .a = 5, .b = 0};
	cr_assert_eq(outline_builder_finish(&builder, "m.c", false, &outline), 0);
	outline.source_string = 0;
	cr_assert_eq(outline_save(&outline, path, NULL), 0);
	outline_builder_fini(&builder);
	cr_assert_neq(outline_load(path, &outline, &err), 0);
	cr_expect(strstr(err.text, "computed from itself"), "%s", err.text);
}
