// For tests: stops or kills this process right before its n-th store to a range of memory, and forks it. Not part of
// the package.
//
// The range is write-protected. A store to it faults; the handler counts it, lifts the protection and sets the trap
// flag, so that the processor executes this one instruction and traps again; then the protection returns. An atomic
// instruction counts as one store, even a compare-and-swap that fails; a `rep` instruction counts as one store per
// repetition.
//
// Threads: only one thread of the process may store to the range. Only for x86-64: the trap flag is a bit of its flags
// register.
#include <errno.h>
#include <fcntl.h>
#include <napi.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include <cstdint>
#include <sstream>
#include <string>

namespace {

constexpr greg_t kTrapFlag = 0x100;
constexpr size_t kStackBytes = 64 * 1024;

uintptr_t range_begin = 0;
size_t range_bytes = 0;
int64_t stores = 0;
int64_t stop_before = -1;
int stop_signal = SIGKILL;
bool handlers_installed = false;
struct sigaction previous_fault;
struct sigaction previous_trap;

bool InRange(const void* address) {
  uintptr_t at = reinterpret_cast<uintptr_t>(address);
  return range_bytes != 0 && at >= range_begin && at < range_begin + range_bytes;
}

void Protect(int protection) {
  if (mprotect(reinterpret_cast<void*>(range_begin), range_bytes, protection) != 0) abort();
}

void Chain(const struct sigaction& action, int signal, siginfo_t* info, void* context) {
  if ((action.sa_flags & SA_SIGINFO) != 0) {
    action.sa_sigaction(signal, info, context);
  } else if (action.sa_handler != SIG_DFL && action.sa_handler != SIG_IGN) {
    action.sa_handler(signal);
  } else {
    // The instruction is repeated and faults again, now with the default action.
    sigaction(signal, &action, nullptr);
  }
}

void OnFault(int signal, siginfo_t* info, void* context) {
  if (!InRange(info->si_addr)) {
    Chain(previous_fault, signal, info, context);
    return;
  }
  if (stores == stop_before) kill(getpid(), stop_signal);
  stores++;
  Protect(PROT_READ | PROT_WRITE);
  static_cast<ucontext_t*>(context)->uc_mcontext.gregs[REG_EFL] |= kTrapFlag;
}

void OnTrap(int signal, siginfo_t* info, void* context) {
  auto& flags = static_cast<ucontext_t*>(context)->uc_mcontext.gregs[REG_EFL];
  if ((flags & kTrapFlag) == 0) {
    Chain(previous_trap, signal, info, context);
    return;
  }
  flags &= ~kTrapFlag;
  if (range_bytes != 0) Protect(PROT_READ);
}

void Install(int signal, void (*handler)(int, siginfo_t*, void*), struct sigaction* previous) {
  struct sigaction action {};
  action.sa_sigaction = handler;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
  sigemptyset(&action.sa_mask);
  if (sigaction(signal, &action, previous) != 0) abort();
}

// arm(buffer, stopBefore, signal): the signal is sent before store number `stopBefore`, counted from 0; -1 never.
Napi::Value Arm(const Napi::CallbackInfo& info) {
  Napi::ArrayBuffer buffer = info[0].As<Napi::ArrayBuffer>();
  uintptr_t page = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
  uintptr_t address = reinterpret_cast<uintptr_t>(buffer.Data());
  if (address % page != 0) {
    Napi::Error::New(info.Env(), "the buffer does not begin on a page").ThrowAsJavaScriptException();
    return info.Env().Undefined();
  }
  if (!handlers_installed) {
    stack_t stack{};
    stack.ss_sp = malloc(kStackBytes);
    stack.ss_size = kStackBytes;
    if (stack.ss_sp == nullptr || sigaltstack(&stack, nullptr) != 0) abort();
    Install(SIGSEGV, OnFault, &previous_fault);
    Install(SIGTRAP, OnTrap, &previous_trap);
    handlers_installed = true;
  }
  stores = 0;
  stop_before = info[1].As<Napi::Number>().Int64Value();
  stop_signal = info[2].As<Napi::Number>().Int32Value();
  range_begin = address;
  range_bytes = (buffer.ByteLength() + page - 1) / page * page;
  Protect(PROT_READ);
  return info.Env().Undefined();
}

// protectAgain(): restores the protection after the pages at the watched addresses were replaced.
Napi::Value ProtectAgain(const Napi::CallbackInfo& info) {
  if (range_bytes != 0) Protect(PROT_READ);
  return info.Env().Undefined();
}

// disarm(): ends trapping; returns the number of stores.
Napi::Value Disarm(const Napi::CallbackInfo& info) {
  if (range_bytes != 0) Protect(PROT_READ | PROT_WRITE);
  range_bytes = 0;
  return Napi::Number::New(info.Env(), static_cast<double>(stores));
}

// V8 prevents its heap from being copied to children (MADV_DONTFORK), but a child that runs JavaScript needs it.
void LetHeapBeForked() {
  std::string maps;
  int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
  if (fd < 0) abort();
  char piece[16384];
  for (ssize_t bytes; (bytes = read(fd, piece, sizeof piece)) > 0;) maps.append(piece, static_cast<size_t>(bytes));
  close(fd);
  std::istringstream lines(maps);
  for (std::string line; std::getline(lines, line);) {
    unsigned long begin = 0, end = 0, inode = 0;
    char access[5] = "";
    if (sscanf(line.c_str(), "%lx-%lx %4s %*x %*x:%*x %lu", &begin, &end, access, &inode) != 4) continue;
    if (inode == 0 && access[3] == 'p') madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DOFORK);
  }
}

// fork(limitSeconds): 0 in the child, which SIGALRM kills after the limit. The child has one thread and no event loop:
// it may run JavaScript that does not wait for other threads, and must call `exit`.
Napi::Value Fork(const Napi::CallbackInfo& info) {
  unsigned limit = info[0].As<Napi::Number>().Uint32Value();
  LetHeapBeForked();
  pid_t pid = fork();
  if (pid == 0) alarm(limit);
  return Napi::Number::New(info.Env(), pid < 0 ? -errno : pid);
}

// wait(pid): exit code of the child, or the negated number of the signal that killed it.
Napi::Value Wait(const Napi::CallbackInfo& info) {
  int status = 0;
  pid_t pid = info[0].As<Napi::Number>().Int32Value();
  while (waitpid(pid, &status, 0) < 0) {
    if (errno == EINTR) continue;
    Napi::Error::New(info.Env(), strerror(errno)).ThrowAsJavaScriptException();
    return info.Env().Undefined();
  }
  return Napi::Number::New(info.Env(), WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status));
}

// exit(code): exits immediately, without anything that Node does on exit.
Napi::Value Exit(const Napi::CallbackInfo& info) { _exit(info[0].As<Napi::Number>().Int32Value()); }

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  exports.Set("arm", Napi::Function::New(env, Arm, "arm"));
  exports.Set("protectAgain", Napi::Function::New(env, ProtectAgain, "protectAgain"));
  exports.Set("disarm", Napi::Function::New(env, Disarm, "disarm"));
  exports.Set("fork", Napi::Function::New(env, Fork, "fork"));
  exports.Set("wait", Napi::Function::New(env, Wait, "wait"));
  exports.Set("exit", Napi::Function::New(env, Exit, "exit"));
  return exports;
}

}  // namespace

NODE_API_MODULE(store_trap, Init)
