// Runs the scenarios, each as it is and without each of its orders, and prints a line for each:
//
//   held | failed | scenario | order that was left out, or "-" | executions
//
// Usage: order SWITCHES RANDOM [SCENARIO ...]
//
// Explores every execution with at most SWITCHES preemptions, in which a load may also return the value before the
// latest one; and then RANDOM random executions, in which it may be two values behind. For a scenario that must hold,
// prints the execution in which it does not.
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <limits>

#include "sharing.hpp"
#include "table.hpp"

namespace {

struct Limits {
  rl::scheduler_type_e search;
  unsigned switches;
  unsigned long executions;
};

template <typename Scenario>
bool Holds(const Limits& limits, std::ostream& output, unsigned long* executions) {
  std::ostream nowhere(nullptr);
  rl::test_params params;
  params.output_stream = &output;
  params.progress_stream = &nowhere;
  params.search_type = limits.search;
  params.context_bound = limits.switches;
  params.iteration_count = static_cast<rl::iteration_t>(limits.executions);
  bool holds = rl::simulate<Scenario>(params);
  *executions += params.stop_iteration;
  return holds;
}

template <typename Scenario>
void Run(const char* name, const char* order, unsigned switches, unsigned long random) {
  Without() = order;
  bool must_hold = *order == '\0';
  std::ostream nowhere(nullptr);
  std::ostream& output = must_hold ? std::cout : nowhere;
  unsigned long executions = 0;
  bool held = Holds<Scenario>({rl::fair_context_bound_scheduler_type, switches, std::numeric_limits<int>::max()}, output,
                              &executions) &&
              Holds<Scenario>({rl::random_scheduler_type, 0, random}, output, &executions);
  std::printf("%s | %s | %s | %lu\n", held ? "held" : "failed", name, must_hold ? "-" : order, executions);
  std::fflush(stdout);
}

bool IsWanted(const char* name, int argc, char** argv) {
  for (int i = 3; i < argc; i++) {
    if (std::strcmp(name, argv[i]) == 0) return true;
  }
  return argc <= 3;
}

template <typename Scenario>
void RunAll(const char* name, int argc, char** argv) {
  if (!IsWanted(name, argc, argv)) return;
  const unsigned switches = static_cast<unsigned>(std::atoi(argv[1]));
  const unsigned long random = std::strtoul(argv[2], nullptr, 10);
  Run<Scenario>(name, "", switches, random);
  for (const char* order : Scenario::kOrders) Run<Scenario>(name, order, switches, random);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  RunAll<Lookup>("lookup", argc, argv);
  RunAll<Pool>("pool", argc, argv);
  RunAll<Removal>("removal", argc, argv);
  RunAll<RowByRow>("row by row", argc, argv);
  RunAll<ChangeInPlace>("change in place", argc, argv);
  RunAll<Expiry>("expiry", argc, argv);
  RunAll<Recovery>("recovery", argc, argv);
  RunAll<Hints>("hints", argc, argv);
  RunAll<Blocks>("blocks", argc, argv);
  RunAll<Feed>("feed", argc, argv);
  RunAll<Watch>("watch", argc, argv);
  RunAll<Ring>("ring", argc, argv);
  RunAll<Histogram>("histogram", argc, argv);
  RunAll<List>("list", argc, argv);
  RunAll<Lease>("lease", argc, argv);
}
