// A guard object, an exception that passes through it, virtual functions, templates, lambdas.
extern "C" void *save_thread();
extern "C" void restore_thread(void *) noexcept;
extern "C" int do_read(int fd);

namespace lib {
class release {
public:
	release() : saved(save_thread()) {}
	~release() { restore_thread(saved); }

private:
	void *saved;
};

struct source {
	virtual ~source() {}
	virtual int read(int fd) = 0;
};

struct file : source {
	int read(int fd) override
	{
		release guard;
		return do_read(fd);
	}
};

template <class F> int apply(F f, int n)
{
	return f(n);
}
} // namespace lib

namespace {
int hidden(lib::source &s, int fd)
{
	return s.read(fd);
}
} // namespace

int run(int fd)
{
	lib::file f;
	return lib::apply([](int n) { return do_read(n); }, fd) + hidden(f, fd);
}

// A lambda as a function pointer: what a binding generator stores.
struct record {
	int number;
	int (*call)(int);
};

void enter(record *r)
{
	r->call = [](int n) { return do_read(n); };
}
