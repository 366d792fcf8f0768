/* Inside report: the report as a JSON value, for the formats that embed it. */
#ifndef GILSCOPE_REPORT_RUN_JSON_H
#define GILSCOPE_REPORT_RUN_JSON_H

#include <jansson.h>

#include "runtime/report/report.h"

/* schema "gilscope-report/1"; a new reference, NULL: out of memory. */
json_t *report_json_value(const struct report *report);

#endif
