#ifndef SHMTABLE_HUGE_PAGES_H_
#define SHMTABLE_HUGE_PAGES_H_

#include <sys/types.h>

#include <cstddef>
#include <cstdint>

namespace shmtable {

// An address at which a new mapping of `bytes` bytes, from byte `offset` of its object on, could have transparent huge
// pages: their addresses in memory and in the object must be equal modulo their size. Only a hint, because the range is
// not reserved; nullptr for less than one huge page.
void* AlignedAddress(size_t bytes, int64_t offset);

// How often another address is tried if another thread has taken the address in the meantime.
inline constexpr int kAlignedTries = 8;

// mmap of a shared object to such an address: MAP_FAILED and errno as with mmap. Unaligned only if other threads were
// always faster.
void* MapAligned(size_t bytes, int protection, int fd, int64_t offset);

// Fills an empty memory object of `size` bytes with huge pages, as far as they are available and fit completely; the
// rest stays empty. Does nothing if there are none.
void MakeHugePages(int fd, off_t size);

// Replaces the small pages of a mapping by huge ones: 0, or a negated errno.
int UseHugePages(void* address, size_t bytes);

}  // namespace shmtable

#endif  // SHMTABLE_HUGE_PAGES_H_
