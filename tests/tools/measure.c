/* Measures programs: the CPU time of each start, or the most memory that one ever had.
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * usage: measure cpu ROUNDS COMMAND...     a line for each: lowest and median of user and system time, lowest and
 *                                          median of the time from start to end, all in microseconds
 *        measure peak COMMAND              VmHWM in KiB at its exit
 *
 * A command is one argument, its words separated by single blanks; it ends with 0 or 1, and what it prints goes to
 * /dev/null. For `cpu` all commands take turns, so that what else the machine does falls on each of them alike.
 */
#include <err.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { WARMUP = 5, WORDS = 32 };

static char **split(char *command)
{
	char **words = calloc(WORDS + 1, sizeof(*words));
	size_t n = 0;

	for (char *word = words ? strtok(command, " ") : NULL; word && n < WORDS; word = strtok(NULL, " "))
		words[n++] = word;
	if (n == 0)
		errx(1, "no command");
	return words;
}

static int by_size(const void *a, const void *b)
{
	const long *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static long microseconds(struct timeval time)
{
	return time.tv_sec * 1000000 + time.tv_usec;
}

static long now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000 + time.tv_nsec / 1000;
}

static int cpu(int rounds, int count, char **commands)
{
	long *used = calloc((size_t)(rounds * count), sizeof(*used));
	long *took = calloc((size_t)(rounds * count), sizeof(*took));
	char ***argv = calloc((size_t)count, sizeof(*argv));
	posix_spawn_file_actions_t quiet;

	if (rounds < 1 || count < 1 || !used || !took || !argv)
		errx(1, "no commands, or no memory");
	for (int i = 0; i < count; i++)
		argv[i] = split(commands[i]);
	posix_spawn_file_actions_init(&quiet);
	posix_spawn_file_actions_addopen(&quiet, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	for (int round = -WARMUP; round < rounds; round++)
		for (int i = 0; i < count; i++) {
			struct rusage usage;
			pid_t pid;
			int status;

			long start = now();
			int r = posix_spawn(&pid, argv[i][0], &quiet, NULL, argv[i], NULL);
			if (r != 0)
				errx(1, "%s: %s", argv[i][0], strerror(r));
			if (wait4(pid, &status, 0, &usage) < 0)
				err(1, "wait4");
			if (!WIFEXITED(status) || WEXITSTATUS(status) > 1)
				errx(1, "%s: status %#x", argv[i][0], (unsigned)status);
			if (round < 0)
				continue;
			took[i * rounds + round] = now() - start;
			used[i * rounds + round] = microseconds(usage.ru_utime) + microseconds(usage.ru_stime);
		}
	for (int i = 0; i < count; i++) {
		qsort(used + i * rounds, (size_t)rounds, sizeof(*used), by_size);
		qsort(took + i * rounds, (size_t)rounds, sizeof(*took), by_size);
		printf("%ld %ld %ld %ld\n", used[i * rounds], used[i * rounds + rounds / 2], took[i * rounds],
		       took[i * rounds + rounds / 2]);
	}
	return 0;
}

/* At the stop before its end a process still has its memory, and has never had more than it says then. */
static int peak(char *command)
{
	char **argv = split(command), path[64], line[256];
	int status, out;

	pid_t pid = fork();
	if (pid == 0) {
		out = open("/dev/null", O_WRONLY);
		if (out < 0 || dup2(out, STDOUT_FILENO) < 0 || ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
			err(1, "child");
		execv(argv[0], argv);
		err(1, "%s", argv[0]);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0 || !WIFSTOPPED(status) ||
	    ptrace(PTRACE_SETOPTIONS, pid, NULL, PTRACE_O_TRACEEXIT) < 0 || ptrace(PTRACE_CONT, pid, NULL, NULL) < 0 ||
	    waitpid(pid, &status, 0) < 0 || status >> 8 != (SIGTRAP | PTRACE_EVENT_EXIT << 8))
		errx(1, "%s: does not come to its end", argv[0]);
	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	FILE *file = fopen(path, "r");
	if (!file)
		err(1, "%s", path);
	while (fgets(line, sizeof(line), file))
		if (strncmp(line, "VmHWM:", 6) == 0)
			printf("%d\n", atoi(line + 6));
	fclose(file);
	ptrace(PTRACE_CONT, pid, NULL, NULL);
	waitpid(pid, &status, 0);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc > 3 && strcmp(argv[1], "cpu") == 0)
		return cpu(atoi(argv[2]), argc - 3, argv + 3);
	if (argc == 3 && strcmp(argv[1], "peak") == 0)
		return peak(argv[2]);
	errx(1, "usage: measure cpu ROUNDS COMMAND... | measure peak COMMAND");
}
