/* Mappings of a process → the ELF files behind them, opened through its own root directory (chroot,
 * container) or, when they were deleted or replaced since, through /proc/PID/map_files. */
#include "probes/images.h"

#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "runtime/base/cleanup.h"

#define PAGE_MASK (~(uint64_t)0xfff)
#define HEAD_BYTES 4096 /* compared between file and memory: headers and, mostly, the build id */

static int rank_of(pid_t pid, const struct proc_map *map)
{
	const char *name = strrchr(map->path, '/') + 1; /* paths of mappings begin with / */
	char path[64];
	struct stat program;

	(void)snprintf(path, sizeof(path), "/proc/%d/exe", pid);
	if (!stat(path, &program) && program.st_ino == map->inode)
		return 0;
	return !strncmp(name, "libpython", 9) || !strncmp(name, "python", 6) ? 1 : 2;
}

static int compare_refs(const void *left, const void *right)
{
	const struct image_ref *a = left, *b = right;

	if (a->rank != b->rank)
		return a->rank - b->rank;
	return a->map->start < b->map->start ? -1 : a->map->start > b->map->start;
}

static bool is_same_file(const struct proc_map *a, const struct proc_map *b)
{
	return a->path && b->path && a->inode == b->inode && a->dev == b->dev;
}

/* Only files with code are of interest; the first mapping of each stands for it. */
static bool has_code(const struct proc_maps *maps, const struct proc_map *first)
{
	for (const struct proc_map *map = first; map < maps->list.at + maps->list.len; map++)
		if (map->is_executable && is_same_file(map, first))
			return true;
	return false;
}

static bool is_listed(const struct images *images, const struct proc_map *map)
{
	vec_each (ref, &images->list)
		if (is_same_file(ref->map, map))
			return true;
	return false;
}

int images_list(pid_t pid, const struct proc_maps *maps, struct images *ret_images)
{
	struct images images = {0};
	const struct proc_map *previous = NULL;

	vec_each (map, &maps->list) {
		struct image_ref ref = {.map = map};

		if (!map->path || !map->inode || (previous && is_same_file(previous, map)) ||
			is_listed(&images, map) || !has_code(maps, map))
			continue;
		previous = map;
		ref.rank = rank_of(pid, map);
		if (images.list.len < IMAGES_MAX && vec_push(&images.list, ref)) {
			images_fini(&images);
			return -ENOMEM;
		}
	}
	if (images.list.len)
		qsort(images.list.at, images.list.len, sizeof(struct image_ref), compare_refs);
	*ret_images = images;
	return 0;
}

void images_fini(struct images *images)
{
	vec_fini(&images->list);
}

/* Whether the start of the file is what the process has mapped. True when it cannot be told. */
static bool is_mapped_file(
	const struct target *target, const struct proc_map *map, const struct elf_file *elf)
{
	uint8_t in_file[HEAD_BYTES], in_memory[HEAD_BYTES];
	size_t len = map->end - map->start;

	if (len > sizeof(in_file))
		len = sizeof(in_file);
	if (map->offset || map->is_writable)
		return true;
	if (elf->bytes < len)
		len = elf->bytes;
	if (elf_read(elf, 0, in_file, len) || target_read(target, map->start, in_memory, len))
		return true;
	return !memcmp(in_file, in_memory, len);
}

/* Load bias: what the first mapping of the file shows of it, against where its headers want that
 * part. -ENOENT when no segment begins where the mapping does. */
static int find_bias(const struct elf_file *elf, const struct proc_map *map, uint64_t *ret_bias)
{
	vec_each (segment, &elf->segments) {
		if ((segment->offset & PAGE_MASK) != map->offset)
			continue;
		*ret_bias = map->start - (segment->address & PAGE_MASK);
		return 0;
	}
	return -ENOENT;
}

static int try_path(const struct target *target, const struct proc_map *map,
	struct target_image *image, struct elf_file *ret_elf)
{
	_elf_close_ struct elf_file elf = {.fd = -1};
	struct stat st;
	int rc = elf_open(image->path, &elf, NULL);

	if (rc)
		return rc;
	if (fstat(elf.fd, &st))
		return -errno;
	if (!is_mapped_file(target, map, &elf))
		return -ESTALE;
	rc = find_bias(&elf, map, &image->load_bias);
	if (rc)
		return rc;
	image->dev = st.st_dev;
	image->inode = st.st_ino;
	memcpy(image->build_id, elf.build_id, sizeof(image->build_id));
	*ret_elf = elf;
	elf = (struct elf_file){.fd = -1};
	return 0;
}

/* The names under which the file may be found, the surest first. The maps of a process in another
 * mount namespace (a container) are relative to its root, those of one that merely called chroot()
 * to ours. */
enum { IN_ITS_ROOT, IN_OUR_ROOT, AS_MAPPED, AS_PROGRAM, NAMES };

static int name_image(pid_t pid, const struct proc_map *map, int way, struct target_image *image)
{
	int len = -1;

	if (way == IN_ITS_ROOT && !map->is_deleted)
		len = snprintf(image->path, sizeof(image->path), "/proc/%d/root%s", pid, map->path);
	else if (way == IN_OUR_ROOT && !map->is_deleted)
		len = snprintf(image->path, sizeof(image->path), "%s", map->path);
	else if (way == AS_MAPPED)
		len = snprintf(image->path, sizeof(image->path), "/proc/%d/map_files/%llx-%llx",
			pid, (unsigned long long)map->start, (unsigned long long)map->end);
	else if (way == AS_PROGRAM && rank_of(pid, map) == 0)
		len = snprintf(image->path, sizeof(image->path), "/proc/%d/exe", pid);
	return len > 0 && len < (int)sizeof(image->path) ? 0 : -ESTALE;
}

int image_open(const struct target *target, const struct proc_map *map,
	struct target_image *ret_image, struct elf_file *ret_elf)
{
	struct target_image image = {0};
	int rc = -ESTALE;

	(void)snprintf(image.name, sizeof(image.name), "%.255s", strrchr(map->path, '/') + 1);
	for (int way = 0; way < NAMES && rc; way++) {
		if (!name_image(target->pid, map, way, &image))
			rc = try_path(target, map, &image, ret_elf);
		/* The kernel guards map_files with rights of its own. */
		if (way == AS_MAPPED && (rc == -EPERM || rc == -EACCES))
			rc = -ESTALE;
		/* A name that is right in our root alone may be another file in its. */
		if (!rc && way == IN_OUR_ROOT && image.inode != map->inode) {
			elf_close(ret_elf);
			rc = -ESTALE;
		}
	}
	if (!rc)
		*ret_image = image;
	return rc;
}
