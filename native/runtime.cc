// The part of the C++ runtime that the addon uses. It links neither the C++ runtime nor the C library: all other
// functions are those of the C library that the process has loaded, by their plain names. So one binary serves every
// version of glibc and musl, and does not depend on a libstdc++.
//
// Exceptions are disabled: what the standard library would throw ends the process, as it does in Node itself.
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cstddef>
#include <new>
#include <string>

namespace {

void Print(const char* text) { static_cast<void>(!write(STDERR_FILENO, text, strlen(text))); }

[[noreturn]] void Fail(const char* what) {
  Print("shmtable: ");
  Print(what);
  Print("\n");
  abort();
}

void* Allocate(std::size_t bytes) {
  void* memory = malloc(bytes == 0 ? 1 : bytes);
  if (memory == nullptr) Fail("out of memory");
  return memory;
}

}  // namespace

void* operator new(std::size_t bytes) { return Allocate(bytes); }
void* operator new[](std::size_t bytes) { return Allocate(bytes); }
void operator delete(void* memory) noexcept { free(memory); }
void operator delete[](void* memory) noexcept { free(memory); }
void operator delete(void* memory, std::size_t) noexcept { free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { free(memory); }

extern "C" void __cxa_pure_virtual() { Fail("a pure virtual function was called"); }

namespace std {

void __throw_length_error(const char* what) { Fail(what); }
void __throw_logic_error(const char* what) { Fail(what); }
void __throw_out_of_range_fmt(const char* what, ...) { Fail(what); }
void __throw_bad_alloc() { Fail("out of memory"); }
void __throw_bad_array_new_length() { Fail("out of memory"); }
void __throw_bad_function_call() { Fail("an empty function was called"); }

// The headers declare that the library contains these.
template class basic_string<char>;

}  // namespace std
