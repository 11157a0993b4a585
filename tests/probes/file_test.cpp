#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <nlohmann/json.hpp>

#include "scenarios/error.hpp"
#include "tests/catch.hpp"
#include "tests/probes/fake_bench.hpp"
#include "validate/probes/host/journal.hpp"
#include "validate/probes/host/options.hpp"
#include "validate/probes/host/run.hpp"

using namespace moesim;
using namespace moesim::probe;

namespace {

// One point of each family and fate.
ProbeFile fake_file() {
  FakeBench bench;
  bench.on_prepare = [&](const PlannedPoint& point) {
    const std::string_view kind = family(point.what.kernel);
    bench.sample_us = 10.0 * static_cast<double>(bench.prepared);
    if (kind == "collective") throw Unsupported("one device: a collective needs two");
  };
  bench.check = [](const PlannedPoint& point) {
    return ProbeCheck{point.what.kernel == MeasuredKernel::triad ? 0.25 : 0.001, 0.005};
  };
  std::vector<PlannedPoint> plan;
  for (const std::string_view kind : kFamilies) {
    const auto points = make_plan(true, 1, 1, kind);
    plan.push_back(points.front());
    if (kind == "memory" || kind == "grouped_gemm") plan.push_back(points.back());
  }
  ProbeFile file = fake_header();
  file.points = run_plan(plan, bench, 1, bench.now_s(), {}, {});
  settle(file, {});
  return file;
}

std::string read(const std::filesystem::path& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

struct Scratch {
  Scratch() : path(std::filesystem::temp_directory_path() / "moesim-probe-test") {
    std::filesystem::remove_all(path);
    std::filesystem::create_directories(path);
  }
  ~Scratch() { std::filesystem::remove_all(path); }
  std::filesystem::path path;
};

Options options(std::vector<std::string> arguments) { return parse_options(arguments); }

}  // namespace

TEST_CASE("a file reads back as it was written", "[probe]") {
  const std::string text = probe_file_json(fake_file());
  CHECK(probe_file_json(parse_probe_file(text, "probe.json")) == text);
}

TEST_CASE("the golden file is what the clockwork makes", "[probe][golden]") {
  const std::string path = MOESIM_SOURCE "/tests/probes/golden.json";
  const std::string text = probe_file_json(fake_file());
  if (std::getenv("MOESIM_BLESS")) std::ofstream(path) << text;
  CHECK(read(path) == text);
}

TEST_CASE("only measured points become measurements", "[probe]") {
  const ProbeFile file = fake_file();
  const MeasurementSet set = measurements(file);
  std::size_t measured = 0;
  for (const ProbePoint& point : file.points) measured += point.status == ProbeStatus::measured ? 1 : 0;
  CHECK(set.rows.size() == measured);
  CHECK(measured > 0);
  CHECK(measured < file.points.size());
  CHECK(set.about.at("device") == "Fake GPU");
  for (const Measurement& row : set.rows) {
    CHECK(row.time_us > 0);
    CHECK(row.p10_us.value() <= row.time_us);
    CHECK(row.p90_us.value() >= row.time_us);
  }
}

TEST_CASE("an error that is no number survives the file as one", "[probe]") {
  ProbeFile file = fake_header();
  ProbePoint point = fake_file().points.front();
  point.status = ProbeStatus::check_failed;
  point.samples_us.clear();
  point.clocks_mhz.clear();
  point.check = ProbeCheck{std::nan(""), 0.5};
  file.points = {point};
  const ProbeFile back = parse_probe_file(probe_file_json(file), "probe.json");
  CHECK(std::isnan(back.points[0].check->error));
  CHECK_FALSE(back.points[0].check->passed());
}

TEST_CASE("what moesim-probe does not write is refused by name", "[probe]") {
  const std::string text = probe_file_json(fake_file());
  const auto refuse = [&](const std::string& from, const std::string& to, const std::string& complaint) {
    std::string changed = text;
    const auto at = changed.find(from);
    REQUIRE(at != std::string::npos);
    changed.replace(at, from.size(), to);
    CAPTURE(from, to);
    CHECK_THROWS_WITH(parse_probe_file(changed, "probe.json"), ContainsSubstring(complaint));
  };
  refuse("\"schema\": 1", "\"schema\": 2", "/schema");
  refuse("moesim-probe", "moesim-prob", "/kind");
  refuse("\"kernel\":\"gate_", "\"kernel\":\"goat_", "/points/0/kernel");
  refuse("\"tokens\":", "\"token\":", "/points/0/parameters");
  refuse("\"status\":\"measured\"", "\"status\":\"good\"", "/points/0/status");
  refuse("\"clocks_mhz\":[", "\"clocks_mhz\":[1980.0,", "one for each");
  refuse("\"error\":0.001", "\"error\":0.9", "/points/0/check");
}

TEST_CASE("a journal cut anywhere gives back the points that were whole", "[probe]") {
  const Scratch scratch;
  const ProbeFile file = fake_file();
  const std::string path = scratch.path / "x.json.partial";
  {
    Journal journal(path, file);
    for (const ProbePoint& point : file.points) journal.append(point);
  }
  const std::string whole = read(path);
  const std::string header = whole.substr(0, whole.find('\n') + 1);
  std::size_t most = 0;
  for (std::size_t cut = header.size(); cut <= whole.size(); cut += 97) {
    std::ofstream(path) << whole.substr(0, cut);
    const ProbeFile found = recover(path);
    CHECK(found.state == "recovered");
    REQUIRE(found.points.size() <= file.points.size());
    for (std::size_t i = 0; i < found.points.size(); ++i) {
      CHECK(probe_point_json(found.points[i]) == probe_point_json(file.points[i]));
    }
    most = std::max(most, found.points.size());
  }
  CHECK(most + 1 >= file.points.size());
  std::ofstream(path) << header.substr(0, 10);
  CHECK_THROWS_AS(recover(path), InputError);
}

TEST_CASE("each point is in the journal before the next one starts", "[probe]") {
  const Scratch scratch;
  const std::string path = scratch.path / "x.json.partial";
  FakeBench bench;
  Journal journal(path, fake_header());
  std::int64_t lines = 0;
  bench.on_prepare = [&](const PlannedPoint&) {
    const std::string text = read(path);
    lines = std::count(text.begin(), text.end(), '\n');
    CHECK(lines == 1 + 2 * (bench.prepared - 1));
  };
  RunHooks hooks;
  hooks.record = [&](const ProbePoint& point, std::size_t, std::size_t) { journal.append(point); };
  run_plan(make_plan(true, 1, 1, "memory"), bench, 1, bench.now_s(), {}, hooks);
  CHECK(lines > 1);
  journal.remove();
  CHECK_FALSE(std::filesystem::exists(path));
}

TEST_CASE("a journal that cannot be made is a mistake of the user", "[probe]") {
  CHECK_THROWS_AS(Journal("/no/such/folder/x.json.partial", fake_header()), InputError);
}

TEST_CASE("a journal with points of an earlier run is not written over", "[probe]") {
  const Scratch scratch;
  const std::string path = scratch.path / "x.json.partial";
  const ProbeFile file = fake_file();
  { Journal nothing_measured(path, file); }
  { Journal(path, file).append(file.points.front()); }
  const std::string before = read(path);
  CHECK_THROWS_WITH(Journal(path, file), ContainsSubstring("found 1 points") && ContainsSubstring("--finish " + path) &&
                                             ContainsSubstring("delete it"));
  CHECK(read(path) == before);
  std::ofstream(path) << before.substr(0, before.size() - 1);  // A point that was cut off is lost as it is.
  CHECK_NOTHROW(Journal(path, file));
}

TEST_CASE("options", "[probe]") {
  CHECK_FALSE(options({}).quick);
  const Options all = options({"--quick", "--output", "a.json", "--only", "gate", "--seed", "7", "--device", "1"});
  CHECK(all.quick);
  CHECK(all.output == "a.json");
  CHECK(all.only == "gate");
  CHECK(all.seed == 7);
  CHECK(all.device == 1);
  CHECK(options({"--list"}).list);
  CHECK(options({"--finish", "a.partial"}).finish == "a.partial");
  CHECK_THROWS_WITH(options({"--only", "gates"}), ContainsSubstring("gates"));
  CHECK_THROWS_WITH(options({"--seed", "-1"}), ContainsSubstring("--seed"));
  CHECK_THROWS_WITH(options({"--seed", "1x"}), ContainsSubstring("1x"));
  CHECK_THROWS_WITH(options({"--output"}), ContainsSubstring("nothing"));
  CHECK_THROWS_WITH(options({"--quik"}), ContainsSubstring("--quik"));
}
