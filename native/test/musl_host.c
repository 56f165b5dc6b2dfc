// For tests: lets Debian's C++ library, which is built for glibc, run on musl, so that a program for Alpine that needs
// one runs on Debian. Not part of the package. Compiled by musl-gcc; preloaded, and also present under the name of
// glibc's loader, which that library names as a dependency.
#define _GNU_SOURCE
#include <locale.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

char __libc_single_threaded = 0;

unsigned arc4random(void) {
  unsigned number;
  if (getrandom(&number, sizeof number, 0) != sizeof number) abort();
  return number;
}

size_t __strftime_l(char* text, size_t size, const char* format, const struct tm* time, locale_t locale) {
  return strftime_l(text, size, format, time, locale);
}

int __pthread_key_create(pthread_key_t* key, void (*destroy)(void*)) { return pthread_key_create(key, destroy); }

// Destructors of variables of a thread are not run.
int __cxa_thread_atexit_impl(void (*destroy)(void*), void* object, void* library) {
  (void)destroy, (void)object, (void)library;
  return 0;
}

// Not found: libgcc then asks dl_iterate_phdr, which musl has.
int _dl_find_object(void* address, void* result) {
  (void)address, (void)result;
  return -1;
}

// Features of the processor, which libgcc defines under a version that musl's loader does not see.
int __cpu_model[4];
unsigned __cpu_features2[2];
int __cpu_indicator_init(void) { return 0; }

// std::__glibcxx_assert_fail of GCC 13.
void _ZSt21__glibcxx_assert_failPKciS0_S0_(const char* file, int line, const char* function, const char* condition) {
  fprintf(stderr, "%s:%d: %s: %s\n", file, line, function, condition);
  abort();
}
