/* The steps of a change: each does one thing, and tells in one line why it could not.
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Where nothing else is said they return 0, or -1 with one line told.
 */
#ifndef STEPS_H
#define STEPS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/paths.h"
#include "change/transaction.h"
#include "initramfs/inspect.h"
#include "model/target.h"

#define PENDING RUN_DIR "/pending" /* the running mode is judged by an older target until the next boot */

/* Says what is done, unless the transaction is quiet. */
__attribute__((format(printf, 2, 3))) void step_say(const struct transaction *transaction, const char *format, ...);

/* Asked between two steps: -1 once an interruption has come. */
int step_go_on(void);

/* Tells the error r (-errno) of what, if it is one. */
int step_told(const char *what, int r);

/* Reads the text of a target, or NULL. Returns whether it is a valid one. */
bool step_parse_target(const char *text, struct target *target);

/* What images have to hold for that target; it points to the text. */
struct image_want step_want_of(const char *target_text);

/* Makes writable what the entries are on, where the boot loader asks for that. */
int step_open_loader(const struct transaction *transaction);

/* Notes in the journal whether this change is the first since the boot, before it is marked as pending. Returns whether
 * the journal is another one now. */
bool step_note_pending(struct transaction *transaction);

/* Tells the late check that the running mode is judged by an older target until the next boot. A failure is told, and
 * ends nothing. */
void step_mark_pending(const struct transaction *transaction);

/* The change has been undone: takes the mark away if there was none before it, else it is that of the change before. */
void step_unmark_pending(const struct transaction *transaction);

/* Writes the target and what has the check built in, makes each image that does not hold them, and reads all back. */
int step_images_accept(struct transaction *transaction, const char *target_text);

/* Makes the image of the kernel of that number anew, whatever it holds, and says how long that took. */
int step_build_image(const struct transaction *transaction, size_t i, const struct image_want *want);

/* Gives the boot loader the words, and reads its entries back. */
int step_switch_loader(struct transaction *transaction);

/* Waits until what the boot loader reads is on the disk to stay: /boot, and where copies and entries are. */
int step_sync_boot(const struct transaction *transaction);

/* Drops the kernel's old images. */
int step_forget(const struct kernel *kernel);

#endif
