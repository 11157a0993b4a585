#include <sstream>
#include <string>

#include <nlohmann/json.hpp>

#include "scenarios/error.hpp"
#include "scenarios/json_reader.hpp"
#include "scenarios/json_text.hpp"
#include "scenarios/output_file.hpp"
#include "scenarios/report_text.hpp"
#include "scenarios/result_json.hpp"
#include "scenarios/run.hpp"
#include "scenarios/scenario_json.hpp"
#include "scenarios/text_file.hpp"
#include "scenarios/trace_json.hpp"
#include "tests/catch.hpp"
#include "tests/scenarios/temporary_folder.hpp"

namespace moesim {
namespace {

RunResult made_up_result() {
  const std::string text = R"({"schema": 1, "name": "made up", "model": "mixtral-8x7b", "cluster": "h100-node",
      "workload": {"kind": "moe_layer", "tokens_per_rank": 100}, "seed": 9})";
  RunResult result;
  result.scenario = parse_scenario(parse_json(text, "test"), "test");
  result.time = {1'234'567'891};
  result.tokens = 800;
  result.mfu = 0.25;
  result.events = 42;
  result.wall_s = 0.5;
  result.breakdown = {{"gate", {234'567'890}}, {"experts", {1'000'000'001}}};
  result.exposed_communication = Picoseconds{1};
  result.dispatch = ExchangeTraffic{.copies = 1400,
                                    .elements_remote = 5734400,
                                    .elements_closed_form = 5734400,
                                    .bytes_scale_up = {11468800},
                                    .bytes_scale_out = {0}};
  result.load = LoadResult{};
  result.memory = MemoryResult{.weights = {70}, .activations = {20}, .buffers = {10}, .capacity = {99}};
  result.links = {{"a", {5}, 0.5}, {"b", {4}, 0.25}};
  result.caveats = {{"made_up", "Nothing of this was computed."}};
  return result;
}

TEST_CASE("a result's JSON has the design's keys in their order, and times with their picoseconds", "[result]") {
  const nlohmann::ordered_json json = result_json(made_up_result());
  std::vector<std::string> keys;
  for (const auto& item : json.items()) keys.push_back(item.key());
  CHECK(keys == std::vector<std::string>{"schema", "version", "scenario", "seed", "time_us", "tokens", "tokens_per_s",
                                         "tokens_per_s_per_gpu", "mfu", "events", "wall_s", "breakdown_us",
                                         "exposed_communication_us", "traffic", "load", "memory", "links", "caveats"});
  const std::string text = result_text(made_up_result());
  CHECK_THAT(text, ContainsSubstring("\"time_us\": 1234.567891,"));
  CHECK_THAT(text, ContainsSubstring("{\"gate\": 234.56789, \"experts\": 1000.000001}"));
  CHECK_THAT(text, ContainsSubstring("\"exposed_communication_us\": 1e-06"));
  // 800 tokens in 1234.567891 us on 8 GPUs.
  CHECK(json["tokens_per_s"].get<double>() == Approx(800 / 1234.567891e-6));
  CHECK(json["tokens_per_s_per_gpu"].get<double>() == Approx(100 / 1234.567891e-6));
  CHECK(json["memory"]["total_bytes"] == 100);
  CHECK(json["memory"]["fits"] == false);
  CHECK_FALSE(json["memory"].contains("kv_cache_bytes"));
  CHECK_FALSE(json["traffic"].contains("combine"));
  CHECK(text == result_text(made_up_result()));
  CHECK(nlohmann::ordered_json::parse(text) == json);
}

TEST_CASE("picoseconds survive the way through microseconds", "[result]") {
  RunResult result = made_up_result();
  for (const std::int64_t ps :
       {std::int64_t{1}, std::int64_t{999'999}, std::int64_t{1'000'001}, std::int64_t{123'456'789'012'345}}) {
    result.time = {ps};
    const double us = nlohmann::ordered_json::parse(result_text(result))["time_us"].get<double>();
    CHECK(std::llround(us * 1e6) == ps);
  }
}

TEST_CASE("a report is a table of at most 100 columns that shows what the result says", "[result]") {
  const std::string text = report_text(made_up_result());
  for (const char* expected : {"made up", "mixtral-8x7b", "1.235 ms", "81.0 %", "does not fit", "made_up: Nothing"}) {
    CHECK_THAT(text, ContainsSubstring(expected));
  }
  CHECK(text.find('\x1b') == std::string::npos);
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    CAPTURE(line);
    CHECK(line.size() <= 100);
    CHECK((line.empty() || line.back() != ' '));
  }
  CHECK_THAT(report_text(made_up_result(), {.colour = true, .blocks = true}), ContainsSubstring("\x1b[1m"));
}

TEST_CASE("JSON for people is JSON, and short things stand on one line", "[json]") {
  const auto value = nlohmann::ordered_json::parse(R"({"b": [], "a": {"x": [1, 2, "ü\n"], "y": {}}, "long": ")" +
                                                   std::string(120, 'x') + R"(", "nested": [[1, 2], [3]]})");
  const std::string text = pretty_json(value);
  CHECK(nlohmann::ordered_json::parse(text) == value);
  CHECK_THAT(text, ContainsSubstring("  \"b\": [],\n"));
  CHECK_THAT(text, ContainsSubstring("    [1, 2],\n    [3]\n"));
}

TEST_CASE("a trace is Trace Event JSON: positive ids, exact times, arrows in pairs", "[trace]") {
  Trace trace;
  const ProcessId node = trace.add_process("node \"0\"", 5);
  const LaneId gpu = trace.add_lane(node, "gpu0 compute", 1);
  const LaneId link = trace.add_lane(node, "gpu0 tx", 2);
  trace.add_slice(gpu, trace.intern("gate"), {0}, {1'500'000'001});
  trace.add_slice(link, trace.intern("busy"), {1'500'000'001}, {2'000'000'000},
                  TraceArgument{trace.intern("GB/s"), 12.5});
  trace.add_arrow(gpu, {1'500'000'001}, link, {1'500'000'001});
  trace.add_sample(trace.add_counter(node, "load"), {7}, 0.5);
  trace.sort();
  std::ostringstream out;
  write_trace_json(trace, "a \\ title", out);
  const auto json = nlohmann::json::parse(out.str());
  CHECK(json["otherData"]["scenario"] == "a \\ title");
  std::map<std::string, std::vector<nlohmann::json>> by_kind;
  for (const auto& event : json["traceEvents"]) {
    by_kind[event["ph"].get<std::string>()].push_back(event);
    CHECK(event["pid"] == 1);
  }
  CHECK(by_kind["M"].size() == 6);
  REQUIRE(by_kind["X"].size() == 2);
  CHECK(by_kind["X"][0]["name"] == "gate");
  CHECK_THAT(out.str(), ContainsSubstring("\"ts\":0.000000,\"dur\":1500.000001"));
  CHECK_THAT(out.str(), ContainsSubstring("\"ts\":1500.000001,\"dur\":499.999999,\"args\":{\"GB/s\":12.5}"));
  REQUIRE(by_kind["s"].size() == 1);
  REQUIRE(by_kind["f"].size() == 1);
  CHECK(by_kind["s"][0]["id"] == by_kind["f"][0]["id"]);
  CHECK(by_kind["f"][0]["bp"] == "e");
  CHECK(by_kind["C"][0]["args"]["value"] == 0.5);
}

TEST_CASE("of very many arrows a sample is written", "[trace]") {
  Trace trace;
  const LaneId lane = trace.add_lane(trace.add_process("p", 0), "l", 0);
  for (std::int64_t i = 0; i < 50'000; ++i) trace.add_arrow(lane, {i}, lane, {i + 1});
  trace.sort();
  std::ostringstream out;
  write_trace_json(trace, "", out);
  std::size_t starts = 0;
  const auto json = nlohmann::json::parse(out.str());
  for (const auto& event : json["traceEvents"]) starts += event["ph"] == "s" ? 1 : 0;
  CHECK(starts <= kMaxTraceArrows);
  CHECK(starts >= kMaxTraceArrows / 2);
}

TEST_CASE("a file appears whole or not at all", "[output]") {
  const TemporaryFolder folder;
  {
    OutputFile file(folder / "out.json");
    CHECK(folder.entries() == 0);
    file.write([](std::ostream& out) { out << "text"; });
    CHECK_FALSE(std::filesystem::exists(folder / "out.json"));
    file.commit();
  }
  CHECK(read_text_file(folder / "out.json") == "text");
  {
    OutputFile file(folder / "out.json");
    CHECK_THROWS(file.write([](std::ostream& out) {
      out << "half";
      throw std::runtime_error("stop");
    }));
  }
  CHECK(read_text_file(folder / "out.json") == "text");
  CHECK(folder.entries() == 1);
  CHECK_THROWS_AS(OutputFile(folder / "absent/out.json"), InputError);
  CHECK_THROWS_AS(OutputFile(folder / "."), InputError);
  CHECK_THROWS_AS(OutputFile(""), InputError);
}

TEST_CASE("a link to a file stays a link, and a device is written straight through", "[output]") {
  const TemporaryFolder folder;
  folder.write("real.json", "old");
  std::filesystem::create_symlink(folder / "real.json", folder / "link.json");
  OutputFile file(folder / "link.json");
  file.write([](std::ostream& out) { out << "new"; });
  file.commit();
  CHECK(std::filesystem::is_symlink(folder / "link.json"));
  CHECK(read_text_file(folder / "real.json") == "new");
  OutputFile null("/dev/null");
  null.write([](std::ostream& out) { out << "gone"; });
  null.commit();
  CHECK_FALSE(std::filesystem::is_regular_file("/dev/null"));
}

}  // namespace
}  // namespace moesim
