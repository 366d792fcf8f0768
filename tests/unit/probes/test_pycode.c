/* Code objects made in this process as 3.11 lays them out: resolved, re-read when they change under
 * their address, refused when they are none; and chains of frames that no interpreter would make.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <elf.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "probes/layout_row.h"
#include "probes/pycode.h"

static const struct layout *layout;
static uint64_t code[64], type[16], tstate[32], cframe[4], frames[8][32];
static uint64_t texts[3][32], table[16];
static const char type_name[] = "code";

static void put(void *base, size_t offset, uint64_t number)
{
	memcpy((char *)base + offset, &number, sizeof(number));
}

static void make_text(uint64_t *object, const char *text)
{
	uint32_t state = 1u << 2 | 1u << 5 | 1u << 6; /* one byte, compact, ASCII */

	put(object, layout->unicode_length, strlen(text));
	memcpy((char *)object + layout->unicode_state, &state, sizeof(state));
	memcpy((char *)object + layout->unicode_ascii, text, strlen(text));
}

static void make_code(void)
{
	static const uint8_t lines[] = {0xe8, 0x02, 0xe8, 0x02}; /* a unit on line +1, one on +2 */
	int32_t first_line = 10;

	layout = &layout_row_find(11, EM_X86_64, false)->layout;
	put(type, layout->bytes_size + 8U, (uintptr_t)type_name);
	make_text(texts[0], "app.py");
	make_text(texts[1], "Thing.work");
	put(table, layout->bytes_size, sizeof(lines));
	memcpy((char *)table + layout->bytes_data, lines, sizeof(lines));
	put(code, layout->bytes_size - 8U, (uintptr_t)type);
	put(code, layout->code_filename, (uintptr_t)texts[0]);
	put(code, layout->code_name, (uintptr_t)texts[1]);
	put(code, layout->code_qualname, (uintptr_t)texts[1]);
	put(code, layout->code_linetable, (uintptr_t)table);
	memcpy((char *)code + layout->code_firstlineno, &first_line, sizeof(first_line));
}

static struct pycode *open_own(void)
{
	static struct target target;
	struct pycode *pycode = NULL;

	target.pid = getpid();
	make_code();
	cr_assert(eq(int, pycode_new(&target, layout, &pycode), 0));
	return pycode;
}

static struct pycode_frame frame_at(int bytes)
{
	uint64_t address = (uint64_t)(uintptr_t)code;

	return (struct pycode_frame){address, address + layout->code_bytes + (uint64_t)bytes};
}

Test(pycode, resolves_function_file_and_line)
{
	struct pycode *pycode = open_own();
	struct run_frame frame;

	cr_assert(eq(int, pycode_resolve(pycode, frame_at(0), &frame), 0));
	cr_assert(eq(str, (char *)frame.function, "Thing.work"));
	cr_assert(eq(str, (char *)frame.file, "app.py"));
	cr_assert(eq(int, frame.line, 11));
	cr_assert(eq(int, pycode_resolve(pycode, frame_at(2), &frame), 0));
	cr_assert(eq(int, frame.line, 12));
	cr_assert(eq(int, pycode_resolve(pycode, frame_at(-2), &frame), 0));
	cr_assert(eq(int, frame.line, 10));
	/* Somewhere else: the function is known, the line is not. */
	cr_assert(eq(int, pycode_resolve(pycode, frame_at(4000), &frame), 0));
	cr_assert(eq(str, (char *)frame.function, "Thing.work"));
	cr_assert(eq(int, frame.line, 0));
	pycode_free(pycode);
}

Test(pycode, reads_again_what_changed_under_its_address)
{
	struct pycode *pycode = open_own();
	struct run_frame before, after;

	cr_assert(eq(int, pycode_resolve(pycode, frame_at(0), &before), 0));
	make_text(texts[2], "other");
	put(code, layout->code_qualname, (uintptr_t)texts[2]);
	cr_assert(eq(int, pycode_resolve(pycode, frame_at(0), &after), 0));
	cr_assert(eq(str, (char *)after.function, "other"));
	cr_assert(eq(str, (char *)before.function, "Thing.work"), "still borrowed");
	pycode_free(pycode);
}

Test(pycode, refuses_what_is_no_code)
{
	struct pycode *pycode = open_own();
	struct run_frame frame = {.line = 77};
	static uint64_t other_type[16];
	static const char other_name[] = "NoneType";

	put(other_type, layout->bytes_size + 8U, (uintptr_t)other_name);
	put(code, layout->bytes_size - 8U, (uintptr_t)other_type);
	cr_assert(eq(int, pycode_resolve(pycode, frame_at(0), &frame), -EFAULT));
	cr_assert(eq(int, pycode_resolve(pycode, (struct pycode_frame){16, 0}, &frame), -EFAULT));
	make_code();
	put(table, layout->bytes_size, 1ULL << 40);
	cr_assert(eq(int, pycode_resolve(pycode, frame_at(0), &frame), -EFAULT));
	make_code();
	put(code, layout->code_filename, 0);
	cr_assert(eq(int, pycode_resolve(pycode, frame_at(0), &frame), -EFAULT));
	cr_assert(eq(int, frame.line, 77), "written only on success");
	make_code();
	cr_assert(eq(int, pycode_resolve(pycode, frame_at(0), &frame), 0), "and recovers");
	pycode_free(pycode);
}

static void link_frame(int i, uint64_t back)
{
	put(frames[i], layout->frame_code, (uintptr_t)code);
	put(frames[i], layout->frame_instr, (uintptr_t)code + layout->code_bytes);
	put(frames[i], layout->frame_back, back);
}

static int walk(struct pycode_frame *found, int max)
{
	struct target target = {.pid = getpid()};

	put(tstate, layout->tstate_frame, (uintptr_t)cframe);
	put(cframe, layout->cframe_frame, (uintptr_t)frames[0]);
	return pycode_walk(&target, layout, (uint64_t)(uintptr_t)tstate, found, max);
}

Test(pycode, walks_frames_and_no_further)
{
	struct pycode_frame found[16];
	struct target target = {.pid = getpid()};

	make_code();
	link_frame(0, (uintptr_t)frames[1]);
	link_frame(1, 0);
	cr_assert(eq(int, walk(found, 16), 2));
	cr_assert(eq(u64, found[0].code, (uintptr_t)code));
	link_frame(1, (uintptr_t)frames[0]); /* a ring */
	cr_assert(eq(int, walk(found, 16), 16));
	link_frame(1, 8); /* nothing there */
	cr_assert(eq(int, walk(found, 16), 2));
	put(frames[1], layout->frame_code, (uintptr_t)code + 1); /* no object is there */
	cr_assert(eq(int, walk(found, 16), 1));
	cr_assert(eq(int, pycode_walk(&target, layout, 8, found, 16), -EFAULT));
}
