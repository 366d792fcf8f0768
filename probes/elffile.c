/* A path → headers, dynamic table, symbols and build id of an ELF file. Every count, offset and
 * name comes from the file and is checked against its size before it is used. */
#include "probes/elffile.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base/cleanup.h"
#include "runtime/base/err.h"

#define HEADERS_MAX 4096 /* program and section headers each */
#define CHAIN_MAX 4096  /* symbols of one hash */
#define TABLES_MAX 4  /* of symbols: files have one or two */

int elf_read(const struct elf_file *elf, uint64_t offset, void *buffer, size_t bytes)
{
	char *to = buffer;

	if (offset > elf->bytes || bytes > elf->bytes - offset)
		return -ERANGE;
	while (bytes) {
		ssize_t got = pread(elf->fd, to, bytes, (off_t)offset);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got ? -errno : -ERANGE;
		to += got;
		offset += (uint64_t)got;
		bytes -= (size_t)got;
	}
	return 0;
}

int elf_load(const struct elf_file *elf, uint64_t offset, uint64_t bytes, void **ret_data)
{
	_free_ void *data = NULL;
	int rc;

	if (bytes > ELF_LOAD_MAX || offset > elf->bytes || bytes > elf->bytes - offset)
		return -ERANGE;
	data = malloc(bytes ? bytes : 1);
	if (!data)
		return -ENOMEM;
	rc = elf_read(elf, offset, data, bytes);
	if (!rc)
		*ret_data = take_ptr(data);
	return rc;
}

static const struct elf_segment *find_segment(const struct elf_file *elf, uint64_t address)
{
	vec_each (segment, &elf->segments)
		if (address >= segment->address && address - segment->address < segment->file_bytes)
			return segment;
	return NULL;
}

int elf_offset(const struct elf_file *elf, uint64_t address, uint64_t *ret_offset)
{
	const struct elf_segment *segment = find_segment(elf, address);

	if (!segment)
		return -ENOENT;
	*ret_offset = segment->offset + (address - segment->address);
	return 0;
}

static bool has_range(const struct elf_file *elf, uint64_t address, uint64_t bytes)
{
	const struct elf_segment *segment = find_segment(elf, address);

	return segment && bytes <= segment->file_bytes - (address - segment->address);
}

int elf_read_at(const struct elf_file *elf, uint64_t address, void *buffer, size_t bytes)
{
	uint64_t offset = 0;

	if (!has_range(elf, address, bytes) || elf_offset(elf, address, &offset))
		return -ERANGE;
	return elf_read(elf, offset, buffer, bytes);
}

int elf_load_at(const struct elf_file *elf, uint64_t address, uint64_t bytes, void **ret_data)
{
	uint64_t offset = 0;

	if (!has_range(elf, address, bytes) || elf_offset(elf, address, &offset))
		return -ERANGE;
	return elf_load(elf, offset, bytes, ret_data);
}

static void read_build_id(struct elf_file *elf, const Elf64_Phdr *header)
{
	_free_ unsigned char *notes = NULL;
	size_t at = 0;

	if (header->p_filesz > 65536 ||
		elf_load(elf, header->p_offset, header->p_filesz, (void **)&notes))
		return;
	while (at + sizeof(Elf64_Nhdr) <= header->p_filesz) {
		Elf64_Nhdr note;
		size_t name_at = at + sizeof(note), data_at;

		memcpy(&note, notes + at, sizeof(note));
		data_at = name_at + (((size_t)note.n_namesz + 3) & ~(size_t)3);
		if (data_at + note.n_descsz > header->p_filesz)
			return;
		if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 &&
			!memcmp(notes + name_at, "GNU", 4) && note.n_descsz <= 32) {
			for (size_t i = 0; i < note.n_descsz; i++)
				(void)snprintf(elf->build_id + 2 * i, 3, "%02x",
					notes[data_at + i]); /* always fits */
			return;
		}
		at = data_at + (((size_t)note.n_descsz + 3) & ~(size_t)3);
	}
}

static void take_dynamic_entry(struct elf_file *elf, const Elf64_Dyn *entry)
{
	uint64_t number = entry->d_un.d_val;

	switch (entry->d_tag) {
	case DT_JMPREL:
		elf->jump_relocs = number;
		break;
	case DT_PLTRELSZ:
		elf->jump_relocs_bytes = number;
		break;
	case DT_RELA:
		elf->relocs = number;
		break;
	case DT_RELASZ:
		elf->relocs_bytes = number;
		break;
	case DT_SYMTAB:
		elf->symbols = number;
		break;
	case DT_STRTAB:
		elf->strings = number;
		break;
	case DT_STRSZ:
		elf->strings_bytes = number;
		break;
	case DT_GNU_HASH:
		elf->gnu_hash = number;
		break;
	}
}

static void read_dynamic(struct elf_file *elf, const Elf64_Phdr *header)
{
	_free_ Elf64_Dyn *entries = NULL;
	size_t count = header->p_filesz / sizeof(*entries);

	if (count > 65536 ||
		elf_load(elf, header->p_offset, count * sizeof(*entries), (void **)&entries))
		return;
	for (size_t i = 0; i < count && entries[i].d_tag != DT_NULL; i++)
		take_dynamic_entry(elf, &entries[i]);
}

static int take_segment(struct elf_file *elf, const Elf64_Phdr *header)
{
	/* Neither the file nor the address range may wrap, so that sums need no check later. */
	if (header->p_offset > elf->bytes || header->p_filesz > elf->bytes - header->p_offset ||
		header->p_vaddr + header->p_filesz < header->p_vaddr)
		return -ENOEXEC;
	return vec_push(&elf->segments, (struct elf_segment){
						.offset = header->p_offset,
						.address = header->p_vaddr,
						.file_bytes = header->p_filesz,
						.memory_bytes = header->p_memsz,
						.is_executable = header->p_flags & PF_X,
						.is_writable = header->p_flags & PF_W,
					});
}

static int read_segments(struct elf_file *elf, const Elf64_Ehdr *header)
{
	_free_ Elf64_Phdr *headers = NULL;
	int rc;

	if (header->e_phentsize != sizeof(*headers) || header->e_phnum > HEADERS_MAX)
		return -ENOEXEC;
	rc = elf_load(elf, header->e_phoff, header->e_phnum * sizeof(*headers), (void **)&headers);
	for (size_t i = 0; !rc && i < header->e_phnum; i++) {
		if (headers[i].p_type == PT_LOAD)
			rc = take_segment(elf, &headers[i]);
		else if (headers[i].p_type == PT_DYNAMIC)
			read_dynamic(elf, &headers[i]);
		else if (headers[i].p_type == PT_NOTE && !elf->build_id[0])
			read_build_id(elf, &headers[i]);
		if (headers[i].p_type == PT_GNU_EH_FRAME) {
			elf->eh_frame_hdr = headers[i].p_vaddr;
			elf->eh_frame_hdr_bytes = headers[i].p_filesz;
		}
	}
	return rc;
}

/* Sections help but are not needed: a file without usable ones just has none. */
static int read_sections(struct elf_file *elf, const Elf64_Ehdr *header)
{
	_free_ Elf64_Shdr *headers = NULL;
	size_t count = header->e_shnum;

	if (!header->e_shoff || header->e_shentsize != sizeof(*headers) || count > HEADERS_MAX ||
		elf_load(elf, header->e_shoff, count * sizeof(*headers), (void **)&headers))
		return 0;
	for (size_t i = 0; i < count; i++)
		if (vec_push(&elf->sections, (struct elf_section){
						     .name = headers[i].sh_name,
						     .type = headers[i].sh_type,
						     .link = headers[i].sh_link,
						     .address = headers[i].sh_addr,
						     .offset = headers[i].sh_offset,
						     .bytes = headers[i].sh_size,
						     .entry_bytes = headers[i].sh_entsize,
					     }))
			return -ENOMEM;
	if (header->e_shstrndx < count && headers[header->e_shstrndx].sh_size < 1 << 20 &&
		!elf_load(elf, headers[header->e_shstrndx].sh_offset,
			headers[header->e_shstrndx].sh_size, (void **)&elf->section_names))
		elf->section_names_bytes = headers[header->e_shstrndx].sh_size;
	return 0;
}

static int read_headers(struct elf_file *elf)
{
	Elf64_Ehdr header;
	int rc = elf_read(elf, 0, &header, sizeof(header));

	if (rc)
		return rc == -ERANGE ? -ENOEXEC : rc;
	if (memcmp(header.e_ident, ELFMAG, SELFMAG) || header.e_ident[EI_CLASS] != ELFCLASS64 ||
		header.e_ident[EI_DATA] != ELFDATA2LSB ||
		(header.e_type != ET_EXEC && header.e_type != ET_DYN))
		return -ENOEXEC;
	elf->machine = header.e_machine;
	elf->is_relocatable = header.e_type == ET_DYN;
	rc = read_segments(elf, &header);
	return rc ? rc : read_sections(elf, &header);
}

int elf_open(const char *path, struct elf_file *ret_elf, struct err *err)
{
	/* O_NONBLOCK: a path that turns out to be a pipe must not hang us. */
	struct elf_file elf = {.fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
	struct stat st;
	int rc = 0;

	if (elf.fd < 0)
		return err_ret(err, -errno, "cannot read %s: %s", path, strerror(errno));
	if (fstat(elf.fd, &st))
		rc = -errno;
	else if (!S_ISREG(st.st_mode))
		rc = -ENOEXEC;
	if (!rc) {
		elf.bytes = (uint64_t)st.st_size;
		rc = read_headers(&elf);
	}
	if (rc == -ERANGE)
		rc = -ENOEXEC;
	if (rc) {
		elf_close(&elf);
		if (rc == -ENOEXEC)
			return err_ret(err, rc,
				"%s is no 64-bit little-endian ELF program or library, "
				"or it is damaged",
				path);
		return err_ret(err, rc, "cannot read %s: %s", path, strerror(-rc));
	}
	*ret_elf = elf;
	return 0;
}

void elf_close(struct elf_file *elf)
{
	if (!elf)
		return;
	if (elf->fd >= 0)
		close(elf->fd);
	elf->fd = -1;
	vec_fini(&elf->segments);
	vec_fini(&elf->sections);
	free(elf->section_names);
	elf->section_names = NULL;
}

/* Whether the NUL-terminated text at `at` of a table equals `name`. */
static bool is_text(const char *table, size_t bytes, uint64_t at, const char *name)
{
	size_t len = strlen(name) + 1;

	return at < bytes && len <= bytes - at && !memcmp(table + at, name, len);
}

const struct elf_section *elf_section_find(const struct elf_file *elf, const char *name)
{
	vec_each (section, &elf->sections)
		if (is_text(elf->section_names, elf->section_names_bytes, section->name, name))
			return section;
	return NULL;
}

struct symbol_table {
	const Elf64_Sym *symbols;
	size_t count;
	const char *strings;
	size_t strings_bytes;
};

static int visit_table(const struct symbol_table *table, elf_visitor *visit, void *context)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < table->count; i++) {
		const Elf64_Sym *symbol = &table->symbols[i];
		struct elf_symbol found = {symbol->st_value, symbol->st_size,
			symbol->st_shndx != SHN_UNDEF && symbol->st_shndx != SHN_ABS};

		if (!symbol->st_name || symbol->st_name >= table->strings_bytes ||
			!memchr(table->strings + symbol->st_name, '\0',
				table->strings_bytes - symbol->st_name))
			continue;
		rc = visit(table->strings + symbol->st_name, &found, context);
	}
	return rc;
}

static int visit_section(const struct elf_file *elf, const struct elf_section *section,
	elf_visitor *visit, void *context)
{
	_free_ Elf64_Sym *symbols = NULL;
	_free_ char *strings = NULL;
	const struct elf_section *names;
	struct symbol_table table;

	if (section->link >= elf->sections.len)
		return 0;
	names = &elf->sections.at[section->link];
	table.count = section->bytes / sizeof(*symbols);
	if (elf_load(elf, section->offset, table.count * sizeof(*symbols), (void **)&symbols) ||
		elf_load(elf, names->offset, names->bytes, (void **)&strings))
		return 0;
	table.symbols = symbols;
	table.strings = strings;
	table.strings_bytes = names->bytes;
	return visit_table(&table, visit, context);
}

/* Without sections nothing states how many dynamic symbols there are; every linker puts the
 * strings behind them. */
static int visit_dynamic(const struct elf_file *elf, elf_visitor *visit, void *context)
{
	_free_ Elf64_Sym *symbols = NULL;
	_free_ char *strings = NULL;
	struct symbol_table table;

	if (!elf->symbols || elf->strings <= elf->symbols)
		return 0;
	table.count = (elf->strings - elf->symbols) / sizeof(*symbols);
	if (elf_load_at(elf, elf->symbols, table.count * sizeof(*symbols), (void **)&symbols) ||
		elf_load_at(elf, elf->strings, elf->strings_bytes, (void **)&strings))
		return 0;
	table.symbols = symbols;
	table.strings = strings;
	table.strings_bytes = elf->strings_bytes;
	return visit_table(&table, visit, context);
}

int elf_each_symbol(const struct elf_file *elf, elf_visitor *visit, void *context)
{
	static const uint32_t kinds[] = {SHT_DYNSYM, SHT_SYMTAB};
	bool has_dynamic = false;
	int rc = 0, tables = 0;

	for (size_t i = 0; i < 2; i++)
		vec_each (section, &elf->sections) {
			if (rc || section->type != kinds[i] || tables++ >= TABLES_MAX)
				continue;
			has_dynamic |= section->type == SHT_DYNSYM;
			rc = visit_section(elf, section, visit, context);
		}
	if (!rc && !has_dynamic)
		rc = visit_dynamic(elf, visit, context);
	return rc;
}

static uint32_t hash_name(const char *name)
{
	uint32_t hash = 5381;

	while (*name)
		hash = hash * 33 + (unsigned char)*name++;
	return hash;
}

/* Symbol `index` of the dynamic table, if that is its name. */
static int check_export(
	const struct elf_file *elf, uint32_t index, const char *name, struct elf_symbol *ret_symbol)
{
	char found[64];
	size_t len = strlen(name) + 1;
	Elf64_Sym symbol;

	if (len > sizeof(found) ||
		elf_read_at(elf, elf->symbols + index * sizeof(symbol), &symbol, sizeof(symbol)) ||
		elf_read_at(elf, elf->strings + symbol.st_name, found, len) ||
		memcmp(found, name, len) != 0 || symbol.st_shndx == SHN_UNDEF)
		return -ENOENT;
	*ret_symbol = (struct elf_symbol){symbol.st_value, symbol.st_size, true};
	return 0;
}

int elf_export_find(const struct elf_file *elf, const char *name, struct elf_symbol *ret_symbol)
{
	struct {
		uint32_t buckets, first, blooms, shift;
	} head;
	uint32_t hash = hash_name(name), index, chained;
	uint64_t bucket_at, chain_at;

	if (!elf->gnu_hash || !elf->symbols ||
		elf_read_at(elf, elf->gnu_hash, &head, sizeof(head)) || !head.buckets)
		return -EOPNOTSUPP;
	bucket_at = elf->gnu_hash + sizeof(head) + (uint64_t)head.blooms * 8;
	chain_at = bucket_at + (uint64_t)head.buckets * 4;
	if (elf_read_at(elf, bucket_at + (uint64_t)(hash % head.buckets) * 4, &index, 4))
		return -EOPNOTSUPP;
	/* A chain ends with an odd hash; one that does not end in time is damaged. */
	for (int i = 0; index >= head.first && i < CHAIN_MAX; i++, index++) {
		if (elf_read_at(elf, chain_at + (uint64_t)(index - head.first) * 4, &chained, 4))
			return -EOPNOTSUPP;
		if ((chained | 1) == (hash | 1) && !check_export(elf, index, name, ret_symbol))
			return 0;
		if (chained & 1)
			break;
	}
	return -ENOENT;
}

struct wanted {
	const char *name;
	struct elf_symbol symbol;
};

static int match_symbol(const char *name, const struct elf_symbol *symbol, void *context)
{
	struct wanted *wanted = context;

	if (!symbol->is_defined || strcmp(name, wanted->name))
		return 0;
	wanted->symbol = *symbol;
	return 1;
}

int elf_symbol_find(const struct elf_file *elf, const char *name, struct elf_symbol *ret_symbol)
{
	struct wanted wanted = {.name = name};

	if (!elf_export_find(elf, name, ret_symbol))
		return 0;
	if (elf_each_symbol(elf, match_symbol, &wanted) != 1)
		return -ENOENT;
	*ret_symbol = wanted.symbol;
	return 0;
}
