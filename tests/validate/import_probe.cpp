#include "scenarios/error.hpp"
#include "tests/catch.hpp"
#include "tests/validate/imports.hpp"
#include "validate/probe_file.hpp"

namespace moesim {
namespace {

using Lines = std::vector<std::string>;

ProbePoint point(std::int64_t tokens, ProbeStatus status, const std::string& reason) {
  ProbePoint result;
  result.measurement.kernel = MeasuredKernel::histogram;
  result.measurement.library = "moesim-probe";
  result.measurement.parameters = {{"tokens", tokens}, {"experts", 256}, {"top_k", 8}};
  result.measurement.load = "balanced";
  result.measurement.cache = "cold";
  result.status = status;
  result.reason = reason;
  if (status == ProbeStatus::measured) {
    result.measurement.time_us = 4.5;
    result.measurement.p10_us = 4.25;
    result.measurement.p90_us = 5;
    result.samples_us = {4.25, 4.5, 5};
    result.stopped = "spread";
  }
  return result;
}

ProbeFile probe_file() {
  ProbeFile file;
  file.version = "0.1.0";
  file.command_line = {"moesim-probe", "--quick"};
  file.mode = "quick";
  file.state = "interrupted";
  file.device.name = "NVIDIA H100 80GB HBM3";
  file.device.compute_capability = "9.0";
  file.device.versions = {{"driver", "580.95"}};
  file.points = {point(1, ProbeStatus::measured, ""), point(2, ProbeStatus::check_failed, "an error of 0.5"),
                 point(4, ProbeStatus::no_time, "")};
  return file;
}

TEST_CASE("probe: what was measured, and by name what was not", "[import]") {
  const ImportResult result = import_text(probe_file_json(probe_file()), {}, "p.json");
  CHECK(rows_of(result) == Lines{"histogram tokens=1 experts=256 top_k=8 balanced cold: 4.5 us"});
  CHECK(result.set.rows[0].p10_us == 4.25);
  CHECK(result.set.rows[0].p90_us == 5);
  CHECK(result.set.about.at("device") == "NVIDIA H100 80GB HBM3");
  CHECK(result.set.about.at("version driver") == "580.95");
  CHECK(left_out(result) ==
        Lines{"p.json: /points/1: histogram tokens=2 experts=256 top_k=8 balanced cold: check_failed: an error of 0.5",
              "p.json: /points/2: histogram tokens=4 experts=256 top_k=8 balanced cold: no_time"});
}

TEST_CASE("probe: the rate that a stream reached counts, and a host that was too slow is a reason", "[import]") {
  ProbeFile file = probe_file();
  file.points = {point(1, ProbeStatus::measured, ""), point(2, ProbeStatus::measured, "")};
  file.points[0].observed = {{"host_bound_samples", 2}};
  Measurement& row = file.points[1].measurement;
  row.kernel = MeasuredKernel::contention;
  row.dtype = "bf16";
  row.parameters = {{"groups", 8}, {"rows", 64}, {"n", 128}, {"k", 256}, {"sms_held", 16}, {"stream_gb_per_s", 800}};
  file.points[1].observed = {{"stream_gb_per_s", 612.6}};
  const ImportResult result = import_text(probe_file_json(file), {}, "p.json");
  REQUIRE(result.set.rows.size() == 1);
  CHECK(result.set.rows[0].parameter("stream_gb_per_s") == 613);
  CHECK(left_out(result) == Lines{"p.json: /points/0: histogram tokens=1 experts=256 top_k=8 balanced cold: "
                                  "host_bound: the host was slower than the device in 2 of 3 samples"});

  file.points[1].observed.clear();
  CHECK(import_text(probe_file_json(file), {}, "p.json").set.rows[0].parameter("stream_gb_per_s") == 800);
}

TEST_CASE("probe: half a file is an error that names its place", "[import]") {
  const std::string text = probe_file_json(probe_file());
  CHECK_THROWS_WITH(import_text(text.substr(0, text.size() / 2), {}, "p.json"), ContainsSubstring("p.json:"));
  CHECK_THROWS_AS(import_text(text.substr(0, text.size() / 2)), InputError);
}

}  // namespace
}  // namespace moesim
