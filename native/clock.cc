// Clocks that no test framework replaces and that, except for the wall clock, are never set.
//
// CLOCK_BOOTTIME continues while the machine is suspended, so an expiry compared with it stays correct. A time
// namespace shifts it; the shift is subtracted, so that all processes of the machine agree.
//
// /proc/self/timens_offsets shows the namespace of future children. That is the process's own namespace, except between
// an unshare and the next fork (or exec, from Linux 6.1 on). Then the process's own shift is known only in the initial
// namespace, whose inode number is a constant of the kernel and whose shift is 0; otherwise it is unknown, and tables
// are refused.
#include <errno.h>
#include <fcntl.h>
#include <napi.h>
#include <node_api.h>
#include <pthread.h>
#include <time.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "file_status.h"

namespace shmtable {
namespace {

constexpr int64_t kNsPerSecond = 1'000'000'000;
/** PROC_TIME_INIT_INO of the kernel. */
constexpr ino_t kInitialTimeNamespace = 0xEFFFFFFA;
/**
 * Maximum time between two reads of the boot clock that are close enough to date a read of the wall clock in between.
 */
constexpr int64_t kCloseNs = 5'000;
constexpr int kTries = 16;

struct BootShift {
  int64_t ns = 0;
  bool known = true;
};

/** Reads the beginning of a file into `text`, which stays terminated by a zero. */
bool ReadStart(const char* path, char* text, size_t size) {
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  ssize_t length;
  do {
    length = read(fd, text, size - 1);
  } while (length < 0 && errno == EINTR);
  close(fd);
  return length > 0;
}

BootShift ReadBootShift() {
  struct stat own {};
  struct stat children {};
  // A kernel without time namespaces.
  if (StatusAt("/proc/self/ns/time", &own) != 0) return {};
  if (own.st_ino == kInitialTimeNamespace) return {};
  if (StatusAt("/proc/self/ns/time_for_children", &children) != 0) return {0, false};
  if (own.st_ino != children.st_ino) return {0, false};
  char text[256] = {};
  if (!ReadStart("/proc/self/timens_offsets", text, sizeof text)) return {0, false};
  // Lines of a clock, its seconds and its nanoseconds.
  const char* line = strstr(text, "boottime");
  if (line == nullptr) return {0, false};
  char* rest = nullptr;
  const int64_t seconds = strtol(line + strlen("boottime"), &rest, 10);
  return {seconds * kNsPerSecond + strtol(rest, nullptr, 10), true};
}

BootShift shift;
pthread_once_t shift_once = PTHREAD_ONCE_INIT;

/** A process cannot enter another time namespace once it has threads, as Node has from its start. */
const BootShift& Shift() {
  pthread_once(&shift_once, [] { shift = ReadBootShift(); });
  return shift;
}

int64_t Read(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<int64_t>(now.tv_sec) * kNsPerSecond + now.tv_nsec;
}

int64_t ReadBoot() { return Read(CLOCK_BOOTTIME) - Shift().ns; }

/**
 * Wall clock minus boot clock. Both run at the same rate, so the difference changes only when the wall clock is set.
 */
int64_t WallOffset() {
  int64_t closest = INT64_MAX;
  int64_t offset = 0;
  for (int i = 0; i < kTries && closest > kCloseNs; i++) {
    const int64_t before = ReadBoot();
    const int64_t wall = Read(CLOCK_REALTIME);
    const int64_t between = ReadBoot() - before;
    if (between >= closest) continue;
    closest = between;
    offset = wall - before - between / 2;
  }
  return offset;
}

/** Nanoseconds as milliseconds. Uses plain Node-API, because the clock is read at every read of a row that expires. */
template <int64_t (*Clock)()>
napi_value Milliseconds(napi_env env, napi_callback_info) {
  napi_value result = nullptr;
  napi_create_double(env, static_cast<double>(Clock()) / 1e6, &result);
  return result;
}

int64_t ReadMonotonic() { return Read(CLOCK_MONOTONIC); }
int64_t ReadWall() { return Read(CLOCK_REALTIME); }

template <int64_t (*Clock)()>
void Export(napi_env env, napi_value exports, const char* name) {
  napi_value function = nullptr;
  if (napi_create_function(env, name, NAPI_AUTO_LENGTH, Milliseconds<Clock>, nullptr, &function) != napi_ok) return;
  napi_set_named_property(env, exports, name, function);
}

}  // namespace

void InitClock(Napi::Env env, Napi::Object exports) {
  Export<ReadBoot>(env, exports, "bootTimeMs");
  Export<ReadMonotonic>(env, exports, "monotonicMs");
  Export<ReadWall>(env, exports, "wallTimeMs");
  Export<WallOffset>(env, exports, "wallOffsetMs");
  exports.Set("bootTimeIsKnown", Napi::Boolean::New(env, Shift().known));
}

}  // namespace shmtable
