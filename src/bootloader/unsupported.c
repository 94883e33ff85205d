/* Ways to boot that are known and not ours to change; see unsupported.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "bootloader/unsupported.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bootloader/cmdline-edit.h"
#include "model/cmdline-words.h"
#include "model/kernel-parameters.h"
#include "model/mode.h"
#include "system/memstream.h"
#include "system/os-release.h"

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

/* The Boot Loader Interface's variable, and the one that says which entry of its own the firmware booted. */
#define LOADER_INFO "/sys/firmware/efi/efivars/LoaderInfo-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f"
#define BOOT_CURRENT "/sys/firmware/efi/efivars/BootCurrent-8be4df61-93ca-11d2-aa0d-00e098032b8c"

/* In an advice: %w are the words to be written; %k what is left of words on the running line that are ours in part
 * (sm_on of intel_iommu=on,sm_on); %a both; %r the words on the running line that have to go, or in a tree all that
 * could be there; %c all of them either way, for a command that minds none that is missing. {...} is repeated for
 * each word of the list it names. %(...%) is there only if something has to go. %m is the mode, %f the file of the
 * signs, %l the whole new command line. */

/* zbm-kcl(8): removals come first, of the dataset of / if none is named. */
#define ZFSBOOTMENU                                                                                                    \
	"zbm-kcl{ -r %r}{ -a %a} (without zbm-kcl: the same words in zfs set org.zfsbootmenu:commandline=\"...\" of "  \
	"the dataset "                                                                                                 \
	"that is /)"
#define NETWORK                                                                                                        \
	"put '%a' %(in place of '%r' %)on this machine's kernel line in the configuration of the server that it "      \
	"boots from "                                                                                                  \
	"(PXELINUX: append, iPXE: kernel, GRUB: linux)"

/* What else somebody has written there stays. */
#define MODE_BY_HAND "touch /etc/iommu.target && sed -i '/^ *mode *=/d' /etc/iommu.target && " \
		     "echo mode=%m >> /etc/iommu.target"

static const struct unsupported table[] = {
	/* --- Whatever else is there
	 * ---------------------------------------------------------------------------------------- */
	{
		/* rpm-ostree(1). The order of the two is free: each adds to the deployment that waits for the
		 * reboot. */
		"rpm-ostree",
		BOOTLOADER_UNSUPPORTED,
		true,
		.all = { "/usr/bin/rpm-ostree" },
		.any = { "/run/ostree-booted", "/ostree/repo" },
		.advice = MODE_BY_HAND " && rpm-ostree kargs{ --delete-if-present=%c}{ "
			  "--append-if-missing=%a} && "
			  "rpm-ostree initramfs-etc --track=/etc/iommu.target",
	},
	{
		/* bootc's manual, Kernel arguments. composefs= is on the line of one without ostree. */
		"bootc",
		BOOTLOADER_UNSUPPORTED,
		true,
		.all = { "/usr/bin/bootc" },
		.any = { "/run/ostree-booted", "/ostree/repo", "composefs=" },
		.advice = "where its image is made: %(take '%r' out of usr/lib/bootc/kargs.d && %)iommu-install %m "
			  "--emit=kargs.d > "
			  "usr/lib/bootc/kargs.d/50-iommu.toml; and here, with the new image: bootc upgrade",
	},
	{
		/* ostree: src/ostree/ot-admin-instutil-builtin-set-kargs.c. --replace= takes out what has the same
		 * key. */
		"ostree",
		BOOTLOADER_UNSUPPORTED,
		true,
		.any = { "/run/ostree-booted", "/ostree/repo" },
		.advice = "%(take '%r' out of the options line of /boot/loader/entries/ostree-*.conf && %)"
			  "ostree admin instutil set-kargs --merge{ --replace=%w}{ --append=%k}",
	},
	{
		/* Ubuntu Core's documentation, Modifying kernel boot parameters. */
		"snapd",
		BOOTLOADER_UNSUPPORTED,
		true,
		.any = { "snapd_recovery_mode=", "/var/lib/snapd/modeenv" },
		.advice = "%(take '%r' out of what snap get system system.kernel says and of the gadget snap && %)"
			  "snap set system system.kernel.cmdline-append=\"%a\" (beside what it holds; the gadget snap "
			  "has to allow "
			  "it, or the model be dangerous: system.kernel.dangerous-cmdline-append)",
	},
	{
		"NixOS",
		BOOTLOADER_UNSUPPORTED,
		true,
		.all = { "/etc/NIXOS" },
		.advice = "%(take '%r' out of boot.kernelParams && %)put boot.kernelParams = [{ \"%a\"} ]; into "
			  "/etc/nixos/configuration.nix && nixos-rebuild boot",
	},
	{
		/* GNU Guix's manual, operating-system Reference. The package manager alone has no system profile. */
		"Guix",
		BOOTLOADER_UNSUPPORTED,
		true,
		.any = { "/var/guix/profiles/system", "ID=guix" },
		.advice = "%(take '%r' out of kernel-arguments && %)put (kernel-arguments (cons*{ \"%a\"} "
			  "%%default-kernel-arguments)) "
			  "into the operating-system of /etc/config.scm && guix system reconfigure /etc/config.scm",
	},
	{
		"Flatcar",
		BOOTLOADER_UNSUPPORTED,
		true,
		.any = { "ID=flatcar", "/usr/share/flatcar" },
		.advice = "%(take '%r' out of /usr/share/oem/grub.cfg && %)"
			  "echo 'set linux_append=\"$linux_append %a\"' >> /usr/share/oem/grub.cfg",
	},
	{
		/* Talos's documentation, Boot Loader. */
		"Talos",
		BOOTLOADER_UNSUPPORTED,
		true,
		.any = { "ID=talos", "talos.platform=" },
		.advice = "put extraKernelArgs: [{\"%a\", }] under customization: of its Image Factory schematic (with "
			  "GRUB: under "
			  "machine.install: of the machine configuration) && talosctl upgrade --image "
			  "factory.talos.dev/installer/SCHEMATIC:VERSION",
	},
	{
		/* Clear Linux's documentation, Modify the kernel boot parameters. Solus has it too. */
		"clr-boot-manager",
		BOOTLOADER_UNSUPPORTED,
		true,
		.all = { "/usr/bin/clr-boot-manager" },
		.advice = "mkdir -p /etc/kernel/cmdline.d /etc/kernel/cmdline-removal.d && %(put what is there of "
			  "'%r', each on a line, "
			  "into /etc/kernel/cmdline-removal.d/iommu.conf && %)echo '%a' > "
			  "/etc/kernel/cmdline.d/iommu.conf && "
			  "clr-boot-manager update",
	},
	{
		/* openSUSE MicroOS, SLE Micro: what is written to the running system is not what boots next.
		 * transactional-update(8). */
		"transactional-update",
		BOOTLOADER_UNSUPPORTED,
		true,
		.all = { "/usr/sbin/transactional-update" },
		.advice = "put '%a' %(in place of '%r' %)on the line of /etc/kernel/cmdline (with GRUB: into "
			  "GRUB_CMDLINE_LINUX of /etc/default/grub) && " MODE_BY_HAND " && "
			  "transactional-update initrd (with GRUB: transactional-update initrd grub.cfg)",
	},
	{
		/* kernelstub: kernelstub/application.py. -o replaces all that is there, and -d puts the others into
		 * no order, so it is told only where it is needed. GRUB puts BOOT_IMAGE= on the line. */
		"kernelstub",
		BOOTLOADER_UNSUPPORTED,
		true,
		.all = { "/usr/bin/kernelstub", "/etc/kernelstub/configuration" },
		.none = { "BOOT_IMAGE=" },
		.advice = "kernelstub%( -d \"%r\"%) -a \"%a\"",
	},
	{
		/* ZFSBootMenu starts the kernel by kexec: no boot loader has left its words. */
		"ZFSBootMenu",
		BOOTLOADER_UNSUPPORTED,
		true,
		.all = { "/etc/zfsbootmenu" },
		.any = { "spl_hostid=", "spl.spl_hostid=" },
		.none = { "BOOT_IMAGE=", "initrd=" },
		.advice = ZFSBOOTMENU,
	},
	{
		/* Only what boots from the network says from which of its ports (syslinux: doc/syslinux.txt,
		 * SYSAPPEND). */
		"the network",
		BOOTLOADER_UNSUPPORTED,
		true,
		.all = { "BOOTIF=" },
		.advice = NETWORK,
	},

	/* --- Where no boot loader of ours is
	 * ---------------------------------------------------------------------------------- */
	{
		/* A root of this kind is found by a local boot loader too: dracut.cmdline(7), nfsroot(7). */
		"the network",
		BOOTLOADER_UNSUPPORTED,
		false,
		.any = { "root=/dev/nfs", "root=nfs", "nfsroot=", "netroot=", "root=iscsi:", "root=nbd:", "root=dhcp" },
		.advice = NETWORK,
	},
	{
		/* limine-entry-tool's README. */
		"limine",
		BOOTLOADER_UNSUPPORTED,
		false,
		.all = { "/etc/default/limine" },
		.any = { "/usr/bin/limine-update", "/usr/bin/limine-mkinitcpio" },
		.none = { "BOOT_IMAGE=" },
		.advice = "%(take '%r' out of /etc/default/limine && %)"
			  "echo 'KERNEL_CMDLINE[default]+=\" %a\"' >> /etc/default/limine && %f",
	},
	{
		/* limine: CONFIG.md. */
		"limine",
		BOOTLOADER_UNSUPPORTED,
		false,
		.any = { "/boot/limine.conf", "/boot/limine/limine.conf", "/boot/EFI/limine/limine.conf",
			 "/boot/EFI/BOOT/limine.conf", "/boot/efi/limine.conf", "/boot/efi/EFI/limine/limine.conf",
			 "/efi/limine.conf", "/efi/EFI/limine/limine.conf" },
		.none = { "BOOT_IMAGE=" },
		.advice = "sed -i -E%({ -e 's/ %r( |$)/\\1/g'}%) -e 's/^( *(kernel_)?cmdline:.*)/\\1 %a/' %f",
	},
	{
		"ZFSBootMenu",
		BOOTLOADER_UNSUPPORTED,
		false,
		.any = { "/etc/zfsbootmenu", "spl_hostid=", "spl.spl_hostid=" },
		.none = { "BOOT_IMAGE=", "initrd=" },
		.advice = ZFSBOOTMENU,
	},
	{
		/* rEFInd's documentation, Methods of Booting Linux: the options are the second quoted field of a
		 * line. */
		"rEFInd",
		BOOTLOADER_UNSUPPORTED,
		false,
		.all = { "/boot/refind_linux.conf" },
		.none = { "BOOT_IMAGE=" },
		.advice = "sed -i%({ -e 's/ %r\\([ \"]\\)/\\1/g'}%) -e '/^\"/s/\"[[:space:]]*$/ %a\"/' "
			  "/boot/refind_linux.conf "
			  "(and the same in the options of a stanza of refind.conf)",
	},
	{
		/* lilo.conf(5). */
		"LILO",
		BOOTLOADER_UNSUPPORTED,
		false,
		.all = { "/etc/lilo.conf", "/sbin/lilo" },
		.advice = "put '%a' %(in place of '%r' %)into append=\"...\" of each image in /etc/lilo.conf && lilo",
	},
	{
		/* Alpine's wiki, Bootloaders. */
		"extlinux",
		BOOTLOADER_UNSUPPORTED,
		false,
		.all = { "/etc/update-extlinux.conf" },
		.advice = "sed -i%({ -e 's/\\([ \"]\\)%r\\([ \"]\\)/\\1\\2/g'}%) "
			  "-e 's/^\\(default_kernel_opts=\".*\\)\"/\\1 %a\"/' /etc/update-extlinux.conf && "
			  "update-extlinux",
	},
	{
		/* u-boot-update(8) writes extlinux.conf. */
		"u-boot-menu",
		BOOTLOADER_UNSUPPORTED,
		false,
		.all = { "/usr/sbin/u-boot-update", "/boot/extlinux/extlinux.conf" },
		.advice = "put '%a' %(in place of '%r' %)into U_BOOT_PARAMETERS=\"...\" of /etc/default/u-boot && "
			  "u-boot-update",
	},
	{
		/* syslinux: doc/syslinux.txt. */
		"syslinux",
		BOOTLOADER_UNSUPPORTED,
		false,
		.any = { "/boot/extlinux/extlinux.conf", "/boot/extlinux.conf", "/boot/syslinux/syslinux.cfg",
			 "/boot/syslinux/extlinux.conf", "/boot/EFI/syslinux/syslinux.cfg" },
		.advice = "sed -i -E%({ -e 's/ %r( |$)/\\1/g'}%) -e 's/^(\\s*append\\s.*)/\\1 %a/I' %f",
	},
	{
		/* The kernel's EFI stub takes initrd= with backslashes (Documentation/admin-guide/efi-stub.rst); a
		 * boot loader would have left its variable. */
		"the firmware's boot entry",
		BOOTLOADER_UNSUPPORTED,
		false,
		.all = { BOOT_CURRENT, "initrd=\\" },
		.none = { LOADER_INFO, "BOOT_IMAGE=" },
		.advice = "make the entry anew that efibootmgr -v names as BootCurrent: efibootmgr --create --disk "
			  "DISK --part PART "
			  "--label LABEL --loader '\\KERNEL' --unicode '%l'",
	},
};

/* --- Signs -------------------------------------------------------------------------------------------------------- */

static bool is_path(const char *sign)
{
	return sign[0] == '/';
}

static bool has_id(const struct root *root, const char *id)
{
	char value[128];

	return os_release(root, "ID", value, sizeof(value)) && strcmp(value, id) == 0;
}

/* The next word of the line that is the kernel's. */
static bool next_word(const char **line, char *word, size_t size)
{
	return *line && cmdline_word(line, word, size) && strcmp(word, "--") != 0;
}

static bool has_word(const char *line, const char *start)
{
	char word[512];

	while (next_word(&line, word, sizeof(word)))
		if (strncmp(word, start, strlen(start)) == 0)
			return true;
	return false;
}

static bool seen(const struct root *root, const char *cmdline, const char *sign)
{
	/* A dry run by somebody who can't look into the ESP must not find everything there. */
	if (is_path(sign))
		return root_certain(root, sign);
	if (strncmp(sign, "ID=", 3) == 0)
		return has_id(root, sign + 3);
	return has_word(cmdline, sign);
}

/* The first of any that is there, or NULL. */
static const char *seen_any(const struct unsupported *u, const struct root *root, const char *cmdline)
{
	for (size_t i = 0; i < LENGTH(u->any) && u->any[i]; i++)
		if (seen(root, cmdline, u->any[i]))
			return u->any[i];
	return NULL;
}

static bool matches(const struct unsupported *u, const struct root *root, const char *cmdline)
{
	for (size_t i = 0; i < LENGTH(u->all) && u->all[i]; i++)
		if (!seen(root, cmdline, u->all[i]))
			return false;
	if (u->any[0] && !seen_any(u, root, cmdline))
		return false;
	for (size_t i = 0; i < LENGTH(u->none) && u->none[i]; i++)
		if (seen(root, cmdline, u->none[i]))
			return false;
	return true;
}

const struct unsupported *unsupported_find(const struct root *root, const char *cmdline, bool strong)
{
	for (size_t i = 0; i < LENGTH(table); i++)
		if (table[i].strong == strong && matches(&table[i], root, cmdline))
			return &table[i];
	return NULL;
}

/* --- Words -------------------------------------------------------------------------------------------------------- */

/* What an advice is filled in with: lists of words, each with a blank in front. */
struct filling {
	char ours[512], kept[2048], running[2048], contrary[2048];
	const char *mode, *file;
	char *line; /* owned */
};

static bool has(const char *list, const char *word)
{
	size_t len = strlen(word);

	for (const char *p = list; (p = strstr(p, word)); p += len)
		if (p > list && p[-1] == ' ' && (p[len] == ' ' || p[len] == '\0'))
			return true;
	return false;
}

static void add(char *list, size_t size, const char *word)
{
	size_t len = strlen(list);

	if (!has(list, word))
		snprintf(list + len, size - len, " %s", word);
}

static void add_contrary_value(struct filling *f, const char *key, const char *value, size_t len)
{
	char word[64];

	snprintf(word, sizeof(word), "%s=%.*s", key, (int)len, value);
	if (!has(f->ours, word))
		add(f->contrary, sizeof(f->contrary), word);
}

/* What a mode excludes, in the spellings that are in use: OURS, or where a flush policy is demanded OURS_FLUSH. */
static void add_contrary(struct filling *f, enum parameter_ours ours)
{
	for (const struct kernel_parameter *p = kernel_parameters; p->key; p++) {
		for (const char *digit = p->ours == ours ? p->contrary : ""; *digit; digit++)
			add_contrary_value(f, p->key, digit, 1);
		for (const struct parameter_item *i = p->items; i && i->item; i++)
			if (i->ours == ours)
				add_contrary_value(f, p->key, i->item, strlen(i->item));
	}
}

/* Every word of the running line that the writer of words would not leave as it is. */
static int add_running(struct filling *f, const char *cmdline, bool flush)
{
	char word[512];

	while (next_word(&cmdline, word, sizeof(word))) {
		char *left = words_apply(word, "", flush, NULL);
		if (!left)
			return -1;
		if (strcmp(left, word) != 0 && !has(f->ours, word)) {
			add(f->running, sizeof(f->running), word);
			add(f->contrary, sizeof(f->contrary), word);
			if (left[0])
				add(f->kept, sizeof(f->kept), left);
		}
		free(left);
	}
	return 0;
}

/* The mode that has most of these words. */
static const char *mode_of(const char *words)
{
	const char *best = "MODE";
	size_t most = 0;

	for (int mode = 0; mode < MODES_WANTED; mode++) {
		const char *tokens = mode_tokens((enum mode)mode);
		size_t len = strlen(tokens);
		if (len > most && strncmp(words, tokens, len) == 0 && (words[len] == ' ' || words[len] == '\0')) {
			best = mode_name((enum mode)mode);
			most = len;
		}
	}
	return best;
}

static int fill(struct filling *f, const char *cmdline, const char *words)
{
	bool flush = false;
	char word[512];

	*f = (struct filling){ .mode = mode_of(words) };
	for (const char *next = words; cmdline_word(&next, word, sizeof(word));) {
		const struct kernel_parameter *parameter = kernel_parameter_find(word);
		flush = flush || (parameter && parameter->ours == OURS_FLUSH);
		add(f->ours, sizeof(f->ours), word);
	}
	add_contrary(f, OURS);
	if (flush)
		add_contrary(f, OURS_FLUSH);
	if (!cmdline)
		snprintf(f->running, sizeof(f->running), "%s", f->contrary);
	f->line = words_apply(cmdline ? cmdline : "", words, flush, NULL);
	return f->line && (!cmdline || add_running(f, cmdline, flush) == 0) ? 0 : -1;
}

/* --- Advice ------------------------------------------------------------------------------------------------------- */

/* The lists that a letter stands for; the second may be empty. */
static void lists(const struct filling *f, char letter, const char *list[2])
{
	list[0] = letter == 'r' ? f->running : letter == 'c' ? f->contrary : letter == 'k' ? f->kept : f->ours;
	list[1] = letter == 'a' ? f->kept : "";
}

static void put_list(FILE *out, const struct filling *f, char letter)
{
	const char *list[2];

	lists(f, letter, list);
	const char *first = list[0][0] ? list[0] : list[1];
	fputs(first[0] ? first + 1 : "", out);
	fputs(first == list[0] ? list[1] : "", out);
}

/* Text of len bytes with its one list, once for each word of it. */
static void put_each(FILE *out, const struct filling *f, const char *text, size_t len)
{
	const char *list[2], *mark = memchr(text, '%', len);
	char word[512];

	lists(f, mark[1], list);
	for (int i = 0; i < 2; i++)
		while (cmdline_word(&list[i], word, sizeof(word)))
			fprintf(out, "%.*s%s%.*s", (int)(mark - text), text, word, (int)(text + len - mark - 2),
				mark + 2);
}

static void put(FILE *out, const struct filling *f, const char *advice)
{
	bool skip = false;

	for (const char *p = advice; *p; p++) {
		if (*p == '%' && (p[1] == '(' || p[1] == ')')) {
			skip = p[1] == '(' && !f->running[0];
			p++;
		} else if (skip) {
			continue;
		} else if (*p == '{') {
			size_t len = strcspn(p + 1, "}");
			put_each(out, f, p + 1, len);
			p += len + 1;
		} else if (*p == '%') {
			p++;
			if (*p == 'm' || *p == 'f' || *p == 'l')
				fputs(*p == 'm' ? f->mode : *p == 'f' ? f->file : f->line, out);
			else if (*p == '%')
				fputc('%', out);
			else
				put_list(out, f, *p);
		} else {
			fputc(*p, out);
		}
	}
}

static void put_sign(FILE *out, const char *sign, bool first)
{
	const char *where = is_path(sign) ? "" : strncmp(sign, "ID=", 3) == 0 ? " in os-release" : " on it";

	fprintf(out, "%s%s%s", first ? "" : ", ", sign, where);
}

static void put_all(FILE *out, const struct unsupported *u, const struct filling *f, bool rid)
{
	size_t signs = 0;

	fprintf(out, "the kernel command line comes from %s (", u->name);
	for (; signs < LENGTH(u->all) && u->all[signs]; signs++)
		put_sign(out, u->all[signs], signs == 0);
	if (f->file[0])
		put_sign(out, f->file, signs == 0);
	fputs("); ", out);
	put(out, f, !rid ? u->advice : f->running[0] ? "remove '%r' from it by hand" : "nothing has to be removed "
										       "from it");
}

char *unsupported_advice(const struct unsupported *u, const struct root *root, const char *cmdline, const char *words)
{
	struct filling f;
	struct text made;
	char *text = NULL;

	int r = fill(&f, cmdline, words);
	const char *found = seen_any(u, root, cmdline);
	f.file = found ? found : "";
	if (r == 0 && text_open(&made)) {
		put_all(made.out, u, &f, words[0] == '\0');
		text = text_close(&made, NULL);
	}
	free(f.line);
	return text;
}
