/* The first 100 bytes of a file → whether it is a run, and of which version.
 * Layout: https://www.sqlite.org/fileformat.html, "The Database Header". All big-endian. */
#include "runtime/core/run_header.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/core/query.h"

#define HEADER_BYTES 100
#define AT_PAGE_BYTES 16
#define AT_WRITE_FORMAT 18
#define AT_READ_FORMAT 19
#define AT_CHANGES 24
#define AT_PAGES 28
#define AT_VERSION 60
#define AT_APPLICATION_ID 68
#define AT_PAGES_VALID_FOR 92

static uint32_t number_at(const unsigned char *header, size_t at)
{
	return (uint32_t)header[at] << 24 | (uint32_t)header[at + 1] << 16 |
	       (uint32_t)header[at + 2] << 8 | header[at + 3];
}

int run_header_read(int fd, struct run_header *ret_header)
{
	unsigned char bytes[HEADER_BYTES];
	struct run_header header = {0};
	uint32_t page_bytes;
	struct stat st;
	ssize_t got;

	if (fstat(fd, &st))
		return -errno;
	got = pread(fd, bytes, sizeof(bytes), 0);
	if (got < 0)
		return -errno;
	header.file_bytes = (uint64_t)st.st_size;
	header.is_sqlite = got >= 16 && !memcmp(bytes, "SQLite format 3", 16);
	if (header.is_sqlite && got == HEADER_BYTES) {
		page_bytes = (uint32_t)bytes[AT_PAGE_BYTES] << 8 | bytes[AT_PAGE_BYTES + 1];
		if (page_bytes == 1)
			page_bytes = 65536;
		header.is_run = number_at(bytes, AT_APPLICATION_ID) == RUN_APPLICATION_ID;
		header.has_wal = bytes[AT_WRITE_FORMAT] != 1 || bytes[AT_READ_FORMAT] != 1;
		header.version = number_at(bytes, AT_VERSION);
		if (number_at(bytes, AT_CHANGES) == number_at(bytes, AT_PAGES_VALID_FOR))
			header.stated_bytes = (uint64_t)number_at(bytes, AT_PAGES) * page_bytes;
	}
	*ret_header = header;
	return 0;
}
