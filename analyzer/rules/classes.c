/* classes.def → the table that the engine walks. */
#include "analyzer/reach.h"

#define CLASS(id) extern const struct rule_class rule_##id;
#include "analyzer/rules/classes.def"
#undef CLASS

const struct rule_class *const rule_classes[] = {
#define CLASS(id) &rule_##id,
#include "analyzer/rules/classes.def"
#undef CLASS
};

const size_t rule_class_count = sizeof(rule_classes) / sizeof(rule_classes[0]);
