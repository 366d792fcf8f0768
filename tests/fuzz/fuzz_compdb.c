/* Any bytes as a compile_commands.json: refused with a sentence, or units that are complete. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "analyzer/compdb.h"
#include "runtime/base/cleanup.h"
#include "runtime/base/err.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	_close_ int fd = memfd_create("compdb", MFD_CLOEXEC);
	struct units units;
	struct err err = {0};
	char path[64];

	if (fd < 0 || write(fd, data, len) != (ssize_t)len || units_init(&units))
		abort();
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (compdb_load(path, &units, &err) && (!*err.text || strchr(err.text, '\n')))
		abort();
	for (size_t i = 0; i < units.list.len; i++)
		if (units.list.at[i].file[0] != '/' || units.list.at[i].directory[0] != '/')
			abort();
	units_fini(&units);
	return 0;
}
