#ifndef SHMTABLE_INHERITED_MEMORY_H_
#define SHMTABLE_INHERITED_MEMORY_H_

#include <string>

namespace shmtable {

// Nameless memory that child processes inherit and find by name: memfd objects, looked up in /proc/self/fd.
//
// An object is in one of two states. The state is stored in its inode's mode, which every process that has the object
// sees immediately:
//   hidden     kHiddenMode: incomplete, or unlinked. No process finds it.
//   published  kPublishedMode: every process with a descriptor of it finds it by its name.
// A published object has one inheritable descriptor in each process that created or inherited it; no handle owns it. It
// is closed when the object is hidden again: by this process's own unlink, or at the next look-up after another's.
//
// Every look-up and change of state in a process runs under one mutex, so that of two threads that publish one name
// exactly one succeeds.

// Creates a hidden, empty object of ordinary or huge pages that can grow but never shrink: returns a private
// descriptor, or a negated errno.
int CreateMemory(const std::string& name, bool huge_pages);

// Publishes the hidden object: 0, -EEXIST if this process has a published object of that name, or a negated errno.
int PublishMemory(int fd, const std::string& name);

// A private descriptor of the published object of that name; -ENOENT if this process has none.
int OpenPublishedMemory(const std::string& name);

// Hides a published object and closes this process's inheritable descriptor: 1, or 0 if it was hidden already.
int WithdrawMemory(int fd);

}  // namespace shmtable

#endif  // SHMTABLE_INHERITED_MEMORY_H_
