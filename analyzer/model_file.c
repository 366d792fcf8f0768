/* YAML text → struct model_file, by the schema table below. What the loader says about a mistake
 * becomes one line with file, line and the mistake. */
#include "analyzer/model_file.h"

#include <cyaml/cyaml.h>
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

#include "analyzer/model.h"
#include "analyzer/model_shape.h"
#include "runtime/base/cleanup.h"
#include "runtime/base/err.h"
#include "runtime/base/file.h"

enum {
	FILE_BYTES_MAX = 4 << 20,
	TEXT_MAX = 1000, /* a note, a source */
	NAME_MAX_BYTES = 200,
	FUNCTIONS_MAX = 20000,
	LIST_MAX = 400,
};

/* One higher than the enumerations of model.h: 0 is "not written". */
static const cyaml_strval_t effect_names[] = {
	{"trivial", 1 + MODEL_TRIVIAL},
	{"blocks", 1 + MODEL_BLOCKS},
	{"computes", 1 + MODEL_COMPUTES},
	{"mutex-lock", 1 + MODEL_MUTEX_LOCK},
	{"mutex-trylock", 1 + MODEL_MUTEX_TRYLOCK},
	{"mutex-unlock", 1 + MODEL_MUTEX_UNLOCK},
	{"lock", 1 + MODEL_LOCK},
	{"api", 1 + MODEL_API},
};

static const cyaml_strval_t wait_names[] = {
	{"peer", 1 + WAIT_PEER},
	{"device", 1 + WAIT_DEVICE},
	{"file-system", 1 + WAIT_FILESYSTEM},
	{"process", 1 + WAIT_PROCESS},
	{"human", 1 + WAIT_HUMAN},
	{"time", 1 + WAIT_TIME},
};

static const cyaml_strval_t lock_op_names[] = {
	{"none", 1 + LOCK_OP_NONE},
	{"release", 1 + LOCK_OP_RELEASE},
	{"acquire", 1 + LOCK_OP_ACQUIRE},
	{"ensure", 1 + LOCK_OP_ENSURE},
	{"unensure", 1 + LOCK_OP_UNENSURE},
	{"swap", 1 + LOCK_OP_SWAP},
	{"call-released", 1 + LOCK_OP_CALL_RELEASED},
	{"call-held", 1 + LOCK_OP_CALL_HELD},
};

static const cyaml_strval_t api_names[] = {
	{"needs-lock", 1 + API_NEEDS_LOCK},
	{"accessor", 1 + API_ACCESSOR},
	{"unlocked", 1 + API_UNLOCKED},
};

/* Not the loader's own bool: that takes any word for true. */
static const cyaml_strval_t bool_names[] = {{"false", 0}, {"true", 1}};

#define REQUIRED CYAML_FLAG_POINTER
#define OPTIONAL (CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL)
#define WORD (CYAML_FLAG_OPTIONAL | CYAML_FLAG_STRICT)
#define ENUM_FIELD(key, type, member, names)                                                       \
	CYAML_FIELD_ENUM(key, WORD, struct type, member, names, CYAML_ARRAY_LEN(names))
#define BOOL_FIELD(key, type, member) ENUM_FIELD(key, type, member, bool_names)

static const cyaml_schema_value_t text_value = {
	CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char *, 1, NAME_MAX_BYTES),
};

static const cyaml_schema_value_t condition_value = {
	CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char *, 1, TEXT_MAX),
};

static const cyaml_schema_field_t callback_fields[] = {
	CYAML_FIELD_INT("arg", CYAML_FLAG_DEFAULT, struct model_file_callback, arg),
	BOOL_FIELD("async", model_file_callback, is_async),
	BOOL_FIELD("foreign", model_file_callback, is_foreign),
	BOOL_FIELD("held", model_file_callback, is_held),
	CYAML_FIELD_END,
};

static const cyaml_schema_value_t callback_value = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct model_file_callback, callback_fields),
};

static const cyaml_schema_field_t constant_fields[] = {
	CYAML_FIELD_STRING_PTR(
		"name", REQUIRED, struct model_file_constant, name, 1, NAME_MAX_BYTES),
	CYAML_FIELD_INT("value", CYAML_FLAG_DEFAULT, struct model_file_constant, value),
	CYAML_FIELD_STRING_PTR("header", OPTIONAL, struct model_file_constant, header, 1, TEXT_MAX),
	CYAML_FIELD_END,
};

static const cyaml_schema_value_t constant_value = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct model_file_constant, constant_fields),
};

static const cyaml_schema_field_t function_fields[] = {
	CYAML_FIELD_STRING_PTR(
		"name", OPTIONAL, struct model_file_function, name, 1, NAME_MAX_BYTES),
	CYAML_FIELD_SEQUENCE(
		"names", OPTIONAL, struct model_file_function, names, &text_value, 1, LIST_MAX),
	BOOL_FIELD("remove", model_file_function, is_removed),
	ENUM_FIELD("effect", model_file_function, effect, effect_names),
	ENUM_FIELD("wait_on", model_file_function, wait_on, wait_names),
	ENUM_FIELD("lock_op", model_file_function, lock_op, lock_op_names),
	ENUM_FIELD("api", model_file_function, api, api_names),
	BOOL_FIELD("certain", model_file_function, is_certain),
	BOOL_FIELD("thread_unsafe", model_file_function, is_thread_unsafe),
	BOOL_FIELD("noreturn", model_file_function, is_noreturn),
	BOOL_FIELD("may_run_python", model_file_function, may_run_python),
	BOOL_FIELD("releases_inside", model_file_function, releases_inside),
	CYAML_FIELD_INT_PTR("size_arg", OPTIONAL, struct model_file_function, size_arg),
	CYAML_FIELD_INT_PTR("lock_arg", OPTIONAL, struct model_file_function, lock_arg),
	CYAML_FIELD_INT_PTR("callback_arg", OPTIONAL, struct model_file_function, callback_arg),
	CYAML_FIELD_SEQUENCE("unless", OPTIONAL, struct model_file_function, unless,
		&condition_value, 1, LIST_MAX),
	CYAML_FIELD_SEQUENCE(
		"when", OPTIONAL, struct model_file_function, when, &condition_value, 1, LIST_MAX),
	CYAML_FIELD_SEQUENCE("callbacks", OPTIONAL, struct model_file_function, callbacks,
		&callback_value, 1, LIST_MAX),
	CYAML_FIELD_STRING_PTR("note", OPTIONAL, struct model_file_function, note, 1, TEXT_MAX),
	CYAML_FIELD_STRING_PTR("source", OPTIONAL, struct model_file_function, source, 1, TEXT_MAX),
	CYAML_FIELD_STRING_PTR("header", OPTIONAL, struct model_file_function, header, 0, TEXT_MAX),
	CYAML_FIELD_STRING_PTR("absent", OPTIONAL, struct model_file_function, absent, 1, TEXT_MAX),
	CYAML_FIELD_END,
};

static const cyaml_schema_value_t function_value = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct model_file_function, function_fields),
};

static const cyaml_schema_field_t file_fields[] = {
	CYAML_FIELD_STRING_PTR("library", REQUIRED, struct model_file, library, 1, NAME_MAX_BYTES),
	CYAML_FIELD_STRING_PTR("header", OPTIONAL, struct model_file, header, 0, TEXT_MAX),
	CYAML_FIELD_STRING_PTR("source", OPTIONAL, struct model_file, source, 1, TEXT_MAX),
	CYAML_FIELD_STRING_PTR("package", OPTIONAL, struct model_file, package, 1, NAME_MAX_BYTES),
	CYAML_FIELD_STRING_PTR(
		"pkg_config", OPTIONAL, struct model_file, pkg_config, 1, NAME_MAX_BYTES),
	CYAML_FIELD_SEQUENCE("api_prefixes", OPTIONAL, struct model_file, api_prefixes, &text_value,
		1, LIST_MAX),
	CYAML_FIELD_SEQUENCE(
		"constants", OPTIONAL, struct model_file, constants, &constant_value, 1, LIST_MAX),
	CYAML_FIELD_SEQUENCE("functions", OPTIONAL, struct model_file, functions, &function_value,
		0, FUNCTIONS_MAX),
	CYAML_FIELD_END,
};

static const cyaml_schema_value_t file_value = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct model_file, file_fields),
};

/* What the loader logged: its first sentence and the innermost place of its first backtrace. */
struct complaint {
	char text[200];
	unsigned line;
};

static void __attribute__((format(printf, 3, 0))) complaint_log(
	cyaml_log_t level, void *context, const char *format, va_list args)
{
	struct complaint *complaint = context;
	char line[sizeof(complaint->text)];
	const char *place;

	(void)level; /* only errors are asked for */
	vsnprintf(line, sizeof(line), format, args);
	line[strcspn(line, "\n")] = '\0';
	place = strstr(line, "(line: ");
	if (place && !complaint->line)
		complaint->line = (unsigned)strtoul(place + strlen("(line: "), NULL, 10);
	else if (!place && !complaint->text[0])
		memcpy(complaint->text, line, sizeof(line));
}

static cyaml_config_t loader_config(struct complaint *complaint)
{
	return (cyaml_config_t){
		.log_fn = complaint_log,
		.log_ctx = complaint,
		.log_level = CYAML_LOG_ERROR,
		.mem_fn = cyaml_mem,
		.flags = CYAML_CFG_NO_ALIAS,
	};
}

/* The loader's sentences that people meet, in our words; `%s` is what follows the first text. */
static const struct {
	const char *begins, *says;
	bool is_key; /* what follows is a key further down, whose line the loader does not know */
} sentences[] = {
	{"Load: Unexpected key: ", "unknown key `%s` (models/README.md lists them)", true},
	{"Load: Mapping field already seen: ", "`%s` is written twice here", false},
	{"Load: Invalid ENUM value: ",
		"`%s` is not a word for this key (models/README.md lists them)", false},
	{"Load: Missing required mapping field: ", "`%s` is missing", false},
	{"Load: Invalid INT value: ", "%s is not a number", false},
	{"Load: ", "%s", false},
	{"", "%s", false},
};

static int complain(const char *path, const char *text, struct complaint *complaint,
	cyaml_err_t code, struct err *err)
{
	char sentence[300];
	size_t i = 0;
	const char *what;
	unsigned line = complaint->line ? complaint->line : 1;

	if (code == CYAML_ERR_OOM)
		return -ENOMEM;
	while (strncmp(complaint->text, sentences[i].begins, strlen(sentences[i].begins)) != 0)
		i++;
	what = complaint->text + strlen(sentences[i].begins);
	if (!*what)
		what = cyaml_strerror(code);
	if (sentences[i].is_key)
		line = model_shape_key_line(text, what, line);
	snprintf(sentence, sizeof(sentence), sentences[i].says, what);
	return err_ret(err, -EINVAL, "%s:%u: %s", path, line, sentence);
}

int model_file_parse(const char *path, const char *text, size_t len, struct model_file **ret_file,
	struct err *err)
{
	struct complaint complaint = {0};
	cyaml_config_t config = loader_config(&complaint);
	struct model_file *file = NULL;
	_free_ unsigned *lines = NULL;
	cyaml_err_t code;
	int rc;

	rc = model_shape(path, text, len, &lines, err);
	if (rc)
		return rc;
	code = cyaml_load_data(
		(const uint8_t *)text, len, &config, &file_value, (cyaml_data_t **)&file, NULL);
	if (code != CYAML_OK || !file)
		return complain(path, text, &complaint, code, err);
	file->lines = take_ptr(lines);
	file->path = path;
	*ret_file = file;
	return 0;
}

int model_file_load(const char *path, struct model_file **ret_file, struct err *err)
{
	_free_ char *text = NULL;
	size_t len;
	int rc = file_load(path, FILE_BYTES_MAX, &text, &len, err);

	return rc ? rc : model_file_parse(path, text, len, ret_file, err);
}

void model_file_free(struct model_file *file)
{
	struct complaint ignored = {0};
	cyaml_config_t config = loader_config(&ignored);

	if (!file)
		return;
	free(file->lines);
	(void)cyaml_free(&config, &file_value, file, 0); /* cannot fail with this schema */
}
