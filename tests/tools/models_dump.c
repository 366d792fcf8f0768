/* models/ → JSON lines for the header test: every function with the header that declares it, the
 * argument indexes that its model uses and the constants of its conditions. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "analyzer/model.h"
#include "analyzer/model_file.h"
#include "runtime/base/cleanup.h"
#include "runtime/base/err.h"

static void add_argument(json_t *arguments, int arg, const char *kind)
{
	if (arg >= 0)
		json_array_append_new(arguments, json_pack("[is]", arg, kind));
}

static const char *condition_kind(const struct model_condition *condition)
{
	switch (condition->kind) {
	case COND_NULL:
	case COND_ZERO_TIME:
	case COND_STRING:
		return "pointer";
	case COND_NOT_EQUALS:
		return strcmp(condition->text, "NULL") ? "number" : "pointer";
	default:
		return "number";
	}
}

static void add_conditions(
	json_t *arguments, const struct model_condition *conditions, size_t count)
{
	for (size_t i = 0; i < count; i++)
		add_argument(arguments, conditions[i].arg, condition_kind(&conditions[i]));
}

static json_t *arguments_of(const struct model *model)
{
	json_t *arguments = json_array();

	add_argument(arguments, model->size_arg, "size");
	add_argument(arguments, model->lock_arg, "pointer");
	add_argument(arguments, model->callback_arg, "function");
	add_conditions(arguments, model->unless, model->unless_count);
	add_conditions(arguments, model->when, model->when_count);
	for (size_t i = 0; i < model->callback_count; i++)
		add_argument(arguments, model->callbacks[i].arg, "function");
	return arguments;
}

static const char *text(const char *maybe)
{
	return maybe ? maybe : "";
}

static void print_line(json_t *line)
{
	json_dumpf(line, stdout, JSON_COMPACT);
	putchar('\n');
	json_decref(line);
}

static void print_function(const struct model_file *file, const struct model_file_function *from,
	unsigned line, const struct model *model)
{
	print_line(json_pack("{ss si ss ss ss ss ss ss ss so}", "file", file->path, "line",
		(int)line, "name", model->name, "header", model->header, "library", model->library,
		"package", text(file->package), "pkg_config", text(file->pkg_config), "absent",
		text(from->absent), "source", model->source, "arguments", arguments_of(model)));
}

static int dump_file(const char *path)
{
	_cleanup_(model_file_cleanup) struct model_file *file = NULL;
	struct models *models = NULL;
	struct err err = {0};

	if (model_file_load(path, &file, &err) || models_new(&models) ||
		models_load(models, path, &err)) {
		fprintf(stderr, "%s\n", err.text);
		models_free(models);
		return 2;
	}
	for (unsigned i = 0; i < file->constants_count; i++)
		print_line(json_pack("{ss ss sI ss}", "file", path, "constant",
			file->constants[i].name, "value", (json_int_t)file->constants[i].value,
			"header", text(file->constants[i].header)));
	for (unsigned i = 0; i < file->functions_count; i++) {
		const struct model_file_function *from = &file->functions[i];
		unsigned count = from->name ? 1 : from->names_count;

		for (unsigned n = 0; n < count; n++)
			print_function(file, from, file->lines[i],
				models_find(models, from->name ? from->name : from->names[n]));
	}
	models_free(models);
	return 0;
}

int main(int argc, char **argv)
{
	int rc = 0;

	for (int i = 1; i < argc && !rc; i++)
		rc = dump_file(argv[i]);
	return rc;
}
