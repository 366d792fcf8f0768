/* Debug locations, linker names and type names → strings of the outline. */
#include <llvm-c/DebugInfo.h>
#include <string.h>
#include <unistd.h>

#include "analyzer/compdb.h"
#include "analyzer/name.h"
#include "analyzer/walk.h"
#include "runtime/base/str.h"

#define MAX_PATH_BYTES 16384
#define MAX_NAME_BYTES ((size_t)1 << 20)
#define MAX_TYPE_BYTES 16384

/* Appends "/dir/a/../b" as "/dir/b": the same file must have one name in every outline. */
static void add_normalised(struct str *out, const char *path, size_t len)
{
	const char *end = path + len;

	while (path < end) {
		size_t part = strcspn(path, "/");

		if (part > (size_t)(end - path))
			part = (size_t)(end - path);
		if (part == 2 && path[0] == '.' && path[1] == '.') {
			while (out->len && out->data[--out->len] != '/')
				;
			if (out->data)
				out->data[out->len] = '\0';
		} else if (part && !(part == 1 && path[0] == '.')) {
			str_add(out, "/");
			str_add_bytes(out, path, part);
		}
		path += part + (path + part < end);
	}
}

static uint32_t scope_file(struct walk *walk, LLVMMetadataRef scope)
{
	uint32_t id = idmap_find(&walk->scopes, scope);
	_str_fini_ struct str path = STR_INIT(MAX_PATH_BYTES);
	LLVMMetadataRef file;
	unsigned name_len = 0, folder_len = 0;
	const char *name, *folder;

	if (id != IDMAP_NONE)
		return id;
	file = LLVMDIScopeGetFile(scope);
	name = file ? LLVMDIFileGetFilename(file, &name_len) : "";
	folder = file ? LLVMDIFileGetDirectory(file, &folder_len) : "";
	if (name_len && name[0] != '/')
		add_normalised(&path, folder, folder_len);
	add_normalised(&path, name, name_len);
	id = outline_builder_string(walk->out, str_text(&path), path.len);
	if (idmap_add(&walk->scopes, scope, id))
		walk->out->is_short = true;
	return id;
}

struct walk_place walk_place(struct walk *walk, LLVMValueRef instruction)
{
	LLVMMetadataRef at = LLVMInstructionGetDebugLoc(instruction);
	struct walk_place place = {.file = OUTLINE_NONE};

	if (!at)
		return place;
	for (LLVMMetadataRef outer; (outer = LLVMDILocationGetInlinedAt(at));)
		at = outer;
	place.line = LLVMDILocationGetLine(at);
	place.column = LLVMDILocationGetColumn(at);
	place.file = scope_file(walk, LLVMDILocationGetScope(at));
	return place;
}

struct walk_place walk_function_place(struct walk *walk, LLVMValueRef function)
{
	LLVMMetadataRef program = LLVMGetSubprogram(function);
	struct walk_place place = {.file = OUTLINE_NONE};

	if (!program)
		return place;
	place.line = LLVMDISubprogramGetLine(program);
	place.file = scope_file(walk, program);
	return place;
}

static bool is_below(const char *path, const char *folder)
{
	size_t len = strlen(folder);

	return len && !strncmp(path, folder, len) && (folder[len - 1] == '/' || path[len] == '/');
}

/* The interpreter's own headers stand beside Python.h, or one folder below it. */
static bool is_beside_python_h(const char *path)
{
	_str_fini_ struct str probe = STR_INIT(MAX_PATH_BYTES);
	const char *end = strrchr(path, '/');
	const char *dot = strrchr(path, '.');

	if (!end || !dot || strcmp(dot, ".h") != 0)
		return false;
	for (int up = 0; up < 3 && end && end > path; up++) {
		str_clear(&probe);
		str_add_bytes(&probe, path, (size_t)(end - path));
		str_add(&probe, "/Python.h");
		if (!access(str_text(&probe), F_OK))
			return true;
		end = memrchr(path, '/', (size_t)(end - path));
	}
	return false;
}

static bool find_system(const struct walk *walk, const char *path)
{
	static const char *const folders[] = {"/usr/include", "/usr/local/include", "/usr/lib"};
	const char *const *args = walk->unit->args;

	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
		if (is_below(path, folders[i]))
			return true;
	for (; args && args[0]; args++)
		if (!strcmp(args[0], "-isystem") && args[1] && is_below(path, args[1]))
			return true;
	return is_beside_python_h(path);
}

bool walk_is_system(struct walk *walk, uint32_t file)
{
	const void *key = (const void *)((uintptr_t)file + 1);
	uint32_t is_system;

	if (file == OUTLINE_NONE || file >= walk->out->strings.len)
		return false;
	is_system = idmap_find(&walk->systems, key);
	if (is_system == IDMAP_NONE) {
		is_system = find_system(walk, walk->out->pool.at + walk->out->strings.at[file]);
		if (idmap_add(&walk->systems, key, is_system))
			walk->out->is_short = true;
	}
	return is_system;
}

uint32_t walk_symbol(struct walk *walk, LLVMValueRef global)
{
	size_t len;
	const char *name = LLVMGetValueName2(global, &len);

	/* \1 tells LLVM to leave the name alone. */
	if (len && name[0] == '\1') {
		name++;
		len--;
	}
	return outline_builder_string(walk->out, name, len);
}

uint32_t walk_name(struct walk *walk, LLVMValueRef function)
{
	_str_fini_ struct str name = STR_INIT(MAX_NAME_BYTES);
	uint32_t symbol = walk_symbol(walk, function);

	if (walk->out->is_short)
		return 0;
	if (name_from_symbol(walk->out->pool.at + walk->out->strings.at[symbol], &name))
		return symbol;
	return outline_builder_string(walk->out, str_text(&name), name.len);
}

uint32_t walk_type_name(struct walk *walk, LLVMTypeRef type)
{
	uint32_t id = idmap_find(&walk->types, type);
	const void *key = type;
	const char *name = NULL;

	if (id != IDMAP_NONE)
		return id;
	while (LLVMGetTypeKind(type) == LLVMArrayTypeKind)
		type = LLVMGetElementType(type);
	if (LLVMGetTypeKind(type) == LLVMStructTypeKind)
		name = LLVMGetStructName(type);
	if (!name)
		return OUTLINE_NONE;
	id = outline_builder_string(walk->out, name, strnlen(name, MAX_TYPE_BYTES));
	if (idmap_add(&walk->types, key, id))
		walk->out->is_short = true;
	return id;
}
