// ELM_MULTIVERSION: one function compiled for several instruction sets, the best chosen once when
// the program is loaded. Only for non-template functions that are local to a file; what they call
// must be ELM_INLINE to be compiled for the same instruction set.
#pragma once

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define ELM_THREAD_SANITIZER 1
#endif
#endif
#if defined(__SANITIZE_THREAD__)
#define ELM_THREAD_SANITIZER 1
#endif

// The choice is made by an ifunc resolver, which needs glibc. GCC instruments the resolver for the
// thread sanitizer, which is not up yet when it runs.
#if defined(__x86_64__) && defined(__GLIBC__) && !defined(ELM_THREAD_SANITIZER)
#define ELM_MULTIVERSION __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define ELM_MULTIVERSION
#endif

#define ELM_INLINE inline __attribute__((always_inline))
