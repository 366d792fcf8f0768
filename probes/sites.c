/* ELF file → probe sites: slots that hold the wanted functions (relocations) → stubs that jump
 * through them → calls of either → proved against the function ranges of .eh_frame → file offsets.
 */
#include "probes/sites.h"

#include <elf.h>
#include <errno.h>
#include <string.h>

#include "probes/ehframe.h"
#include "probes/elffile.h"
#include "probes/sites_arch.h"
#include "runtime/base/cleanup.h"
#include "runtime/base/err.h"

#define DECODE_MAX_BYTES ((uint64_t)64 << 20) /* of one file: overlapping functions end here */

static const struct {
	const char *name;
	enum site_kind kind;
} functions[] = {
#define SITE_FUNCTION(name, kind) {name, kind},
#include "probes/sites.def"
#undef SITE_FUNCTION
};

static const struct sites_arch *const arches[] = {&sites_arch_x86_64, &sites_arch_aarch64};

struct finder {
	const struct elf_file *elf;
	const struct sites_arch *arch;
	struct callees slots, entries;
	struct calls calls, register_calls;
	struct ehframe ehframe;
	uint64_t decoded_bytes;
	struct sites sites;
};

const struct callee *callee_find(const struct callees *callees, uint64_t address)
{
	for (size_t i = 0; i < callees->len; i++)
		if (callees->at[i].address == address)
			return &callees->at[i];
	return NULL;
}

int callee_add(struct callees *callees, uint64_t address, enum site_kind kind)
{
	if (callee_find(callees, address))
		return 0;
	if (callees->len >= SITES_CALLEES_MAX)
		return -E2BIG;
	callees->at[callees->len++] = (struct callee){address, kind};
	return 0;
}

int call_add(struct calls *calls, struct call call)
{
	if (calls->list.len >= SITES_CALLS_MAX)
		return -E2BIG;
	return vec_push(&calls->list, call);
}

static int function_kind(const char *name, enum site_kind *ret_kind)
{
	for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
		if (strcmp(name, functions[i].name))
			continue;
		*ret_kind = functions[i].kind;
		return 0;
	}
	return -ENOENT;
}

struct symbols {
	Elf64_Sym *at; /* owned */
	char *strings; /* owned */
	uint64_t count, strings_bytes;
};

static void symbols_fini(struct symbols *symbols)
{
	free(symbols->at);
	free(symbols->strings);
}

static int take_reloc(struct finder *finder, const Elf64_Rela *reloc, const struct symbols *symbols)
{
	uint64_t index = ELF64_R_SYM(reloc->r_info), name;
	uint32_t type = (uint32_t)ELF64_R_TYPE(reloc->r_info);
	const uint32_t *wanted = finder->arch->slot_relocs;
	enum site_kind kind;

	if ((type != wanted[0] && type != wanted[1] && type != wanted[2]) || reloc->r_addend ||
		index >= symbols->count)
		return 0;
	name = symbols->at[index].st_name;
	if (name >= symbols->strings_bytes ||
		!memchr(symbols->strings + name, '\0', symbols->strings_bytes - name) ||
		function_kind(symbols->strings + name, &kind))
		return 0;
	return callee_add(&finder->slots, reloc->r_offset, kind);
}

static int find_slots_in(
	struct finder *finder, uint64_t address, uint64_t bytes, const struct symbols *symbols)
{
	_free_ Elf64_Rela *relocs = NULL;
	uint64_t count = bytes / sizeof(*relocs);
	int rc = 0;

	if (!address || !count ||
		elf_load_at(finder->elf, address, count * sizeof(*relocs), (void **)&relocs))
		return 0;
	for (uint64_t i = 0; !rc && i < count; i++)
		rc = take_reloc(finder, &relocs[i], symbols);
	return rc;
}

static int find_slots(struct finder *finder)
{
	const struct elf_file *elf = finder->elf;
	__attribute__((cleanup(symbols_fini))) struct symbols symbols = {0};
	int rc;

	if (!elf->symbols || elf->strings <= elf->symbols)
		return 0; /* static, or laid out as no linker does: symbols are still tried */
	symbols.count = (elf->strings - elf->symbols) / sizeof(*symbols.at);
	symbols.strings_bytes = elf->strings_bytes;
	if (elf_load_at(
		    elf, elf->symbols, symbols.count * sizeof(*symbols.at), (void **)&symbols.at) ||
		elf_load_at(elf, elf->strings, elf->strings_bytes, (void **)&symbols.strings))
		return 0;
	rc = find_slots_in(finder, elf->jump_relocs, elf->jump_relocs_bytes, &symbols);
	return rc ? rc : find_slots_in(finder, elf->relocs, elf->relocs_bytes, &symbols);
}

/* A libc linked into this very file: its functions are called directly. */
static int take_own_function(const char *name, const struct elf_symbol *symbol, void *context)
{
	struct finder *finder = context;
	enum site_kind kind;

	if (!symbol->is_defined || function_kind(name, &kind))
		return 0;
	return callee_add(&finder->entries, symbol->address, kind);
}

/* Runs over every executable segment. */
static int each_code(struct finder *finder, int (*step)(struct finder *, const struct code *))
{
	int rc = 0;

	vec_each (segment, &finder->elf->segments) {
		_free_ uint8_t *bytes = NULL;
		struct code code = {.address = segment->address, .len = segment->file_bytes};

		if (rc || !segment->is_executable || !segment->file_bytes)
			continue;
		rc = elf_load(finder->elf, segment->offset, segment->file_bytes, (void **)&bytes);
		code.bytes = bytes;
		if (!rc)
			rc = step(finder, &code);
	}
	return rc;
}

static int step_stubs(struct finder *finder, const struct code *code)
{
	return finder->arch->find_stubs(code, &finder->slots, &finder->entries);
}

static bool is_in_plt_section(const struct elf_file *elf, uint64_t address)
{
	vec_each (section, &elf->sections) {
		if (section->name + sizeof(".plt") <= elf->section_names_bytes &&
			!memcmp(elf->section_names + section->name, ".plt", 4) &&
			address >= section->address && address - section->address < section->bytes)
			return true;
	}
	return false;
}

/* A stub of the linker's is no site: who calls it is one. Without sections it is known by its
 * aligned entry, which jumps inside functions hardly ever have. */
static bool is_stub(const struct finder *finder, const struct call *call)
{
	if (!call->is_tail || !call->is_slot)
		return false;
	if (finder->elf->sections.len)
		return is_in_plt_section(finder->elf, call->opcode);
	for (size_t i = 0; i < finder->entries.len; i++) {
		uint64_t entry = finder->entries.at[i].address;

		if (entry % 8 == 0 && call->opcode - entry <= 5)
			return true;
	}
	return false;
}

static int compare_calls(const void *left, const void *right)
{
	const struct call *a = left, *b = right;

	return a->opcode < b->opcode ? -1 : a->opcode > b->opcode;
}

/* Compilers that call through slots may load one into a register first, and call that in a loop. */
static int follow_loads(
	struct finder *finder, const struct code *function, const struct call *calls, size_t count)
{
	size_t before = finder->register_calls.list.len;
	bool has_loads = false;
	int rc;

	for (size_t i = 0; i < count; i++)
		has_loads |= calls[i].is_load && calls[i].start;
	if (!has_loads || !finder->arch->find_register_calls)
		return 0;
	rc = finder->arch->find_register_calls(function, calls, count, &finder->register_calls);
	for (size_t i = before; i < finder->register_calls.list.len; i++)
		finder->register_calls.list.at[i].function = function->address;
	return rc;
}

/* Proves the calls [first, last) that lie in one function. */
static int prove_function(struct finder *finder, const struct code *code,
	const struct ehframe_range *range, size_t first, size_t last)
{
	struct code function = {.address = range->start};
	uint64_t end = code->address + code->len;
	struct call *calls = &finder->calls.list.at[first];
	int rc;

	if (range->start < code->address || range->end > end)
		return 0;
	function.len = range->end - range->start;
	function.bytes = code->bytes + (range->start - code->address);
	finder->decoded_bytes += function.len;
	if (finder->decoded_bytes > DECODE_MAX_BYTES)
		return -E2BIG;
	for (size_t i = 0; i < last - first; i++)
		calls[i].function = range->start;
	rc = finder->arch->prove(&function, calls, last - first);
	return rc ? rc : follow_loads(finder, &function, calls, last - first);
}

static int prove_calls(struct finder *finder, const struct code *code, size_t first)
{
	struct call *calls = finder->calls.list.at;
	size_t count = finder->calls.list.len, next;
	int rc = 0;

	for (size_t i = first; !rc && i < count; i = next) {
		const struct ehframe_range *range = ehframe_find(&finder->ehframe, calls[i].opcode);

		next = i + 1;
		while (range && next < count &&
			ehframe_find(&finder->ehframe, calls[next].opcode) == range)
			next++;
		if (range)
			rc = prove_function(finder, code, range, i, next);
	}
	return rc;
}

static int step_calls(struct finder *finder, const struct code *code)
{
	size_t first = finder->calls.list.len;
	int rc = finder->arch->find_calls(code, &finder->slots, &finder->entries, &finder->calls);

	if (rc || finder->calls.list.len == first)
		return rc;
	qsort(&finder->calls.list.at[first], finder->calls.list.len - first, sizeof(struct call),
		compare_calls);
	return prove_calls(finder, code, first);
}

static int add_site(
	struct finder *finder, const struct call *call, uint64_t address, enum site_kind kind)
{
	struct site site = {.kind = kind, .address = address, .function = call->function};

	if (elf_offset(finder->elf, address, &site.offset))
		return 0;
	return vec_push(&finder->sites.list, site);
}

static int take_call(struct finder *finder, const struct call *call)
{
	int rc;

	if (call->is_load || is_stub(finder, call))
		return 0;
	/* A wait that never returns here has no end to measure. */
	if (!call->start || (call->is_tail && call->kind == SITE_WAIT)) {
		finder->sites.refused++;
		return 0;
	}
	rc = add_site(finder, call, call->start, call->kind);
	if (!rc && call->kind == SITE_WAIT)
		rc = add_site(finder, call, call->end, SITE_WAIT_END);
	return rc;
}

static int take_sites(struct finder *finder)
{
	int rc = 0;

	vec_each (call, &finder->calls.list)
		if (!rc)
			rc = take_call(finder, call);
	vec_each (call, &finder->register_calls.list)
		if (!rc)
			rc = take_call(finder, call);
	return rc;
}

static int compare_sites(const void *left, const void *right)
{
	const struct site *a = left, *b = right;

	return a->offset < b->offset ? -1 : a->offset > b->offset;
}

static int run_finder(struct finder *finder)
{
	int rc = find_slots(finder);

	if (!rc)
		rc = elf_each_symbol(finder->elf, take_own_function, finder);
	if (!rc && finder->slots.len)
		rc = each_code(finder, step_stubs);
	if (!rc && !finder->slots.len && !finder->entries.len)
		rc = -ENOENT;
	if (!rc)
		rc = ehframe_load(finder->elf, &finder->ehframe);
	if (!rc)
		rc = each_code(finder, step_calls);
	if (!rc)
		rc = take_sites(finder);
	if (!rc && !finder->sites.list.len)
		rc = -ENOENT;
	if (!rc)
		qsort(finder->sites.list.at, finder->sites.list.len, sizeof(struct site),
			compare_sites);
	return rc;
}

static int explain(int rc, const char *path, const struct elf_file *elf, struct err *err)
{
	if (rc == -ENOENT)
		return err_ret(err, rc,
			"%s has no call of pthread_cond_signal or pthread_cond_timedwait that can "
			"be "
			"probed: no interpreter, or one that was linked statically and stripped",
			path);
	if (rc == -EOPNOTSUPP)
		return err_ret(err, rc, "%s is for machine type %d; x86-64 and aarch64 are known",
			path, elf->machine);
	return err_ret(
		err, rc, "%s cannot be searched for the lock's code: %s", path, strerror(-rc));
}

int sites_find(const char *path, struct sites *ret_sites, struct err *err)
{
	_elf_close_ struct elf_file elf = {.fd = -1};
	struct finder finder = {.elf = &elf};
	int rc = elf_open(path, &elf, err);

	if (rc)
		return rc;
	for (size_t i = 0; i < sizeof(arches) / sizeof(arches[0]); i++)
		if (arches[i]->machine == elf.machine)
			finder.arch = arches[i];
	rc = finder.arch ? run_finder(&finder) : -EOPNOTSUPP;
	vec_fini(&finder.calls.list);
	vec_fini(&finder.register_calls.list);
	ehframe_fini(&finder.ehframe);
	if (rc) {
		sites_fini(&finder.sites);
		return explain(rc, path, &elf, err);
	}
	finder.sites.machine = elf.machine;
	*ret_sites = finder.sites;
	return 0;
}

void sites_fini(struct sites *sites)
{
	vec_fini(&sites->list);
}
