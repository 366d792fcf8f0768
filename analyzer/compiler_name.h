/* Is a program a C or C++ compiler, by its name? Header only: the preload library stands alone. */
#ifndef GILSCOPE_ANALYZER_COMPILER_NAME_H
#define GILSCOPE_ANALYZER_COMPILER_NAME_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* gcc, g++-12, x86_64-linux-gnu-gcc, clang++-19, ccache … */
static inline bool compiler_name_fits(const char *path)
{
	static const char *const names[] = {"cc", "c++", "gcc", "g++", "clang", "clang++", "c89",
		"c99", "ccache", "sccache", "distcc"};
	const char *name = strrchr(path, '/');
	size_t len, version;

	name = name ? name + 1 : path;
	len = strlen(name);
	/* "-12", "-12.2" at the end is a version */
	version = len;
	while (version && (strchr("0123456789.", name[version - 1])))
		version--;
	if (version && version < len && name[version - 1] == '-')
		len = version - 1;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		size_t part = strlen(names[i]);

		if (part > len || strncmp(name + len - part, names[i], part) != 0)
			continue;
		/* the whole name, or behind a target: x86_64-linux-gnu-gcc */
		if (part == len || name[len - part - 1] == '-')
			return true;
	}
	return false;
}

#endif
