/* Any bytes as an outline: refused with a sentence, or one that can be walked to its end. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "analyzer/outline.h"
#include "analyzer/outline_text.h"
#include "runtime/base/cleanup.h"
#include "runtime/base/err.h"
#include "runtime/base/str.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	_close_ int fd = memfd_create("outline", MFD_CLOEXEC);
	_str_fini_ struct str text = STR_INIT((size_t)1 << 20);
	struct outline outline;
	struct err err = {0};
	char path[64];

	if (fd < 0 || write(fd, data, len) != (ssize_t)len)
		abort();
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (outline_load(path, &outline, &err)) {
		if (!*err.text || strchr(err.text, '\n'))
			abort();
		return 0;
	}
	(void)outline_text(&outline, NULL, &text); /* may be longer than we care to read */
	outline_fini(&outline);
	return 0;
}
