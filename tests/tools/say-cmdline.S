/* A kernel that says on the first serial line whether it was given an initrd, and what command line, and resets the
 * machine: by the 32-bit
 * boot protocol (Documentation/arch/x86/boot.rst).
 * SPDX-License-Identifier: BSD-3-Clause
 */
	.code32
	.text
	.org 0x1f1
	.byte 1			/* setup_sects */
	.word 0
	.long (0x2000 - 0x400) / 16
	.word 0, 0, 0
	.word 0xaa55
	.byte 0xeb, 0x6a	/* the header ends at 0x26c */
	.ascii "HdrS"
	.word 0x0206
	.org 0x211
	.byte 1			/* LOADED_HIGH */
	.org 0x214
	.long 0x100000		/* code32_start */
	.org 0x22c
	.long 0x7fffffff	/* initrd_addr_max */
	.long 0x1000		/* kernel_alignment */
	.org 0x238
	.long 2047		/* cmdline_size */
	.org 0x400
	cmpl $0, 0x21c(%esi)	/* ramdisk_size; %esi is boot_params */
	je 1f
	mov $initrd - 0x400 + 0x100000, %ebp
	call say
1:	mov 0x228(%esi), %ebx	/* cmd_line_ptr */
	mov $before - 0x400 + 0x100000, %ebp
	call say
	mov %ebx, %ebp
	call say
	mov $after - 0x400 + 0x100000, %ebp
	call say
	mov $0xfe, %al
	out %al, $0x64
1:	hlt
	jmp 1b
say:	mov $0x3fd, %dx
1:	in %dx, %al
	test $0x20, %al
	jz 1b
	mov (%ebp), %al
	test %al, %al
	jz 2f
	mov $0x3f8, %dx
	out %al, %dx
	inc %ebp
	jmp say
2:	ret
initrd:	.asciz "\r\nINITRD"
before:	.asciz "\r\nGOT "
after:	.asciz "\r\n"
	.org 0x2000
end:
