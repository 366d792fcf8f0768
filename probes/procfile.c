/* /proc/PID/{maps,status,stat} → structs. The kernel writes these files, but processes choose the
 * names in them: paths may hold newlines (escaped by the kernel) and " (deleted)". */
#include "probes/procfile.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <time.h>

#include "runtime/base/cleanup.h"
#include "runtime/base/clock.h"
#include "runtime/base/file.h"

#define MAPS_MAX_BYTES ((size_t)64 << 20)
#define SMALL_MAX_BYTES ((size_t)65536)

static int load(pid_t pid, const char *name, size_t max_bytes, char **ret_text)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	return file_load(path, max_bytes, ret_text, NULL, NULL);
}

static int parse_map(char *line, struct proc_map *ret_map)
{
	static const char deleted[] = " (deleted)";
	unsigned long long start, end, offset, inode;
	unsigned int major, minor;
	char rights[8];
	int path_at = 0;
	struct proc_map map = {0};
	size_t len;

	if (sscanf(line, "%llx-%llx %7s %llx %x:%x %llu %n", &start, &end, rights, &offset, &major,
		    &minor, &inode, &path_at) < 7)
		return -EINVAL;
	map.start = start;
	map.end = end;
	map.offset = offset;
	map.dev = makedev(major, minor);
	map.inode = (ino_t)inode;
	map.is_executable = rights[2] == 'x';
	map.is_writable = rights[1] == 'w';
	len = path_at ? strlen(line + path_at) : 0;
	if (len && line[path_at] == '/') {
		map.is_deleted = len > sizeof(deleted) - 1 &&
				 !strcmp(line + path_at + len - (sizeof(deleted) - 1), deleted);
		if (map.is_deleted)
			len -= sizeof(deleted) - 1;
		map.path = strndup(line + path_at, len);
		if (!map.path)
			return -ENOMEM;
	}
	*ret_map = map;
	return 0;
}

int proc_maps_load(pid_t pid, struct proc_maps *ret_maps)
{
	_free_ char *text = NULL;
	struct proc_maps maps = {0};
	char *rest, *line;
	int rc = load(pid, "maps", MAPS_MAX_BYTES, &text);

	rest = text;
	while (!rc && (line = strsep(&rest, "\n"))) {
		struct proc_map map;

		if (!*line)
			continue;
		rc = parse_map(line, &map);
		if (!rc && vec_push(&maps.list, map)) {
			free(map.path);
			rc = -ENOMEM;
		}
	}
	if (rc)
		proc_maps_fini(&maps);
	else
		*ret_maps = maps;
	return rc;
}

void proc_maps_fini(struct proc_maps *maps)
{
	vec_each (map, &maps->list)
		free(map->path);
	vec_fini(&maps->list);
}

/* The text after `key` at a line's start in /proc/PID/status. */
static int load_status(pid_t pid, const char *key, char **ret_text, const char **ret_field)
{
	_free_ char *text = NULL;
	const char *line;
	int rc = load(pid, "status", SMALL_MAX_BYTES, &text);

	if (rc)
		return rc;
	for (line = text; line; line = strchr(line, '\n')) {
		line += line != text;
		if (strncmp(line, key, strlen(key)))
			continue;
		*ret_field = line + strlen(key);
		*ret_text = take_ptr(text);
		return 0;
	}
	return -ENOENT;
}

int proc_ns_pid(pid_t pid, pid_t *ret_ns_pid)
{
	_free_ char *text = NULL;
	const char *field, *end;
	int rc = load_status(pid, "NSpid:", &text, &field);

	if (rc)
		return rc;
	/* The last number is the innermost namespace's. */
	end = strchrnul(field, '\n');
	while (end > field && end[-1] >= '0' && end[-1] <= '9')
		end--;
	*ret_ns_pid = (pid_t)strtol(end, NULL, 10);
	return *ret_ns_pid > 0 ? 0 : -ENOENT;
}

int proc_uid(pid_t pid, uid_t *ret_uid)
{
	_free_ char *text = NULL;
	const char *field;
	int rc = load_status(pid, "Uid:", &text, &field);

	if (!rc)
		*ret_uid = (uid_t)strtoul(field, NULL, 10);
	return rc;
}

/* The fields of /proc/PID/stat after the name, which is in parentheses and may hold some. */
static int load_stat(pid_t pid, char **ret_text, const char **ret_fields)
{
	_free_ char *text = NULL;
	const char *fields;
	int rc = load(pid, "stat", SMALL_MAX_BYTES, &text);

	if (rc)
		return rc;
	fields = strrchr(text, ')');
	if (!fields || fields[1] != ' ')
		return -EINVAL;
	*ret_fields = fields + 2;
	*ret_text = take_ptr(text);
	return 0;
}

int proc_start_ns(pid_t pid, uint64_t *ret_start_ns)
{
	_free_ char *text = NULL;
	const char *field;
	struct timespec boot, monotonic;
	int64_t asleep_ns;
	uint64_t ticks;
	int rc = load_stat(pid, &text, &field);

	if (rc)
		return rc;
	for (int i = 3; i < 22 && field; i++) { /* the name was field 2, the start is 22 */
		field = strchr(field, ' ');
		field = field ? field + 1 : NULL;
	}
	if (!field || clock_gettime(CLOCK_BOOTTIME, &boot) ||
		clock_gettime(CLOCK_MONOTONIC, &monotonic))
		return -EINVAL;
	ticks = strtoull(field, NULL, 10);
	asleep_ns = (int64_t)(boot.tv_sec - monotonic.tv_sec) * (int64_t)NS_PER_S +
		    (boot.tv_nsec - monotonic.tv_nsec);
	*ret_start_ns = ticks * (NS_PER_S / (uint64_t)sysconf(_SC_CLK_TCK));
	/* Both clocks are read a moment apart: below a tick it is noise. */
	if (asleep_ns > (int64_t)(10 * NS_PER_MS) && *ret_start_ns > (uint64_t)asleep_ns)
		*ret_start_ns -= (uint64_t)asleep_ns;
	return 0;
}

bool proc_is_zombie(pid_t pid)
{
	_free_ char *text = NULL;
	const char *fields;

	return !load_stat(pid, &text, &fields) && (*fields == 'Z' || *fields == 'X');
}
