/* An image in a live process → the CPython version it says it is: _Py_DebugOffsets (3.13+), the
 * constant Py_Version (3.11+), or the text that Py_GetVersion() made when the interpreter started.
 */
#include "probes/version.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "runtime/base/cleanup.h"

#define WRITABLE_MAX_BYTES ((uint64_t)32 << 20)

void version_format(int hex, char *text, size_t bytes)
{
	static const char *const levels[16] = {[0xa] = "a", [0xb] = "b", [0xc] = "rc"};
	const char *level = levels[hex >> 4 & 0xf];

	if (level)
		(void)snprintf(text, bytes, "%d.%d.%d%s%d", hex >> 24 & 0xff, hex >> 16 & 0xff,
			hex >> 8 & 0xff, level, hex & 0xf);
	else
		(void)snprintf(text, bytes, "%d.%d.%d", hex >> 24 & 0xff, hex >> 16 & 0xff,
			hex >> 8 & 0xff);
}

/* A number of at most three digits. */
static bool scan_number(const char **at, const char *end, int *ret_number)
{
	int number = 0, digits = 0;

	while (*at < end && isdigit((unsigned char)**at) && digits < 3) {
		number = number * 10 + (*(*at)++ - '0');
		digits++;
	}
	*ret_number = number;
	return digits > 0 && number < 256;
}

/* "a1", "b2", "rc1" or nothing, then perhaps "+" (built from a checkout). */
static int scan_level(const char **at, const char *end)
{
	int level = 0xf, serial = 0;

	if (*at < end && (**at == 'a' || **at == 'b')) {
		level = **at == 'a' ? 0xa : 0xb;
		*at += 1;
	} else if (end - *at >= 2 && !memcmp(*at, "rc", 2)) {
		level = 0xc;
		*at += 2;
	}
	if (level != 0xf && !scan_number(at, end, &serial))
		return -1;
	if (*at < end && **at == '+')
		*at += 1;
	return level << 4 | (serial & 0xf);
}

int version_scan(const char *text, size_t len, int *ret_hex)
{
	const char *end = text + len, *found = text;

	while ((found = memmem(found, (size_t)(end - found), "3.", 2))) {
		const char *at = found + 2;
		bool is_start = found == text || found[-1] == '\0';
		int minor, micro, level;

		found += 2;
		if (!is_start || !scan_number(&at, end, &minor) || at >= end || *at++ != '.' ||
			!scan_number(&at, end, &micro))
			continue;
		level = scan_level(&at, end);
		if (level < 0 || end - at < 2 || at[0] != ' ' || at[1] != '(')
			continue;
		*ret_hex = 3 << 24 | minor << 16 | micro << 8 | level;
		return 0;
	}
	return -ENOENT;
}

static int from_debug_offsets(struct target *target)
{
	struct {
		char cookie[DEBUG_COOKIE_BYTES];
		uint64_t version, free_threaded;
	} head;
	int rc = target_read(target, target->runtime_address, &head, sizeof(head));

	if (rc)
		return rc;
	if (memcmp(head.cookie, DEBUG_COOKIE, sizeof(head.cookie)) || head.version >> 24 != 3)
		return -ENOENT;
	target->version_hex = (int)head.version;
	target->is_free_threaded_build = head.free_threaded == 1;
	return 0;
}

/* The constant in the file, and the same in memory: a file that was replaced in place differs. */
static int from_constant(const struct elf_file *elf, struct target *target)
{
	struct elf_symbol symbol;
	uint64_t in_file, in_memory;

	if (elf_symbol_find(elf, "Py_Version", &symbol) ||
		elf_read_at(elf, symbol.address, &in_file, sizeof(in_file)) ||
		target_read(target, target->image.load_bias + symbol.address, &in_memory,
			sizeof(in_memory)))
		return -ENOENT;
	if (in_file >> 24 != 3)
		return -ENOENT;
	if (in_file != in_memory)
		return -ESTALE;
	target->version_hex = (int)in_memory;
	return 0;
}

static int from_text(const struct elf_file *elf, struct target *target)
{
	vec_each (segment, &elf->segments) {
		_free_ char *data = NULL;
		uint64_t bytes = segment->memory_bytes;

		if (!segment->is_writable || bytes > WRITABLE_MAX_BYTES)
			continue;
		data = malloc(bytes ? bytes : 1);
		if (!data)
			return -ENOMEM;
		if (!target_read(target, target->image.load_bias + segment->address, data, bytes) &&
			!version_scan(data, bytes, &target->version_hex))
			return 0;
	}
	return -ENOENT;
}

int version_find(const struct elf_file *elf, struct target *target)
{
	int rc = from_debug_offsets(target);

	if (rc == -ENOENT)
		rc = from_constant(elf, target);
	if (rc == -ENOENT)
		rc = from_text(elf, target);
	if (!rc)
		version_format(target->version_hex, target->version, sizeof(target->version));
	return rc;
}
