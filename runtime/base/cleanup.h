/* Words for locals that clean up after themselves. The pointer may be NULL, the descriptor -1. */
#ifndef GILSCOPE_BASE_CLEANUP_H
#define GILSCOPE_BASE_CLEANUP_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static inline void cleanup_free(void *pointer)
{
	free(*(void **)pointer);
}

static inline void cleanup_close(const int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void cleanup_fclose(FILE **file)
{
	if (*file)
		fclose(*file);
}

static inline void cleanup_closedir(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

#define _cleanup_(function) __attribute__((cleanup(function)))
#define _free_ _cleanup_(cleanup_free)
#define _close_ _cleanup_(cleanup_close)
#define _fclose_ _cleanup_(cleanup_fclose)
#define _closedir_ _cleanup_(cleanup_closedir)

/* Hands the value on and disarms the cleanup: `*ret = take_ptr(p);` */
#define take_ptr(pointer)                                                                          \
	({                                                                                         \
		__typeof__(pointer) taken_ = (pointer);                                            \
		(pointer) = NULL;                                                                  \
		taken_;                                                                            \
	})
#define take_fd(fd)                                                                                \
	({                                                                                         \
		int taken_ = (fd);                                                                 \
		(fd) = -1;                                                                         \
		taken_;                                                                            \
	})

#endif
