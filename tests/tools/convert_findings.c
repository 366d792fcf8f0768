/* A findings file → the same findings in another format: the formatters without an analyzer in
 *front.
 *
 *	convert_findings text|concise|json|sarif CONFIDENCE FINDINGS.json */
#include <stdio.h>
#include <string.h>

#include "runtime/base/err.h"
#include "runtime/report/report.h"

static const struct {
	const char *name;
	int (*format)(
		const struct findings *findings, const struct report_style *style, struct str *out);
} formats[] = {
	{"text", findings_text},
	{"concise", findings_concise},
	{"json", findings_json},
	{"sarif", findings_sarif},
};

int main(int argc, char **argv)
{
	struct report_style style = {.columns = 100};
	_str_fini_ struct str out = STR_INIT(REPORT_MAX_BYTES);
	struct findings findings;
	struct err err = {0};
	int rc = -1;

	if (argc != 4 || confidence_parse(argv[2], &style.confidence)) {
		fputs("usage: convert_findings FORMAT CONFIDENCE FINDINGS.json\n", stderr);
		return 2;
	}
	if (findings_load(argv[3], &findings, &err)) {
		fprintf(stderr, "convert_findings: %s\n", err.text);
		return 2;
	}
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
		if (!strcmp(argv[1], formats[i].name))
			rc = formats[i].format(&findings, &style, &out);
	if (!rc)
		fwrite(out.data, 1, out.len, stdout);
	rc = rc ? 2 : findings_count_shown(&findings, style.confidence) > 0;
	findings_fini(&findings);
	return rc;
}
