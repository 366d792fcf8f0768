/* Any bytes as a run file: whatever can be loaded can be judged, joined and shown in every format.
 */
#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/base/err.h"
#include "runtime/report/report.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* Joins by the names that make_seeds.py gives frames. */
static const char findings_json_text[] =
	"{\"schema\": \"gilscope-findings/1\", \"seconds\": 1,"
	"\"units\": {\"total\": 1, \"extracted\": 1, \"cached\": 0, \"failed\": []},"
	"\"findings\": [{\"rule\": \"blocking-call\", \"confidence\": \"high\","
	"\"severity\": \"warning\", \"message\": \"m\", \"file\": \"fil\", \"line\": 50,"
	"\"column\": 1, \"function\": \"fun\", \"operation\": \"read\", \"entry\": \"fun\","
	"\"path\": [], \"fix\": {\"verdict\": \"safe\", \"edits\": []},"
	"\"fingerprint\": \"01234567\"}]}";

static void expect(int is_true)
{
	if (!is_true)
		abort();
}

static void show(const struct run *run)
{
	struct report_style style = {.columns = 100};
	struct findings findings;
	struct report report;
	struct err err = {0};
	_str_fini_ struct str text = STR_INIT(REPORT_MAX_BYTES), json = STR_INIT(REPORT_MAX_BYTES),
			      html = STR_INIT(REPORT_MAX_BYTES);
	json_t *parsed;

	expect(!findings_parse(
		"f", findings_json_text, strlen(findings_json_text), &findings, &err));
	expect(!report_init(&report, run, &findings, &err));
	expect(!report_text(&report, &style, &text));
	for (size_t i = 0; i < text.len; i++) /* names must not steer the terminal */
		expect((unsigned char)text.data[i] >= 0x20 || text.data[i] == '\n');
	expect(!report_json(&report, &style, &json));
	parsed = json_loadb(json.data, json.len, JSON_REJECT_DUPLICATES, NULL);
	expect(json_is_object(parsed));
	json_decref(parsed);
	expect(!report_html(&report, &style, &html));
	report_fini(&report);
	findings_fini(&findings);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char path[] = "/dev/shm/gilscope-fuzz.XXXXXX";
	int fd = mkstemp(path);
	struct err err = {0};
	struct run run;

	expect(fd >= 0 && write(fd, data, len) == (ssize_t)len && !close(fd));
	if (!run_load(path, &run, &err)) {
		show(&run);
		run_fini(&run);
	}
	expect(!unlink(path));
	return 0;
}
