#include "huge_pages.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "held_signals.h"

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

namespace shmtable {

namespace {

// On x86-64, and on arm64 with small pages of 4 KiB.
constexpr size_t kHugePageBytes = size_t{2} << 20;

size_t RoundUp(size_t size) { return (size + kHugePageBytes - 1) / kHugePageBytes * kHugePageBytes; }

}  // namespace

void* AlignedAddress(size_t bytes, int64_t offset) {
  if (bytes < kHugePageBytes) return nullptr;
  const size_t room = bytes + kHugePageBytes;
  void* range = mmap(nullptr, room, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (range == MAP_FAILED) return nullptr;
  munmap(range, room);
  const size_t within = static_cast<size_t>(offset) % kHugePageBytes;
  return reinterpret_cast<void*>(RoundUp(reinterpret_cast<size_t>(range) - within) + within);
}

void* MapAligned(size_t bytes, int protection, int fd, int64_t offset) {
  for (int tries = 0;; tries++) {
    void* wanted = AlignedAddress(bytes, offset);
    void* address = mmap(wanted, bytes, protection, MAP_SHARED, fd, static_cast<off_t>(offset));
    if (address == MAP_FAILED || wanted == nullptr || address == wanted || tries == kAlignedTries) return address;
    munmap(address, bytes);
  }
}

// The kernel creates a huge page from a range with at least one small page, and clears the rest: 130 ms for 1 GiB. If
// all small pages existed, it would have to copy them: 850 ms and more.
void MakeHugePages(int fd, off_t size) {
  const size_t bytes = static_cast<size_t>(size) / kHugePageBytes * kHugePageBytes;
  if (bytes == 0) return;
  const HeldSignals held;
  for (size_t at = 0; at < bytes; at += kHugePageBytes) {
    if (fallocate(fd, 0, static_cast<off_t>(at), 1) != 0) return;
  }
  // Makes the size of the object that of its huge pages.
  if (fallocate(fd, 0, static_cast<off_t>(bytes - 1), 1) != 0) return;
  void* address = MapAligned(bytes, PROT_READ | PROT_WRITE, fd, 0);
  if (address == MAP_FAILED) return;
  madvise(address, bytes, MADV_COLLAPSE);
  munmap(address, bytes);
}

// The advice alone would change existing pages only at some later time, if khugepaged examines them; MADV_COLLAPSE
// (Linux 6.1) does it now, or reports why not.
int UseHugePages(void* address, size_t bytes) {
  if (madvise(address, bytes, MADV_HUGEPAGE) != 0) return -errno;
  return madvise(address, bytes, MADV_COLLAPSE) == 0 ? 0 : -errno;
}

}  // namespace shmtable
