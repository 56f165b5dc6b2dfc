// Compared with the operations of a pool: malloc and free of 128 bytes, by the C library. Reads numbers of operations
// and writes nanoseconds per operation, one per line.
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <iostream>

int main() {
  for (int64_t operations; std::cin >> operations;) {
    auto start = std::chrono::steady_clock::now();
    for (int64_t i = 0; i < operations; i++) {
      // Volatile, and written to: otherwise the compiler would remove the pair.
      char* volatile slice = static_cast<char*>(malloc(128));
      if (slice == nullptr) return 1;
      *slice = static_cast<char>(i);
      free(slice);
    }
    std::chrono::duration<double, std::nano> elapsed = std::chrono::steady_clock::now() - start;
    std::cout << elapsed.count() / static_cast<double>(operations) << std::endl;
  }
}
