#include "runtime/report/report.h"
int report_html(const struct report *report, const struct report_style *style, struct str *out)
{
	return report_json(report, style, out);
}
