/* Hash maps are uthash; running out of memory is an outcome, not an exit. After a failed add the
 * element's `hh.tbl` is NULL and it is not in the map: check with map_has_failed(). */
#ifndef GILSCOPE_BASE_MAP_H
#define GILSCOPE_BASE_MAP_H

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#define map_has_failed(element) ((element)->hh.tbl == NULL)

#endif
