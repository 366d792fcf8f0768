/* Bytes → a model file and a name, and whatever they are, no crash, no leak: the fuzzer's target
 * for the models that a user writes. Seeds: analyzer/models. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/model.h"
#include "analyzer/model_file.h"
#include "analyzer/model_name.h"
#include "runtime/base/err.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void visit(const struct model *model, void *context)
{
	const struct model_argument arguments[] = {
		{.kind = ARGUMENT_NUMBER, .number = 64},
		{.kind = ARGUMENT_STRING, .text = "text"},
		{.kind = ARGUMENT_ZERO_TIME},
	};
	const struct models *models = context;

	(void)model_happens(model, arguments, sizeof(arguments) / sizeof(arguments[0]));
	(void)models_find(models, model->name);
	(void)models_is_api(models, model->name);
}

static void load(const char *text, size_t size)
{
	struct models *models;
	struct err err;

	if (models_new(&models))
		return;
	if (!models_load_text(models, "fuzz.yml", text, size, &err))
		models_each(models, visit, models);
	models_free(models);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char name[MODEL_NAME_MAX];
	char *text = malloc(size + 1);

	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	load(text, size);
	(void)model_name_normalise(text, name, sizeof(name));
	free(text);
	return 0;
}
