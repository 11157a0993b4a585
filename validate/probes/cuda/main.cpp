// moesim-probe: host/options.hpp says what it does.
#include <atomic>
#include <csignal>
#include <cstdio>
#include <exception>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "scenarios/error.hpp"
#include "scenarios/output_file.hpp"
#include "scenarios/version.hpp"
#include "validate/probes/cuda/device_bench.hpp"
#include "validate/probes/host/journal.hpp"
#include "validate/probes/host/options.hpp"
#include "validate/probes/host/plan.hpp"
#include "validate/probes/host/run.hpp"

namespace moesim::probe {
namespace {

enum ExitCode : int { kDone = 0, kError = 1, kBadInput = 2, kNoDevice = 77, kInterrupted = 130 };

constexpr double kQuickBudgetS = 45;  // Points in flight when it ends, start-up and the file come on top.
constexpr double kFullBudgetS = 500;

std::atomic<bool> interrupted{false};
static_assert(std::atomic<bool>::is_always_lock_free);
void on_signal(int signal) {
  interrupted = true;
  std::signal(signal, SIG_DFL);  // The second one ends the program at once; the journal stays.
}

// Progress: a terminal that is gone must not end the run.
template <class... Values>
void say(fmt::format_string<Values...> text, Values&&... values) {
  std::fputs(fmt::format(text, std::forward<Values>(values)...).c_str(), stderr);
}

void write_file(OutputFile& output, const ProbeFile& file) {
  output.write([&](std::ostream& out) { out << probe_file_json(file); });
  output.commit();
}

int list(const Options& options) {
  for (const PlannedPoint& point : make_plan(options.quick, options.seed, 1, options.only)) {
    fmt::print("{:<13} {:<72} {:<18} {}\n", family(point.what.kernel), point.what.text(), point.model,
               fmt::join(point.caches, ", "));
  }
  return kDone;
}

int finish(const Options& options) {
  ProbeFile file = recover(*options.finish);
  settle(file, RunRules{});
  OutputFile output(options.output, {*options.finish});
  write_file(output, file);
  say("moesim-probe: {} points of {} written to {}\n", file.points.size(), *options.finish, options.output);
  return kDone;
}

int summary(const ProbeFile& file, const std::string& path) {
  std::size_t measured = 0;
  std::size_t wrong = 0;
  for (const ProbePoint& point : file.points) {
    if (point.status == ProbeStatus::measured) ++measured;
    if (point.status != ProbeStatus::check_failed && point.status != ProbeStatus::failed) continue;
    ++wrong;
    say("moesim-probe: {} ({}): {}\n", point.measurement.text(), name(point.status), point.reason);
  }
  say("moesim-probe: {} of {} points measured, written to {}\n", measured, file.points.size(), path);
  if (file.state == "interrupted") return kInterrupted;
  return wrong == 0 ? kDone : kError;
}

int measure(const Options& options, std::vector<std::string> command_line) {
  std::string why;
  const int devices = device_count(why);
  if (devices == 0) {
    say("moesim-probe: no GPU to measure: {}\n", why);
    return kNoDevice;
  }
  if (options.device >= devices) {
    throw InputError(
        fmt::format("--device: found {}, expected one of {} devices, counted from 0", options.device, devices));
  }
  OutputFile output(options.output);
  ProbeFile file;
  file.version = version();
  file.command_line = std::move(command_line);
  file.seed = options.seed;
  file.mode = options.quick ? "quick" : "full";
  file.state = "interrupted";  // Until it is not.
  double empty_launch_us = 0;
  const auto bench = make_device_bench(options.device, empty_launch_us);
  const double start_s = bench->now_s();
  file.device = describe_device(options.device);
  file.device.empty_launch_us = empty_launch_us;
  Journal journal(options.output + ".partial", file);

  RunRules rules;
  rules.budget_s = options.quick ? kQuickBudgetS : kFullBudgetS;
  RunHooks hooks;
  std::string record_error;
  hooks.interrupted = [] { return interrupted.load(); };
  hooks.record = [&](const ProbePoint& point, std::size_t done, std::size_t all) {
    journal.append(point);
    const Measurement& what = point.measurement;
    say("[{:>4}/{}] {:>3.0f} s  {} {}: {}\n", done, all, bench->now_s() - start_s, what.text(), what.cache,
        point.status == ProbeStatus::measured ? fmt::format("{:.2f} us", what.time_us) : name(point.status));
  };
  hooks.record_failed = [&](const std::string& error) {
    record_error = error;
    say("moesim-probe: {}; the run goes on without it\n", error);
  };
  std::signal(SIGINT, on_signal);
  std::signal(SIGTERM, on_signal);
  if (std::signal(SIGHUP, on_signal) == SIG_IGN) std::signal(SIGHUP, SIG_IGN);  // nohup
  const std::vector<PlannedPoint> plan = make_plan(options.quick, options.seed, devices, options.only);
  file.points = run_plan(plan, *bench, static_cast<std::uint64_t>(options.seed), start_s, rules, hooks);
  if (!interrupted) file.state = "complete";
  settle(file, rules);
  write_file(output, file);
  journal.remove();
  const int code = summary(file, options.output);
  if (record_error.empty()) return code;
  say("moesim-probe: {}\n", record_error);
  return kError;
}

int run(int argc, char** argv) {
  const std::vector<std::string> command_line(argv, argv + argc);
  try {
    const Options options = parse_options(std::span(command_line).subspan(argc > 0 ? 1 : 0));
    if (options.help) {
      fmt::print("{}", kUsage);
      return kDone;
    }
    if (options.list) return list(options);
    if (options.finish) return finish(options);
    return measure(options, command_line);
  } catch (const InputError& error) {
    say("moesim-probe: {}\n", error.what());
    return kBadInput;
  } catch (const std::exception& error) {
    say("moesim-probe: {}\n", error.what());
    return kError;
  }
}

}  // namespace
}  // namespace moesim::probe

int main(int argc, char** argv) { return moesim::probe::run(argc, argv); }
