/* Python strings of every width, made in this process as 3.11 lays them out. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <elf.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "probes/layout_row.h"
#include "probes/pytext.h"

static uint64_t object[64];

/* state of 3.8 to 3.13: interned (2 bits), kind (3), compact, ascii. */
static void make_text(uint64_t length, unsigned int kind, int is_ascii, const void *characters)
{
	const struct layout *layout = &layout_row_find(11, EM_X86_64, false)->layout;
	uint32_t state = kind << 2 | 1u << 5 | (uint32_t)is_ascii << 6;
	char *at = (char *)object;

	memset(object, 0, sizeof(object));
	memcpy(at + layout->unicode_length, &length, sizeof(length));
	memcpy(at + layout->unicode_state, &state, sizeof(state));
	at += is_ascii ? layout->unicode_ascii : layout->unicode_compact;
	if (length * kind <= 128)
		memcpy(at, characters, length * kind);
}

static int read_text(struct str *text)
{
	struct target target = {.pid = getpid()};

	return pytext_read(&target, &layout_row_find(11, EM_X86_64, false)->layout,
		(uint64_t)(uintptr_t)object, text);
}

static void expect(const char *wanted)
{
	_str_fini_ struct str text = STR_INIT(1024);

	cr_assert(eq(int, read_text(&text), 0));
	cr_assert(eq(str, (char *)str_text(&text), (char *)wanted));
}

Test(pytext, reads_every_width)
{
	static const uint16_t two[] = {'n', 0xe4, 0x4e2d};
	static const uint32_t four[] = {'x', 0x1f600};

	make_text(5, 1, 1, "hello");
	expect("hello");
	make_text(3, 1, 0, "a\xe9z");
	expect("a\xc3\xa9z");
	make_text(3, 2, 0, two);
	expect("n\xc3\xa4\xe4\xb8\xad");
	make_text(2, 4, 0, four);
	expect("x\xf0\x9f\x98\x80");
	make_text(0, 1, 1, "");
	expect("");
}

Test(pytext, makes_no_terminal_obey)
{
	static const uint16_t lone[] = {0xd800, 'a', 0x9b};

	make_text(4, 1, 1, "\x1b[2J");
	expect("?[2J");
	make_text(3, 2, 0, lone);
	expect("?a?");
}

Test(pytext, reads_legacy_strings_through_their_pointer)
{
	const struct layout *layout = &layout_row_find(11, EM_X86_64, false)->layout;
	static const char elsewhere[] = "legacy";
	uint64_t length = 6, data = (uint64_t)(uintptr_t)elsewhere;
	uint32_t state = 1u << 2 | 1u << 6;

	memset(object, 0, sizeof(object));
	memcpy((char *)object + layout->unicode_length, &length, sizeof(length));
	memcpy((char *)object + layout->unicode_state, &state, sizeof(state));
	memcpy((char *)object + layout->unicode_compact, &data, sizeof(data));
	expect("legacy");
}

Test(pytext, refuses_what_is_no_string)
{
	static const uint32_t beyond[] = {0x110000};
	_str_fini_ struct str text = STR_INIT(1024);

	make_text(PYTEXT_MAX_CHARACTERS + 1, 1, 1, "");
	cr_assert(eq(int, read_text(&text), -EFAULT));
	make_text(~0ULL, 4, 0, "");
	cr_assert(eq(int, read_text(&text), -EFAULT));
	make_text(1, 3, 0, "abc");
	cr_assert(eq(int, read_text(&text), -EFAULT));
	make_text(1, 0, 0, "abc");
	cr_assert(eq(int, read_text(&text), -EFAULT));
	make_text(1, 4, 0, beyond);
	cr_assert(eq(int, read_text(&text), -EFAULT));
}
