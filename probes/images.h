/* The files mapped into a process, in the order in which an interpreter is looked for. */
#ifndef GILSCOPE_PROBES_IMAGES_H
#define GILSCOPE_PROBES_IMAGES_H

#include "probes/elffile.h"
#include "probes/procfile.h"
#include "probes/target.h"

/* More mapped files than this are not looked at. */
#define IMAGES_MAX 4096

struct image_ref {
	const struct proc_map *map; /* the first of this file. borrowed from the maps */
	int rank;      /* 0 the program, 1 named like an interpreter, 2 others */
};

struct images {
	vec(struct image_ref) list; /* by rank, then by address */
};

int images_list(pid_t pid, const struct proc_maps *maps, struct images *ret_images);
void images_fini(struct images *images);

/* Opens the file that this mapping shows, also when it was replaced or deleted since, and fills
 * path, name, build id, device, inode and load bias. -ESTALE: only another file is left under that
 * name. */
int image_open(const struct target *target, const struct proc_map *map,
	struct target_image *ret_image, struct elf_file *ret_elf);

#endif
