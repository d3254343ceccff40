/* One function in the code of several instruction sets, chosen when the program starts. Its result must not depend on
 * it. Only for functions of one file: clang has no other names for the clones. */
#ifndef FN_CLONES_H
#define FN_CLONES_H

#if defined(FN_X86) && !defined(FN_SANITIZED)
#define FN_CLONES __attribute__((target_clones("default", "avx2", "arch=x86-64-v4")))
#else
#define FN_CLONES
#endif

#endif
