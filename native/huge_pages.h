#ifndef SHMTABLE_HUGE_PAGES_H_
#define SHMTABLE_HUGE_PAGES_H_

#include <sys/types.h>

#include <cstddef>
#include <cstdint>

namespace shmtable {

// An address at which a new mapping of `bytes` bytes, from byte `offset` of its object on, could have transparent huge
// pages: those lie alike in memory and in the object, up to a multiple of their size. Only a hint, for nobody keeps the
// range free; nullptr for what is smaller than one.
void* AlignedAddress(size_t bytes, int64_t offset);

// So often an address is asked for again that another thread has taken in the meantime.
inline constexpr int kAlignedTries = 8;

// mmap of a shared object to such an address: MAP_FAILED and errno as mmap. Unaligned only when others were always faster.
void* MapAligned(size_t bytes, int protection, int fd, int64_t offset);

// Makes a still empty memory object of `size` bytes of huge pages, as far as the kernel has them and all of them lie
// within; the rest stays empty. Does nothing where there are none.
void MakeHugePages(int fd, off_t size);

// Puts huge pages in the place of the small ones of a mapping: 0 or minus an errno.
int UseHugePages(void* address, size_t bytes);

}  // namespace shmtable

#endif  // SHMTABLE_HUGE_PAGES_H_
