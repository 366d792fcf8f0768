/* An ELF file, hostile until checked: segments, dynamic table, symbols, notes. 64 bit, little
 * endian. Reads with pread only: a file that shrinks under us is an error, not a SIGBUS. */
#ifndef GILSCOPE_PROBES_ELFFILE_H
#define GILSCOPE_PROBES_ELFFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/vec.h"

struct err;

/* No table or segment larger than this is read. */
#define ELF_LOAD_MAX ((size_t)256 << 20)

struct elf_segment {
	uint64_t offset, address, file_bytes, memory_bytes;
	bool is_executable, is_writable;
};

struct elf_section {
	uint32_t name, type, link;
	uint64_t address, offset, bytes, entry_bytes;
};

struct elf_file {
	int fd;
	uint64_t bytes; /* of the file */
	int machine; /* EM_X86_64 … */
	bool is_relocatable; /* ET_DYN: mapped anywhere */
	vec(struct elf_segment) segments; /* PT_LOAD, as in the file */
	vec(struct elf_section) sections; /* empty in files stripped of them */
	char *section_names; /* owned */
	size_t section_names_bytes;
	/* from the dynamic table; 0: not there */
	uint64_t jump_relocs, jump_relocs_bytes, relocs, relocs_bytes;
	uint64_t symbols, strings, strings_bytes, gnu_hash;
	uint64_t eh_frame_hdr, eh_frame_hdr_bytes;
	char build_id[65]; /* lower-case hex or "" */
};

struct elf_symbol {
	uint64_t address, bytes;
	bool is_defined;
};

/* -ENOEXEC: no such ELF file (another class, byte order, or garbage). */
int elf_open(const char *path, struct elf_file *ret_elf, struct err *err);
void elf_close(struct elf_file *elf);

/* The whole range or a negative errno. */
int elf_read(const struct elf_file *elf, uint64_t offset, void *buffer, size_t bytes);
int elf_read_at(const struct elf_file *elf, uint64_t address, void *buffer, size_t bytes);

/* The same into fresh memory. owned */
int elf_load(const struct elf_file *elf, uint64_t offset, uint64_t bytes, void **ret_data);
int elf_load_at(const struct elf_file *elf, uint64_t address, uint64_t bytes, void **ret_data);

/* Of a byte that is in the file. -ENOENT: no segment holds it. */
int elf_offset(const struct elf_file *elf, uint64_t address, uint64_t *ret_offset);

const struct elf_section *elf_section_find(const struct elf_file *elf, const char *name);

/* Calls `visit` for each named symbol of .dynsym, then of .symtab. `index` counts in its table.
 * Ends when `visit` returns non-zero and returns that. Unreadable tables are skipped. */
typedef int elf_visitor(const char *name, const struct elf_symbol *symbol, void *context);
int elf_each_symbol(const struct elf_file *elf, elf_visitor *visit, void *context);

/* A symbol that the file exports, by its hash table: a handful of small reads, whatever the size of
 * the file. -ENOENT: not there; -EOPNOTSUPP: no such table. */
int elf_export_find(const struct elf_file *elf, const char *name, struct elf_symbol *ret_symbol);

/* A defined symbol, exported or not. -ENOENT: not there. */
int elf_symbol_find(const struct elf_file *elf, const char *name, struct elf_symbol *ret_symbol);

#define _elf_close_ __attribute__((cleanup(elf_close)))

#endif
