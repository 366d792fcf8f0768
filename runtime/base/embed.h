/* A file of the source tree inside the program, without a generator: the assembler reads it.
 *
 *	EMBED_TEXT(schema_sql, SCHEMA_PATH);
 *
 * defines `extern const char schema_sql[]`, NUL-terminated, read-only. The path is absolute and
 * comes from CMake, which must also name the file in OBJECT_DEPENDS so that an edit rebuilds. */
#ifndef GILSCOPE_BASE_EMBED_H
#define GILSCOPE_BASE_EMBED_H

#define EMBED_TEXT(name, path)                                                                     \
	__asm__(".pushsection .rodata, \"a\", @progbits\n"                                         \
		".global " #name "\n"                                                              \
		".balign 16\n" #name ":\n"                                                         \
		".incbin \"" path "\"\n"                                                           \
		".byte 0\n"                                                                        \
		".popsection\n");                                                                  \
	extern const char name[]

#endif
