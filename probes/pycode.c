/* (code object, instruction) of a live process → function, file and line. Code objects are cached
 * by address; each use re-reads the few words that would differ had the object died and its memory
 * been used again. */
#include "probes/pycode.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "probes/lines.h"
#include "probes/pytext.h"
#include "runtime/base/arena.h"
#include "runtime/base/cleanup.h"
#include "runtime/base/map.h"

#define READS_MAX (1U << 21) /* of code objects: bounds the memory taken */
#define TABLE_MAX_BYTES ((uint64_t)4 << 20)
#define CODE_BYTES_MAX 0x200 /* of a code object before its instructions */
#define FRAME_BYTES 0x80 /* enough of a frame for the fields read here */
#define SHIMS_MAX 64 /* frames without Python code in a row */

/* What tells one code object from another at the same address. */
struct signature {
	uint64_t type, filename, name, qualname, linetable;
	int32_t first_line;
};

struct code {
	uint64_t address;
	struct signature signature;
	const char *function, *file; /* in the arena */
	uint8_t *table; /* in the arena */
	size_t table_len;
	UT_hash_handle hh;
};

struct pycode {
	struct target target;
	struct layout layout;
	struct arena *arena;
	struct code *codes; /* by address */
	uint32_t reads;
	uint64_t code_type; /* address of the type "code"; 0: not seen yet */
};

int pycode_new(const struct target *target, const struct layout *layout, struct pycode **ret_pycode)
{
	struct pycode *pycode = calloc(1, sizeof(*pycode));

	if (!pycode)
		return -ENOMEM;
	pycode->arena = arena_new();
	if (!pycode->arena) {
		free(pycode);
		return -ENOMEM;
	}
	pycode->target = *target;
	pycode->layout = *layout;
	*ret_pycode = pycode;
	return 0;
}

void pycode_free(struct pycode *pycode)
{
	if (!pycode)
		return;
	HASH_CLEAR(hh, pycode->codes);
	arena_free(pycode->arena);
	free(pycode);
}

/* A word of an object read before; 0 for a field that this version lacks. */
static uint64_t word_at(const uint8_t *object, size_t len, uint16_t offset)
{
	uint64_t word = 0;

	if (offset != LAYOUT_ABSENT && offset + sizeof(word) <= len)
		memcpy(&word, object + offset, sizeof(word));
	return word;
}

/* The size of a variable object follows its type, and a type's name follows its size. */
static bool is_code_type(struct pycode *pycode, uint64_t type)
{
	static const char wanted[] = "code";
	char name[sizeof(wanted)];
	uint64_t address;

	if (type && type == pycode->code_type)
		return true;
	if (!type || pycode->code_type ||
		target_read(&pycode->target, type + pycode->layout.bytes_size + 8, &address,
			sizeof(address)) ||
		target_read(&pycode->target, address, name, sizeof(name)) ||
		memcmp(name, wanted, sizeof(wanted)) != 0)
		return false;
	pycode->code_type = type;
	return true;
}

/* The words of the object at `address`, or why it is no code object. */
static int read_signature(struct pycode *pycode, uint64_t address, struct signature *ret_signature)
{
	const struct layout *layout = &pycode->layout;
	struct signature signature;
	uint8_t object[CODE_BYTES_MAX];
	size_t len = layout->code_bytes > layout->code_linetable + 8U ? layout->code_bytes
								      : layout->code_linetable + 8U;
	int rc;

	memset(&signature, 0, sizeof(signature)); /* compared as bytes */
	if (len > sizeof(object) || layout->bytes_size < 8)
		return -EFAULT;
	rc = target_read(&pycode->target, address, object, len);
	if (rc)
		return rc;
	signature.type = word_at(object, len, layout->bytes_size - 8);
	signature.filename = word_at(object, len, layout->code_filename);
	signature.name = word_at(object, len, layout->code_name);
	signature.qualname = word_at(object, len, layout->code_qualname);
	signature.linetable = word_at(object, len, layout->code_linetable);
	signature.first_line = (int32_t)word_at(object, len, layout->code_firstlineno);
	if (signature.first_line < 0 || !is_code_type(pycode, signature.type))
		return -EFAULT;
	*ret_signature = signature;
	return 0;
}

static int read_text(struct pycode *pycode, uint64_t address, const char **ret_text)
{
	_str_fini_ struct str text = STR_INIT(PYTEXT_MAX_CHARACTERS * 4);
	int rc = pytext_read(&pycode->target, &pycode->layout, address, &text);

	if (rc)
		return rc;
	*ret_text = arena_strdup(pycode->arena, str_text(&text));
	return *ret_text ? 0 : -ENOMEM;
}

static int read_table(struct pycode *pycode, struct code *code)
{
	const struct layout *layout = &pycode->layout;
	uint64_t address = code->signature.linetable, bytes;
	int rc = target_read(&pycode->target, address + layout->bytes_size, &bytes, sizeof(bytes));

	if (rc)
		return rc;
	if (bytes > TABLE_MAX_BYTES)
		return -EFAULT;
	code->table = arena_alloc(pycode->arena, bytes ? bytes : 1);
	if (!code->table)
		return -ENOMEM;
	code->table_len = bytes;
	return target_read(&pycode->target, address + layout->bytes_data, code->table, bytes);
}

static int fill_code(
	struct pycode *pycode, const struct signature *signature, struct code *ret_code)
{
	struct code code = {.signature = *signature};
	struct signature after;
	int rc;

	if (pycode->reads++ >= READS_MAX)
		return -E2BIG;
	rc = read_text(pycode, signature->qualname ? signature->qualname : signature->name,
		&code.function);
	if (!rc)
		rc = read_text(pycode, signature->filename, &code.file);
	if (!rc)
		rc = read_table(pycode, &code);
	/* Had it died meanwhile, the texts would be those of something else. */
	if (!rc)
		rc = read_signature(pycode, ret_code->address, &after);
	if (!rc && memcmp(&after, signature, sizeof(after)) != 0)
		rc = -EFAULT;
	if (rc)
		return rc;
	ret_code->signature = code.signature;
	ret_code->function = code.function;
	ret_code->file = code.file;
	ret_code->table = code.table;
	ret_code->table_len = code.table_len;
	return 0;
}

static int add_code(struct pycode *pycode, uint64_t address, const struct signature *signature,
	struct code **ret_code)
{
	struct code *code;
	int rc;

	code = arena_alloc(pycode->arena, sizeof(*code));
	if (!code)
		return -ENOMEM;
	code->address = address;
	rc = fill_code(pycode, signature, code);
	if (rc)
		return rc;
	HASH_ADD(hh, pycode->codes, address, sizeof(code->address), code);
	if (map_has_failed(code))
		return -ENOMEM;
	*ret_code = code;
	return 0;
}

static int find_code(struct pycode *pycode, uint64_t address, struct code **ret_code)
{
	struct signature signature;
	struct code *code;
	int rc = read_signature(pycode, address, &signature);

	HASH_FIND(hh, pycode->codes, &address, sizeof(address), code);
	/* The process has ended: what was seen of it is still true. */
	if (code && rc == -ESRCH)
		rc = 0;
	else if (!rc && !code)
		return add_code(pycode, address, &signature, ret_code);
	else if (!rc && memcmp(&signature, &code->signature, sizeof(signature)) != 0)
		rc = fill_code(pycode, &signature, code);
	if (!rc)
		*ret_code = code;
	return rc;
}

static int64_t instruction_offset(const struct layout *layout, struct pycode_frame frame)
{
	switch (layout->lines) {
	case LAYOUT_LNOTAB:
		return (int32_t)frame.instruction;
	case LAYOUT_LINETABLE:
		return (int64_t)(int32_t)frame.instruction * 2;
	}
	return (int64_t)(frame.instruction - frame.code - layout->code_bytes);
}

int pycode_resolve(struct pycode *pycode, struct pycode_frame frame, struct run_frame *ret_frame)
{
	struct lines_table table;
	struct code *code = NULL;
	int line = 0, rc;

	rc = find_code(pycode, frame.code, &code);
	if (rc)
		return rc == -ENOMEM ? rc : -EFAULT;
	table.kind = (enum layout_lines)pycode->layout.lines;
	table.data = code->table;
	table.len = code->table_len;
	table.first_line = code->signature.first_line;
	/* An instruction outside its code: the function is known all the same. */
	if (lines_find(&table, instruction_offset(&pycode->layout, frame), &line))
		line = 0;
	*ret_frame = (struct run_frame){
		.function = code->function,
		.file = code->file,
		.line = line,
	};
	return 0;
}

static int first_frame(const struct target *target, const struct layout *layout, uint64_t tstate,
	uint64_t *ret_frame)
{
	uint64_t address;
	int rc = target_read(target, tstate + layout->tstate_frame, &address, sizeof(address));

	if (!rc && layout->cframe_frame != LAYOUT_ABSENT)
		rc = target_read(target, address + layout->cframe_frame, &address, sizeof(address));
	if (!rc)
		*ret_frame = address;
	return rc;
}

/* One frame, and the next one's address. `ret_is_shim`: it runs no Python code. */
static int read_frame(const struct target *target, const struct layout *layout, uint64_t *address,
	struct pycode_frame *ret_frame, bool *ret_is_shim)
{
	uint8_t frame[FRAME_BYTES];
	size_t len = layout->frame_instr + 8U;
	int rc;

	if (layout->frame_owner != LAYOUT_ABSENT && layout->frame_owner + 1U > len)
		len = layout->frame_owner + 1U;
	if (len > sizeof(frame))
		return -EFAULT;
	rc = target_read(target, *address, frame, len);
	if (rc)
		return rc;
	*address = word_at(frame, len, layout->frame_back);
	ret_frame->code = word_at(frame, len, layout->frame_code);
	if (layout->frame_code_is_tagged == 1)
		ret_frame->code &= ~(uint64_t)3;
	ret_frame->instruction = word_at(frame, len, layout->frame_instr);
	*ret_is_shim = layout->frame_owner != LAYOUT_ABSENT &&
		       frame[layout->frame_owner] >= layout->frame_owner_skip;
	return 0;
}

int pycode_walk(const struct target *target, const struct layout *layout, uint64_t tstate,
	struct pycode_frame *frames, int max_frames)
{
	uint64_t address = 0;
	int count = 0, shims = 0, rc = first_frame(target, layout, tstate, &address);

	if (rc)
		return rc;
	while (address && count < max_frames && shims < SHIMS_MAX) {
		struct pycode_frame frame = {0};
		bool is_shim = false;

		if (read_frame(target, layout, &address, &frame, &is_shim))
			break;
		if (is_shim) {
			shims++;
			continue;
		}
		if (!frame.code || frame.code % 8)
			break;
		frames[count++] = frame;
		shims = 0;
	}
	return count;
}
