/* .eh_frame of an ELF file → sorted function ranges. Only the address fields of its entries are
 * read; every length is checked against the section first. */
#include "probes/ehframe.h"

#include <errno.h>
#include <string.h>

#include "runtime/base/cleanup.h"

#define EHFRAME_MAX_BYTES ((uint64_t)64 << 20)

/* DW_EH_PE_*: how a pointer is stored (low four bits) and what it is relative to. */
enum pointer_encoding {
	PE_ABSOLUTE = 0x00,
	PE_UDATA2 = 0x02,
	PE_UDATA4 = 0x03,
	PE_UDATA8 = 0x04,
	PE_SDATA2 = 0x0a,
	PE_SDATA4 = 0x0b,
	PE_SDATA8 = 0x0c,
	PE_FORMAT = 0x0f,
	PE_PCREL = 0x10,
	PE_BASE = 0x70,
};

struct reader {
	const uint8_t *data;
	size_t len, at;
	bool is_bad; /* something did not fit: everything read since is 0 */
};

static uint64_t read_number(struct reader *reader, size_t bytes)
{
	uint64_t number = 0;

	if (reader->is_bad || bytes > reader->len - reader->at) {
		reader->is_bad = true;
		return 0;
	}
	memcpy(&number, reader->data + reader->at, bytes);
	reader->at += bytes;
	return number;
}

static uint64_t read_uleb(struct reader *reader)
{
	uint64_t number = 0, byte;
	unsigned int shift = 0;

	do {
		byte = read_number(reader, 1);
		if (shift < 64)
			number |= (byte & 0x7f) << shift;
		shift += 7;
	} while ((byte & 0x80) && !reader->is_bad);
	return number;
}

static size_t encoded_bytes(uint8_t encoding)
{
	switch (encoding & PE_FORMAT) {
	case PE_UDATA2:
	case PE_SDATA2:
		return 2;
	case PE_UDATA4:
	case PE_SDATA4:
		return 4;
	case PE_ABSOLUTE:
	case PE_UDATA8:
	case PE_SDATA8:
		return 8;
	}
	return 0;
}

/* `address`: of data[0]. */
static uint64_t read_pointer(struct reader *reader, uint8_t encoding, uint64_t address)
{
	size_t bytes = encoded_bytes(encoding);
	uint64_t here = address + reader->at, number;

	if (!bytes)
		reader->is_bad = true;
	number = read_number(reader, bytes);
	if ((encoding & PE_FORMAT) == PE_SDATA4)
		number = (uint64_t)(int32_t)number;
	else if ((encoding & PE_FORMAT) == PE_SDATA2)
		number = (uint64_t)(int16_t)number;
	return (encoding & PE_BASE) == PE_PCREL ? here + number : number;
}

/* The encoding of the addresses in the entries of the CIE at `at`; 0xff: not understood. */
static uint8_t cie_encoding(const uint8_t *data, size_t len, size_t at)
{
	struct reader reader = {data, len, at, false};
	const char *letters;
	uint64_t version;

	(void)read_number(&reader, 4); /* length: the reader is bounded by the section */
	if (read_number(&reader, 4) != 0)
		return 0xff;
	version = read_number(&reader, 1);
	letters = (const char *)data + reader.at;
	if (reader.is_bad || !memchr(letters, '\0', len - reader.at))
		return 0xff;
	reader.at += strlen(letters) + 1;
	if (letters[0] != 'z')
		return letters[0] ? 0xff : PE_ABSOLUTE;
	(void)read_uleb(&reader); /* code alignment */
	(void)read_uleb(&reader); /* data alignment: skipped, so its sign does not matter */
	(void)(version == 1 ? read_number(&reader, 1) : read_uleb(&reader)); /* return register */
	(void)read_uleb(&reader);           /* augmentation length */
	for (letters++; *letters && !reader.is_bad; letters++) {
		if (*letters == 'R') {
			uint64_t encoding = read_number(&reader, 1);

			return reader.is_bad ? 0xff : (uint8_t)encoding;
		}
		if (*letters == 'L')
			(void)read_number(&reader, 1);
		else if (*letters == 'P')
			(void)read_pointer(&reader, (uint8_t)read_number(&reader, 1), 0);
	}
	return reader.is_bad || *letters ? 0xff : PE_ABSOLUTE;
}

struct parser {
	const uint8_t *data;
	size_t len;
	uint64_t address; /* of data[0] */
	size_t cie;   /* the one whose encoding is known */
	uint8_t encoding;
};

static int parse_fde(struct parser *parser, size_t id_at, size_t end, struct ehframe *ehframe)
{
	struct reader reader = {parser->data, end, id_at, false};
	uint64_t distance = read_number(&reader, 4), start, bytes;

	if (!distance || distance > id_at)
		return 0; /* a CIE, or an entry that points outside */
	if (parser->cie != id_at - distance) {
		parser->cie = id_at - distance;
		parser->encoding = cie_encoding(parser->data, parser->len, parser->cie);
	}
	if (parser->encoding == 0xff ||
		((parser->encoding & PE_BASE) != PE_PCREL && (parser->encoding & PE_BASE) != 0))
		return 0;
	start = read_pointer(&reader, parser->encoding, parser->address);
	bytes = read_pointer(&reader, parser->encoding & PE_FORMAT, 0);
	if (reader.is_bad || !bytes || start + bytes < start)
		return 0;
	return vec_push(&ehframe->list, (struct ehframe_range){start, start + bytes});
}

static int parse_entries(struct parser *parser, struct ehframe *ehframe)
{
	size_t at = 0;
	int rc = 0;

	while (!rc && at + 8 <= parser->len) {
		struct reader reader = {parser->data, parser->len, at, false};
		uint64_t bytes = read_number(&reader, 4);

		if (!bytes)
			break;
		if (bytes == 0xffffffff)
			bytes = read_number(&reader, 8);
		if (reader.is_bad || bytes < 4 || bytes > parser->len - reader.at)
			break;
		rc = parse_fde(parser, reader.at, reader.at + bytes, ehframe);
		at = reader.at + bytes;
	}
	return rc;
}

static int compare_ranges(const void *left, const void *right)
{
	const struct ehframe_range *a = left, *b = right;

	return a->start < b->start ? -1 : a->start > b->start;
}

/* The section by name, else by the header that the run-time unwinder uses; that one does not tell
 * the size: the rest of its segment bounds it, and a zero length ends the list. */
static int locate(const struct elf_file *elf, uint64_t *ret_address, uint64_t *ret_bytes)
{
	const struct elf_section *section = elf_section_find(elf, ".eh_frame");
	uint8_t header[12];
	struct reader reader = {header, sizeof(header), 4, false};

	if (section && section->bytes) {
		*ret_address = section->address;
		*ret_bytes = section->bytes;
		return 0;
	}
	if (!elf->eh_frame_hdr || elf_read_at(elf, elf->eh_frame_hdr, header, sizeof(header)) ||
		header[0] != 1)
		return -ENOENT;
	*ret_address = read_pointer(&reader, header[1], elf->eh_frame_hdr);
	if (reader.is_bad)
		return -ENOENT;
	vec_each (segment, &elf->segments) {
		if (*ret_address < segment->address ||
			*ret_address - segment->address >= segment->file_bytes)
			continue;
		*ret_bytes = segment->file_bytes - (*ret_address - segment->address);
		return 0;
	}
	return -ENOENT;
}

int ehframe_load(const struct elf_file *elf, struct ehframe *ret_ehframe)
{
	_free_ uint8_t *data = NULL;
	struct ehframe ehframe = {0};
	struct parser parser = {.cie = SIZE_MAX};
	uint64_t address, bytes;
	int rc = locate(elf, &address, &bytes);

	if (rc)
		return rc;
	if (bytes > EHFRAME_MAX_BYTES || elf_load_at(elf, address, bytes, (void **)&data))
		return -ENOENT;
	parser.data = data;
	parser.len = bytes;
	parser.address = address;
	rc = parse_entries(&parser, &ehframe);
	if (!rc && !ehframe.list.len)
		rc = -ENOENT;
	if (rc) {
		ehframe_fini(&ehframe);
		return rc;
	}
	qsort(ehframe.list.at, ehframe.list.len, sizeof(*ehframe.list.at), compare_ranges);
	*ret_ehframe = ehframe;
	return 0;
}

void ehframe_fini(struct ehframe *ehframe)
{
	vec_fini(&ehframe->list);
}

const struct ehframe_range *ehframe_find(const struct ehframe *ehframe, uint64_t address)
{
	size_t low = 0, high = ehframe->list.len;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (ehframe->list.at[middle].start <= address)
			low = middle + 1;
		else
			high = middle;
	}
	if (!low || address >= ehframe->list.at[low - 1].end)
		return NULL;
	return &ehframe->list.at[low - 1];
}
