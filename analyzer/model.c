/* Files of models/ → one table of models by name, and symbols → what is known about them. */
#include "analyzer/model.h"

#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "analyzer/model_condition.h"
#include "analyzer/model_file.h"
#include "analyzer/model_name.h"
#include "runtime/base/arena.h"
#include "runtime/base/cleanup.h"
#include "runtime/base/err.h"
#include "runtime/base/map.h"
#include "runtime/base/vec.h"

struct model_entry {
	struct model model; /* the key is model.name */
	const struct model_file_function *from; /* told one file's own duplicates; else NULL */
	UT_hash_handle hh;
};

struct models {
	struct arena *arena;
	struct model_entry *entries; /* map */
	vec(const char *) api_prefixes;
};

/* One file on its way into the table. */
struct loading {
	struct models *models;
	const struct model_file *file;
	struct model_constants constants;
	struct err *err;
};

int models_new(struct models **ret_models)
{
	struct models *models = calloc(1, sizeof(*models));

	if (!models)
		return -ENOMEM;
	models->arena = arena_new();
	if (!models->arena) {
		free(models);
		return -ENOMEM;
	}
	*ret_models = models;
	return 0;
}

void models_free(struct models *models)
{
	if (!models)
		return;
	HASH_CLEAR(hh, models->entries);
	vec_fini(&models->api_prefixes);
	arena_free(models->arena);
	free(models);
}

size_t models_count(const struct models *models)
{
	return HASH_COUNT(models->entries);
}

static int refuse(
	const struct loading *loading, const struct model_file_function *from, const char *why)
{
	size_t at = (size_t)(from - loading->file->functions);
	const char *name = from->name ? from->name : from->names_count ? from->names[0] : "";

	return err_ret(loading->err, -EINVAL, "%s:%u: %s%s%s", loading->file->path,
		loading->file->lines ? loading->file->lines[at] : 1, name, *name ? ": " : "", why);
}

static bool is_argument(const int *arg)
{
	return !arg || (*arg >= 0 && *arg <= MODEL_ARG_MAX);
}

/* NULL when the entry makes sense. */
static const char *entry_mistake(const struct model_file_function *from)
{
	int effect = from->effect - 1;

	if (!from->name == !from->names_count)
		return "needs either `name` or `names`";
	if (from->is_removed)
		return from->effect ? "`remove` takes no `effect`" : NULL;
	if (effect < 0)
		return "needs an `effect`";
	if ((effect == MODEL_BLOCKS) != !!from->wait_on)
		return effect == MODEL_BLOCKS ? "`effect: blocks` needs `wait_on`"
					      : "`wait_on` needs `effect: blocks`";
	if ((effect == MODEL_LOCK) != !!from->lock_op)
		return "`effect: lock` and `lock_op` need each other";
	if (effect >= MODEL_MUTEX_LOCK && effect <= MODEL_MUTEX_UNLOCK && !from->lock_arg)
		return "says nothing about which argument is the lock (`lock_arg`)";
	if (from->api && effect != MODEL_API)
		return "`api` needs `effect: api`";
	if (from->size_arg && effect != MODEL_COMPUTES)
		return "`size_arg` needs `effect: computes`";
	if (from->lock_op >= 1 + LOCK_OP_CALL_RELEASED && !from->callback_arg)
		return "says nothing about which argument is called (`callback_arg`)";
	if (!is_argument(from->size_arg) || !is_argument(from->lock_arg) ||
		!is_argument(from->callback_arg))
		return "an argument index is from 0 to 31";
	for (unsigned i = 0; i < from->callbacks_count; i++) {
		if (!is_argument(&from->callbacks[i].arg))
			return "an argument index is from 0 to 31";
		if (from->callbacks[i].is_foreign && from->callbacks[i].is_held)
			return "a callback is `foreign` or `held`, not both";
	}
	return NULL;
}

static int conditions_parse(const struct loading *loading, const struct model_file_function *from,
	char *const *texts, size_t count, const struct model_condition **ret_conditions)
{
	struct model_condition *conditions;

	if (!count)
		return 0;
	conditions = arena_alloc(loading->models->arena, count * sizeof(*conditions));
	if (!conditions)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		const char *why;
		int rc = model_condition_parse(texts[i], &loading->constants,
			loading->models->arena, &conditions[i], &why);

		if (rc == -EINVAL) {
			char sentence[300];

			snprintf(sentence, sizeof(sentence), "condition `%.100s`: %s", texts[i],
				why);
			return refuse(loading, from, sentence);
		}
		if (rc)
			return rc;
	}
	*ret_conditions = conditions;
	return 0;
}

static int callbacks_copy(
	struct arena *arena, const struct model_file_function *from, struct model *model)
{
	struct model_callback *callbacks;

	if (!from->callbacks_count)
		return 0;
	callbacks = arena_alloc(arena, from->callbacks_count * sizeof(*callbacks));
	if (!callbacks)
		return -ENOMEM;
	for (unsigned i = 0; i < from->callbacks_count; i++)
		callbacks[i] = (struct model_callback){
			.arg = from->callbacks[i].arg,
			.is_async = from->callbacks[i].is_async || from->callbacks[i].is_foreign,
			.is_foreign = from->callbacks[i].is_foreign,
			.is_held = from->callbacks[i].is_held,
		};
	model->callbacks = callbacks;
	model->callback_count = from->callbacks_count;
	return 0;
}

/* The entry's own text, else the file's, else "". */
static const char *text_of(struct arena *arena, const char *own, const char *of_file)
{
	return arena_strdup(arena, own ? own : of_file ? of_file : "");
}

static int texts_copy(
	const struct loading *loading, const struct model_file_function *from, struct model *model)
{
	struct arena *arena = loading->models->arena;

	model->library = text_of(arena, loading->file->library, NULL);
	model->header = text_of(arena, from->header, loading->file->header);
	model->note = text_of(arena, from->note, NULL);
	model->source = text_of(arena, from->source, loading->file->source);
	if (!model->library || !model->header || !model->note || !model->source)
		return -ENOMEM;
	if (!*model->source)
		return refuse(
			loading, from, "says nothing about where the fact is from (`source`)");
	return 0;
}

/* Everything but the name. */
static int model_make(
	const struct loading *loading, const struct model_file_function *from, struct model *model)
{
	int rc;

	*model = (struct model){
		.effect = (enum model_effect)(from->effect - 1),
		.wait_on = from->wait_on ? (enum model_wait)(from->wait_on - 1) : WAIT_PEER,
		.is_certain = from->is_certain,
		.is_thread_unsafe = from->is_thread_unsafe,
		.is_noreturn = from->is_noreturn,
		.size_arg = from->size_arg ? *from->size_arg : -1,
		.lock_arg = from->lock_arg ? *from->lock_arg : -1,
		.callback_arg = from->callback_arg ? *from->callback_arg : -1,
		.lock_op = from->lock_op ? (enum model_lock_op)(from->lock_op - 1) : LOCK_OP_NONE,
		.api = from->api ? (enum model_api)(from->api - 1) : API_NEEDS_LOCK,
		.may_run_python = from->may_run_python,
		.releases_inside = from->releases_inside,
		.unless_count = from->unless_count,
		.when_count = from->when_count,
	};
	rc = texts_copy(loading, from, model);
	if (!rc)
		rc = conditions_parse(
			loading, from, from->unless, from->unless_count, &model->unless);
	if (!rc)
		rc = conditions_parse(loading, from, from->when, from->when_count, &model->when);
	if (!rc)
		rc = callbacks_copy(loading->models->arena, from, model);
	return rc;
}

static void entry_drop(struct models *models, const char *name)
{
	struct model_entry *entry;

	HASH_FIND_STR(models->entries, name, entry);
	if (entry)
		HASH_DEL(models->entries, entry);
}

static int entry_put(const struct loading *loading, const struct model_file_function *from,
	const char *name, const struct model *model)
{
	struct models *models = loading->models;
	struct model_entry *entry;

	HASH_FIND_STR(models->entries, name, entry);
	if (entry && entry->from >= loading->file->functions &&
		entry->from < loading->file->functions + loading->file->functions_count)
		return refuse(loading, from, "written twice in this file");
	if (entry)
		HASH_DEL(models->entries, entry);
	entry = arena_alloc(models->arena, sizeof(*entry));
	if (!entry)
		return -ENOMEM;
	entry->model = *model;
	entry->from = from;
	entry->model.name = arena_strdup(models->arena, name);
	if (!entry->model.name)
		return -ENOMEM;
	HASH_ADD_KEYPTR(hh, models->entries, entry->model.name, strlen(entry->model.name), entry);
	return map_has_failed(entry) ? -ENOMEM : 0;
}

static int entry_load(const struct loading *loading, const struct model_file_function *from)
{
	const char *mistake = entry_mistake(from);
	size_t count = from->name ? 1 : from->names_count;
	struct model model;
	int rc;

	if (mistake)
		return refuse(loading, from, mistake);
	rc = from->is_removed ? 0 : model_make(loading, from, &model);
	for (size_t i = 0; i < count && !rc; i++) {
		const char *name = from->name ? from->name : from->names[i];

		if (from->is_removed)
			entry_drop(loading->models, name);
		else
			rc = entry_put(loading, from, name, &model);
	}
	return rc;
}

static int prefixes_load(struct models *models, const struct model_file *file)
{
	for (unsigned i = 0; i < file->api_prefixes_count; i++) {
		const char *prefix = arena_strdup(models->arena, file->api_prefixes[i]);

		if (!prefix || vec_push(&models->api_prefixes, prefix))
			return -ENOMEM;
	}
	return 0;
}

static int file_take(struct models *models, const struct model_file *file, struct err *err)
{
	struct loading loading = {
		.models = models,
		.file = file,
		.constants = {.at = file->constants, .count = file->constants_count},
		.err = err,
	};
	struct model_entry *entry, *next;
	int rc = prefixes_load(models, file);

	for (unsigned i = 0; i < file->functions_count && !rc; i++)
		rc = entry_load(&loading, &file->functions[i]);
	HASH_ITER (hh, models->entries, entry, next)
		entry->from = NULL;
	return rc;
}

static int models_load_file(struct models *models, const char *path, struct err *err)
{
	_cleanup_(model_file_cleanup) struct model_file *file = NULL;
	int rc = model_file_load(path, &file, err);

	return rc ? rc : file_take(models, file, err);
}

int models_load_text(
	struct models *models, const char *path, const char *text, size_t len, struct err *err)
{
	_cleanup_(model_file_cleanup) struct model_file *file = NULL;
	int rc = model_file_parse(path, text, len, &file, err);

	return rc ? rc : file_take(models, file, err);
}

static int is_model_file(const struct dirent *entry)
{
	return entry->d_name[0] != '.' && !fnmatch("*.yml", entry->d_name, 0);
}

static int by_bytes(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int models_load_folder(struct models *models, const char *path, struct err *err)
{
	struct dirent **names = NULL;
	int count = scandir(path, &names, is_model_file, by_bytes);
	int rc = 0;

	if (count < 0)
		return err_ret(err, -errno, "cannot read %s: %s", path, strerror(errno));
	for (int i = 0; i < count; i++) {
		_free_ char *file = NULL;

		if (!rc && asprintf(&file, "%s/%s", path, names[i]->d_name) < 0) {
			file = NULL;
			rc = -ENOMEM;
		}
		if (!rc)
			rc = models_load_file(models, file, err);
		free(names[i]);
	}
	free(names);
	if (!rc && !count)
		rc = err_ret(err, -ENOENT, "%s holds no *.yml", path);
	return rc;
}

int models_load(struct models *models, const char *path, struct err *err)
{
	struct stat st;

	if (stat(path, &st))
		return err_ret(err, -errno, "cannot read %s: %s", path, strerror(errno));
	return S_ISDIR(st.st_mode) ? models_load_folder(models, path, err)
				   : models_load_file(models, path, err);
}

static const struct model *find(const struct models *models, const char *name)
{
	struct model_entry *entry;

	HASH_FIND_STR(models->entries, name, entry);
	return entry ? &entry->model : NULL;
}

const struct model *models_find(const struct models *models, const char *symbol)
{
	char name[MODEL_NAME_MAX];
	const struct model *model = find(models, symbol);

	if (!model && model_name_plain(symbol, name, sizeof(name)))
		model = find(models, name);
	if (!model && model_name_normalise(symbol, name, sizeof(name)))
		model = find(models, name);
	return model;
}

static int by_name(const void *a, const void *b)
{
	const struct model *const *left = a, *const *right = b;

	return strcmp((*left)->name, (*right)->name);
}

void models_each(const struct models *models, model_visitor *visit, void *context)
{
	vec(const struct model *) sorted = {0};
	struct model_entry *entry, *next;

	HASH_ITER (hh, models->entries, entry, next)
		if (vec_push(&sorted, &entry->model))
			break;
	if (sorted.len)
		qsort(sorted.at, sorted.len, sizeof(sorted.at[0]), by_name);
	vec_each (model, &sorted)
		visit(*model, context);
	vec_fini(&sorted);
}

bool models_is_api(const struct models *models, const char *symbol)
{
	const struct model *model = models_find(models, symbol);

	if (model)
		return model->effect == MODEL_API && model->api == API_NEEDS_LOCK;
	for (size_t i = 0; i < models->api_prefixes.len; i++) {
		const char *prefix = models->api_prefixes.at[i];

		if (!strncmp(symbol, prefix, strlen(prefix)))
			return true;
	}
	return false;
}
