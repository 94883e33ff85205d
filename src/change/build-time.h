/* How long the generator took to build an image, the last time: /var/lib/iommu/build-time.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef BUILD_TIME_H
#define BUILD_TIME_H

#include "initramfs/generator.h"

/* Notes it, in seconds. What can't be written is not worth a word: then the next change says less. */
void build_time_note(const struct generator *generator, long seconds);

/* In seconds; 0 if it is not known of that generator. */
long build_time_last(const struct generator *generator);

/* Takes the record away: of a first change that was undone nothing is left. */
void build_time_forget(void);

#endif
