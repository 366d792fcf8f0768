/* YAML text → is it the shape of a model file, and on which line is each entry. The schema loader
 * forgets lines once it has loaded; what is checked after that asks here. */
#include "analyzer/model_shape.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <yaml.h>

#include "runtime/base/err.h"
#include "runtime/base/vec.h"

enum { DEPTH_MAX = 8 }; /* model files need 5 */

struct shape {
	const char *path;
	struct err *err;
	vec(unsigned) lines;
	int depth, documents;
	bool is_key; /* the next scalar at depth 1 is a key */
	bool is_functions; /* inside the value of `functions` */
};

static int shape_refuse(const struct shape *shape, const yaml_event_t *event, const char *why)
{
	return err_ret(
		shape->err, -EINVAL, "%s:%zu: %s", shape->path, event->start_mark.line + 1, why);
}

/* Keys and values alternate at depth 1. */
static void shape_top_scalar(struct shape *shape, const yaml_event_t *event)
{
	if (shape->is_key)
		shape->is_functions = !strcmp((const char *)event->data.scalar.value, "functions");
	shape->is_key = !shape->is_key;
}

static int shape_open(struct shape *shape, const yaml_event_t *event)
{
	if (shape->depth == 2 && shape->is_functions && event->type == YAML_MAPPING_START_EVENT &&
		vec_push(&shape->lines, (unsigned)event->start_mark.line + 1))
		return -ENOMEM;
	if (++shape->depth > DEPTH_MAX)
		return shape_refuse(shape, event, "nested deeper than a model file ever is");
	if (shape->depth == 1)
		shape->is_key = true;
	return 0;
}

static void shape_close(struct shape *shape)
{
	if (--shape->depth == 1)
		shape->is_key = true; /* a value ended, whatever it was */
}

static int shape_event(struct shape *shape, const yaml_event_t *event)
{
	switch (event->type) {
	case YAML_DOCUMENT_START_EVENT:
		if (++shape->documents > 1)
			return shape_refuse(
				shape, event, "a second document: keep one in each file");
		return 0;
	case YAML_ALIAS_EVENT:
		return shape_refuse(shape, event, "aliases (*name) are not allowed here");
	case YAML_SCALAR_EVENT:
		if (shape->depth == 1)
			shape_top_scalar(shape, event);
		return 0;
	case YAML_MAPPING_START_EVENT:
	case YAML_SEQUENCE_START_EVENT:
		return shape_open(shape, event);
	case YAML_MAPPING_END_EVENT:
	case YAML_SEQUENCE_END_EVENT:
		shape_close(shape);
		return 0;
	default:
		return 0;
	}
}

static int shape_parse(struct shape *shape, yaml_parser_t *parser)
{
	yaml_event_t event;
	bool is_end = false;
	int rc = 0;

	while (!is_end && !rc) {
		if (!yaml_parser_parse(parser, &event))
			return err_ret(shape->err, -EINVAL, "%s:%zu: not YAML: %s", shape->path,
				parser->problem_mark.line + 1,
				parser->problem ? parser->problem : "out of memory");
		is_end = event.type == YAML_STREAM_END_EVENT;
		rc = shape_event(shape, &event);
		yaml_event_delete(&event);
	}
	if (!rc && !shape->documents)
		rc = err_ret(shape->err, -EINVAL,
			"%s:1: empty: a model file starts with `library:`", shape->path);
	return rc;
}

int model_shape(
	const char *path, const char *text, size_t len, unsigned **ret_lines, struct err *err)
{
	struct shape shape = {.path = path, .err = err};
	yaml_parser_t parser;
	int rc;

	if (!yaml_parser_initialize(&parser))
		return -ENOMEM;
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, len);
	rc = shape_parse(&shape, &parser);
	yaml_parser_delete(&parser);
	if (rc)
		vec_fini(&shape.lines);
	else
		*ret_lines = shape.lines.at;
	return rc;
}

/* `key:` with nothing but indentation, `-`, `{` or `,` before it. */
static bool line_has_key(const char *line, size_t line_len, const char *key)
{
	size_t key_len = strlen(key);

	for (size_t i = 0; i + key_len < line_len; i++) {
		if (memcmp(line + i, key, key_len) != 0)
			continue;
		if (i && !isspace((unsigned char)line[i - 1]) && !strchr("-{,\"'", line[i - 1]))
			continue;
		if (strchr(":\"' ", line[i + key_len]))
			return true;
	}
	return false;
}

unsigned model_shape_key_line(const char *text, const char *key, unsigned from)
{
	unsigned line = 1;

	while (*text) {
		size_t len = strcspn(text, "\n");

		if (line >= from && line_has_key(text, len, key))
			return line;
		text += len + (text[len] == '\n');
		line++;
	}
	return from;
}
