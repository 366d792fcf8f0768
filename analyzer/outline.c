/* Outline ↔ file: a header with counts, then every array in a fixed order, each 8-byte aligned.
 *
 * The header states version and byte order; a file of another version is refused, never guessed. */
#include "analyzer/outline.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/outline_check.h"
#include "runtime/base/cleanup.h"
#include "runtime/base/err.h"
#include "runtime/base/file.h"

#define MAGIC "gsoutln" /* 8 bytes with its NUL */
#define BYTE_ORDER_MARK 0x01020304u
#define MAX_BYTES ((size_t)2 << 30)

enum { SECTION_COUNT = 13 };

struct header {
	char magic[8];
	uint32_t byte_order;
	uint32_t version;
	uint32_t source_string;
	uint32_t is_cxx;
	uint32_t counts[SECTION_COUNT];
	uint32_t reserved;
	uint64_t bytes; /* of the whole file */
};
_Static_assert(sizeof(struct header) == 88, "no padding in the file");
_Static_assert(sizeof(struct outline_value) == 24, "no padding in the file");
_Static_assert(sizeof(struct outline_incoming) == 8, "no padding in the file");
_Static_assert(sizeof(struct outline_instruction) == 36, "no padding in the file");
_Static_assert(sizeof(struct outline_block) == 36, "no padding in the file");
_Static_assert(sizeof(struct outline_loop) == 40, "no padding in the file");
_Static_assert(sizeof(struct outline_function) == 48, "no padding in the file");
_Static_assert(sizeof(struct outline_global) == 20, "no padding in the file");
_Static_assert(sizeof(struct outline_initial) == 32, "no padding in the file");

/* One array of the outline: where its pointer and count are, and how large an element is. The
 * order is the file's. */
struct section {
	size_t pointer_at, count_at, element_bytes;
};

#define SECTION(array, count)                                                                      \
	{offsetof(struct outline, array), offsetof(struct outline, count),                         \
		sizeof(*((struct outline *)0)->array)}

static const struct section sections[SECTION_COUNT] = {
	SECTION(values, value_count),
	SECTION(incoming, incoming_count),
	SECTION(instructions, instruction_count),
	SECTION(blocks, block_count),
	SECTION(loops, loop_count),
	SECTION(functions, function_count),
	SECTION(globals, global_count),
	SECTION(initials, initial_count),
	SECTION(operands, operand_count),
	SECTION(successors, successor_count),
	SECTION(cases, case_count),
	SECTION(strings, string_count),
	SECTION(pool, pool_bytes),
};

static uint64_t aligned(uint64_t bytes)
{
	return (bytes + 7) & ~(uint64_t)7;
}

static uint32_t count_of(const struct outline *outline, const struct section *section)
{
	uint32_t count;

	memcpy(&count, (const char *)outline + section->count_at, sizeof(count));
	return count;
}

static uint64_t total_bytes(const uint32_t counts[SECTION_COUNT])
{
	uint64_t bytes = sizeof(struct header);

	for (int i = 0; i < SECTION_COUNT; i++)
		bytes += aligned((uint64_t)counts[i] * sections[i].element_bytes);
	return bytes;
}

static int check_header(const struct header *header, size_t len, const char *path, struct err *err)
{
	if (len < sizeof(*header) || memcmp(header->magic, MAGIC, sizeof(header->magic)) != 0)
		return err_ret(err, -EINVAL, "%s is not an outline", path);
	if (header->byte_order != BYTE_ORDER_MARK)
		return err_ret(err, -EINVAL,
			"%s was written on a machine of another byte order; extract it again here",
			path);
	if (header->version != OUTLINE_VERSION)
		return err_ret(err, -EINVAL,
			"%s is an outline of version %u, this gilscope-lint reads %u; extract it "
			"again",
			path, header->version, OUTLINE_VERSION);
	if (header->bytes != len || total_bytes(header->counts) != len)
		return err_ret(err, -EINVAL, "%s is cut short or damaged: %zu bytes, not %llu",
			path, len, (unsigned long long)total_bytes(header->counts));
	if (header->is_cxx > 1 || header->reserved)
		return err_ret(err, -EINVAL, "%s is damaged: unknown header fields", path);
	return 0;
}

static void place_sections(char *data, const struct header *header, struct outline *outline)
{
	uint64_t at = sizeof(*header);

	for (int i = 0; i < SECTION_COUNT; i++) {
		const void *start = data + at;

		memcpy((char *)outline + sections[i].pointer_at, &start, sizeof(start));
		memcpy((char *)outline + sections[i].count_at, &header->counts[i],
			sizeof(header->counts[i]));
		at += aligned((uint64_t)header->counts[i] * sections[i].element_bytes);
	}
	outline->source_string = header->source_string;
	outline->is_cxx = header->is_cxx;
	outline->memory = data;
}

int outline_load(const char *path, struct outline *ret_outline, struct err *err)
{
	_free_ char *data = NULL;
	struct outline outline = {0};
	struct header header;
	size_t len;
	int rc;

	rc = file_load(path, MAX_BYTES, &data, &len, err);
	if (rc)
		return rc;
	memset(&header, 0, sizeof(header));
	memcpy(&header, data, len < sizeof(header) ? len : sizeof(header));
	rc = check_header(&header, len, path, err);
	if (rc)
		return rc;
	place_sections(data, &header, &outline);
	rc = outline_check(&outline, path, err);
	if (rc)
		return rc;
	outline.source = outline_string(&outline, outline.source_string);
	data = NULL;
	*ret_outline = outline;
	return 0;
}

int outline_save(const struct outline *outline, const char *path, struct err *err)
{
	struct header header = {
		.magic = MAGIC,
		.byte_order = BYTE_ORDER_MARK,
		.version = OUTLINE_VERSION,
		.source_string = outline->source_string,
		.is_cxx = outline->is_cxx,
	};
	uint64_t at = sizeof(header);
	_free_ char *data = NULL;

	for (int i = 0; i < SECTION_COUNT; i++)
		header.counts[i] = count_of(outline, &sections[i]);
	header.bytes = total_bytes(header.counts);
	if (header.bytes > MAX_BYTES)
		return err_ret(err, -E2BIG, "the outline of %s is larger than %zu bytes",
			outline->source, MAX_BYTES);
	data = calloc(1, header.bytes);
	if (!data)
		return err_ret(err, -ENOMEM, "out of memory writing %s", path);
	memcpy(data, &header, sizeof(header));
	for (int i = 0; i < SECTION_COUNT; i++) {
		uint64_t bytes = (uint64_t)header.counts[i] * sections[i].element_bytes;
		const void *start;

		memcpy(&start, (const char *)outline + sections[i].pointer_at, sizeof(start));
		if (bytes)
			memcpy(data + at, start, bytes);
		at += aligned(bytes);
	}
	return file_save(path, data, header.bytes, err);
}

void outline_fini(struct outline *outline)
{
	free(outline->memory);
	*outline = (struct outline){0};
}
