/* Runs the distribution's own programs: an argument vector, a fixed PATH, no shell.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef RUN_H
#define RUN_H

#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

/* Where a program is on the fixed PATH (/usr/sbin:/usr/bin:/sbin:/bin) or by its full name, in path. False if
 * nowhere. */
bool run_find(const char *program, char *path, size_t size);

/* Adds a variable, "NAME=VALUE", to the environment that every program gets: static text. Returns 0 or -E2BIG. */
int run_setting(const char *variable);

/* Runs argv to its end, with nothing on its standard input; its output is kept, and printed to stderr if it fails, or
 * always with verbose. Returns its exit status, 128 + signal, or -errno if it could not be started. */
int run(const char *const argv[], bool verbose);

/* The same, calling tick every second that it takes. */
int run_ticking(const char *const argv[], bool verbose, void (*tick)(void *context, unsigned seconds), void *context);

/* Starts argv with standard input from fd (not closed) and its output readable from *out, which the caller closes.
 * Returns the process, for run_wait(), or -errno. Its stderr is dropped. */
pid_t run_filter(const char *const argv[], int fd, FILE **out);

/* From now on each program that run() starts has a process group of its own, with all that it starts: a terminal's
 * Ctrl-C is this process's alone to pass on. */
void run_apart(void);

/* Sends the signal to the program that run() waits for, and all that it has started, and lets run() start none, until
 * run_anew(). For a signal handler too. */
void run_stop(int number);
void run_anew(void);

/* Starts argv and waits for nothing of it, not even for its start: a program on a disk that hangs does not hang its
 * caller. What it prints can be read from *out, which the caller closes. Returns the process, or -errno. */
pid_t run_detached(const char *const argv[], int *out);

/* Waits for a process and returns its status as run() does. */
int run_wait(pid_t pid);

#endif
