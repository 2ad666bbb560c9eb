// A shared library for breakpoints_test: functions whose basic blocks are known to the byte. Every
// label that begins with block_ is a leader that must be found, every dead_ one must not be armed.
// Built twice, under two names. Depends on nothing. x86-64, System V ABI.

asm(R"(
.text

// int sample_branch(int x): x == 0 ? 10 : 20
.globl sample_branch, block_branch_nonzero, block_branch_zero
.type sample_branch, @function
sample_branch:
  .cfi_startproc
  test %edi, %edi
  jz block_branch_zero
block_branch_nonzero:
  mov $20, %eax
  ret
  .p2align 4
block_branch_zero:
  mov $10, %eax
  ret
  .cfi_endproc
.size sample_branch, . - sample_branch

// int sample_loop(int n): the sum 1 + ... + n
.globl sample_loop, block_loop_body, block_loop_done
.type sample_loop, @function
sample_loop:
  .cfi_startproc
  xor %eax, %eax
block_loop_body:
  add %edi, %eax
  dec %edi
  jg block_loop_body
block_loop_done:
  ret
  .cfi_endproc
.size sample_loop, . - sample_loop

// int sample_switch(unsigned x): x == 0 ? 100 : x == 1 ? 101 : 102, by a table in read-only data
.globl sample_switch, block_switch_0, block_switch_1, block_switch_2, block_switch_go
.type sample_switch, @function
sample_switch:
  .cfi_startproc
  cmp $2, %edi
  ja block_switch_2
block_switch_go:
  mov %edi, %edi
  lea switch_table(%rip), %rax
  movslq (%rax,%rdi,4), %rdi
  add %rdi, %rax
  jmp *%rax
block_switch_0:
  mov $100, %eax
  ret
block_switch_1:
  mov $101, %eax
  ret
  nopw 0x0(%rax,%rax,1)
block_switch_2:
  mov $102, %eax
  ret
  .cfi_endproc
.size sample_switch, . - sample_switch
.section .rodata
.p2align 2
switch_table:
  .long block_switch_0 - switch_table
  .long block_switch_1 - switch_table
  .long block_switch_2 - switch_table
.text

// int sample_data(int x): the x-th of four constants that lie between the instructions
.globl sample_data, dead_data, dead_after_data
.type sample_data, @function
sample_data:
  .cfi_startproc
  lea dead_data(%rip), %rax
  movslq %edi, %rdi
  mov (%rax,%rdi,4), %eax
  jmp dead_after_data
dead_data:
  .long 0x11111111, 0x22222222, 0x33333333, 0x55555555
dead_after_data:
  ret
  .cfi_endproc
.size sample_data, . - sample_data

// int sample_undecodable(int x): x == 0 ? 1 : 2; between the two a byte that is no instruction
.globl sample_undecodable, block_undecodable_next, dead_undecodable
.type sample_undecodable, @function
sample_undecodable:
  .cfi_startproc
  test %edi, %edi
  jnz dead_undecodable
block_undecodable_next:
  mov $1, %eax
  ret
  .byte 0x06
dead_undecodable:
  mov $2, %eax
  ret
  .cfi_endproc
.size sample_undecodable, . - sample_undecodable

// int sample_desync(int x): x == 0 ? 1 : 2; a lone byte 0x48 0xb8 (MOV RAX, imm64) swallows what follows
.globl sample_desync, dead_desync_next, dead_desync
.type sample_desync, @function
sample_desync:
  .cfi_startproc
  test %edi, %edi
  jnz dead_desync
dead_desync_next:
  mov $1, %eax
  ret
  .byte 0x48, 0xb8
dead_desync:
  mov $2, %eax
  ret
  nop
  nop
  nop
  nop
  nop
  nop
  ret
  .cfi_endproc
.size sample_desync, . - sample_desync

// int sample_trap(int x): x == 0 ? 5 : a breakpoint of the library's own, then 6
.globl sample_trap, block_trap_none, dead_trap
.type sample_trap, @function
sample_trap:
  .cfi_startproc
  test %edi, %edi
  jnz dead_trap
block_trap_none:
  mov $5, %eax
  ret
dead_trap:
  int3
  mov $6, %eax
  ret
  .cfi_endproc
.size sample_trap, . - sample_trap
)");
