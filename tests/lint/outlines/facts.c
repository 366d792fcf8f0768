/* Value facts that decide whether a lock is held: conditions, fields, loops, tables, macros. */
typedef struct state state;
state *save_thread(void);
void restore_thread(state *);
long do_read(int fd, void *buffer, unsigned long size);
void *memcpy(void *to, const void *from, unsigned long size);
_Noreturn void fail(const char *why);

struct operations {
	int (*open)(const char *path);
	void (*close)(int fd);
};
struct stream {
	struct operations *operations;
	int threads, fd;
	char buffer[64];
};

#define LIMIT 4096
#define UNLOCKED(statement)                                                                        \
	do {                                                                                       \
		state *saved = save_thread();                                                      \
		statement;                                                                         \
		restore_thread(saved);                                                             \
	} while (0)

/* released and taken back under the same condition, once by value and once by field */
long by_value(struct stream *s, unsigned long n)
{
	state *saved = 0;
	long got;

	if (n > LIMIT)
		saved = save_thread();
	got = do_read(s->fd, s->buffer, n);
	if (saved)
		restore_thread(saved);
	return got;
}

long by_field(struct stream *s)
{
	state *saved;
	long got;

	if (s->threads)
		saved = save_thread();
	got = do_read(s->fd, s->buffer, sizeof(s->buffer));
	if (s->threads)
		restore_thread(saved);
	return !got;
}

int in_macro(struct stream *s)
{
	UNLOCKED(do_read(s->fd, 0, 1));
	return s->operations->open("path");
}

void loops(struct stream *s, char *to, int n)
{
	for (int i = 0; i < 100; i++)
		to[i] ^= 1;
	for (int i = 0; i < n; i++)
		for (int k = s->threads; k > 0; k--)
			s->operations->close(k);
	for (char *at = to; at < to + n; at += 2)
		*at = 0;
	while (n--)
		do_read(n, to, 1);
}

int choose(int n, struct stream *s)
{
	char local[8];

	switch (n) {
	case 1:
		fail("one");
	case -5:
		return 7;
	}
	memcpy(local, s->buffer, n > 3 ? n : 3);
	__asm__ volatile("nop");
	return local[0];
}

static int open_file(const char *path)
{
	return path[0];
}

static void close_file(int fd)
{
	(void)fd;
}

static struct operations table[] = {{open_file, close_file}, {0, close_file}};
struct stream first = {&table[1], 3, 0, "text"};
int numbers[] = {1, 2, 3};
