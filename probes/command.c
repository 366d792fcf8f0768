/* argv → a child that is known to the recorder before its first instruction. */
#include "probes/command.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/base/cleanup.h"
#include "runtime/base/err.h"

static _Noreturn void run_child(char *const *argv, int go_fd, int why_fd)
{
	sigset_t none;
	char byte;
	int code;

	if (read(go_fd, &byte, 1) != 1)
		_exit(127); /* the recorder changed its mind */
	/* Handlers are reset by exec; what was ignored or blocked for the recorder is not. */
	(void)signal(SIGINT, SIG_DFL);
	(void)signal(SIGTERM, SIG_DFL);
	(void)signal(SIGPIPE, SIG_DFL);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	execvp(argv[0], argv);
	code = errno;
	(void)!write(why_fd, &code, sizeof(code)); /* the exit status says it too */
	_exit(127);
}

int command_hold(char *const *argv, struct command *ret_command, struct err *err)
{
	_close_ int go_read = -1, go_write = -1, why_read = -1, why_write = -1;
	int go[2], why[2];
	pid_t pid;

	if (pipe2(go, O_CLOEXEC))
		return err_ret(err, -errno, "cannot start %s: %s", argv[0], strerror(errno));
	go_read = go[0];
	go_write = go[1];
	if (pipe2(why, O_CLOEXEC))
		return err_ret(err, -errno, "cannot start %s: %s", argv[0], strerror(errno));
	why_read = why[0];
	why_write = why[1];
	pid = fork();
	if (pid < 0)
		return err_ret(err, -errno, "cannot start %s: %s", argv[0], strerror(errno));
	if (!pid) {
		close(go_write);
		run_child(argv, go_read, why_write);
	}
	*ret_command = (struct command){
		.pid = pid,
		.go_fd = take_fd(go_write),
		.why_fd = take_fd(why_read),
		.status = -1,
	};
	return 0;
}

int command_release(struct command *command, const char *name, struct err *err)
{
	int code = 0;
	ssize_t len;

	if (write(command->go_fd, "g", 1) != 1)
		return err_ret(err, -errno, "cannot start %s: %s", name, strerror(errno));
	command->is_released = true;
	do
		len = read(command->why_fd, &code, sizeof(code));
	while (len < 0 && errno == EINTR);
	if (len != sizeof(code))
		return 0;
	return err_ret(err, -code, "cannot run %s: %s", name, strerror(code));
}

bool command_check(struct command *command)
{
	int status;

	if (!command->is_ended && waitpid(command->pid, &status, WNOHANG) == command->pid) {
		command->is_ended = true;
		command->status = status;
	}
	return command->is_ended;
}

void command_fini(struct command *command)
{
	if (!command->pid)
		return;
	close(command->go_fd);
	close(command->why_fd);
	if (!command->is_released)
		(void)waitpid(command->pid, NULL, 0); /* it ends at once: nobody lets it go */
	(void)command_check(command);
	memset(command, 0, sizeof(*command));
	command->status = -1;
}
