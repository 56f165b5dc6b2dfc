// System V shared memory, except for attaching to it, which Mapping does.
#include <errno.h>
#include <napi.h>
#include <sys/ipc.h>
#include <sys/shm.h>

#ifndef SHM_DEST
#define SHM_DEST 01000
#endif

namespace shmtable {
namespace {

bool AreNumbers(const Napi::CallbackInfo& info, size_t count) {
  if (info.Length() < count) return false;
  for (size_t i = 0; i < count; i++) {
    if (!info[i].IsNumber()) return false;
  }
  return true;
}

// (key, size, huge pages): the id of a new segment that only its owner may access; EEXIST if the key is taken.
Napi::Value ShmCreate(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  if (!AreNumbers(info, 2) || info.Length() < 3 || !info[2].IsBoolean()) return Napi::Number::New(env, -EINVAL);
  auto key = static_cast<key_t>(info[0].As<Napi::Number>().Int32Value());
  auto size = static_cast<size_t>(info[1].As<Napi::Number>().Int64Value());
  int flags = IPC_CREAT | IPC_EXCL | 0600 | (info[2].As<Napi::Boolean>().Value() ? SHM_HUGETLB : 0);
  int id = shmget(key, size, flags);
  return Napi::Number::New(env, id < 0 ? -errno : id);
}

// (key): the id of the segment with this key.
Napi::Value ShmFind(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  if (!AreNumbers(info, 1)) return Napi::Number::New(env, -EINVAL);
  int id = shmget(static_cast<key_t>(info[0].As<Napi::Number>().Int32Value()), 0, 0);
  return Napi::Number::New(env, id < 0 ? -errno : id);
}

// (id): a negated errno, or the status of the segment.
Napi::Value ShmStatus(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  if (!AreNumbers(info, 1)) return Napi::Number::New(env, -EINVAL);
  shmid_ds status;
  if (shmctl(info[0].As<Napi::Number>().Int32Value(), IPC_STAT, &status) != 0) return Napi::Number::New(env, -errno);
  auto result = Napi::Object::New(env);
  result.Set("key", Napi::Number::New(env, status.shm_perm.__key));
  result.Set("uid", Napi::Number::New(env, status.shm_perm.uid));
  result.Set("makerUid", Napi::Number::New(env, status.shm_perm.cuid));
  result.Set("mode", Napi::Number::New(env, status.shm_perm.mode & 0777));
  result.Set("removed", Napi::Boolean::New(env, (status.shm_perm.mode & SHM_DEST) != 0));
  result.Set("bytes", Napi::Number::New(env, static_cast<double>(status.shm_segsz)));
  result.Set("creator", Napi::Number::New(env, status.shm_cpid));
  result.Set("createdAt", Napi::Number::New(env, static_cast<double>(status.shm_ctime)));
  result.Set("attachedAt", Napi::Number::New(env, static_cast<double>(status.shm_atime)));
  result.Set("attached", Napi::Number::New(env, static_cast<double>(status.shm_nattch)));
  return result;
}

// (id): marks the segment for removal with its last attachment; calling it twice is harmless.
Napi::Value ShmRemove(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  if (!AreNumbers(info, 1)) return Napi::Number::New(env, -EINVAL);
  int rc = shmctl(info[0].As<Napi::Number>().Int32Value(), IPC_RMID, nullptr);
  return Napi::Number::New(env, rc == 0 ? 0 : -errno);
}

}  // namespace

void InitSystemV(Napi::Env env, Napi::Object exports) {
  exports.Set("shmCreate", Napi::Function::New<ShmCreate>(env, "shmCreate"));
  exports.Set("shmFind", Napi::Function::New<ShmFind>(env, "shmFind"));
  exports.Set("shmStatus", Napi::Function::New<ShmStatus>(env, "shmStatus"));
  exports.Set("shmRemove", Napi::Function::New<ShmRemove>(env, "shmRemove"));
}

}  // namespace shmtable
