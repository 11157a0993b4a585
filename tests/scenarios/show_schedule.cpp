#include "scenarios/show_schedule.hpp"

#include <sstream>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "models/schedule/pipeline_timing.hpp"
#include "scenarios/error.hpp"
#include "scenarios/schedule_picture.hpp"
#include "tests/catch.hpp"

namespace moesim {
namespace {

std::vector<std::string> picture(const PipelineSpec& spec, std::int64_t forward, std::int64_t gradient,
                                 std::int64_t hand_over) {
  const PipelineSchedule schedule = make_pipeline_schedule(spec);
  PipelineDurations durations;
  durations.work = [&](WorkKind kind, int, int) {
    return Picoseconds{kind == WorkKind::forward ? forward : kind == WorkKind::backward ? 2 * gradient : gradient};
  };
  durations.hand_over = [&](int, int) { return Picoseconds{hand_over}; };
  return schedule_picture(schedule, time_pipeline(schedule, durations));
}

TEST_CASE("the picture of two ranks is the one drawn by hand", "[schedule]") {
  CHECK(picture({PipelineKind::one_f_one_b, 2, 3, 1}, 10, 10, 0) ==
        std::vector<std::string>{"F0F1....B0--F2B1--..B2--", "..F0B0--F1B1--F2B2--...."});
  CHECK(picture({PipelineKind::zero_bubble_h1, 2, 2, 1}, 10, 10, 0) ==
        std::vector<std::string>{"F0F1..I0W0I1W1", "..F0I0F1I1W0W1"});
  CHECK(picture({PipelineKind::dualpipe, 2, 4, 2}, 10, 10, 0) ==
        std::vector<std::string>{"F0f2F1b2--f3+B0-b3--I1W1", "f2F0f3B0--F1+b2-B1--i3w3"});
}

TEST_CASE("times that share no unit are rounded to columns that hold every name", "[schedule]") {
  for (const std::int64_t hand_over : {0, 13}) {
    const auto lines = picture({PipelineKind::one_f_one_b, 3, 12, 1}, 1009, 1511, hand_over);
    REQUIRE(lines.size() == 3);
    for (const std::string& line : lines) {
      CHECK(line.size() == lines[0].size());
      for (int m = 0; m < 12; ++m) {
        CHECK_THAT(line, ContainsSubstring("F" + std::to_string(m)));
        CHECK_THAT(line, ContainsSubstring("B" + std::to_string(m)));
      }
    }
  }
}

TEST_CASE("what takes no time is not shown, and what is too wide neither", "[schedule]") {
  CHECK(picture({PipelineKind::one_f_one_b, 2, 2, 1}, 0, 10, 0) == std::vector<std::string>{"..B0B1", "B0B1.."});
  CHECK(picture({PipelineKind::one_f_one_b, 2, 2, 1}, 0, 0, 0) == std::vector<std::string>{"", ""});
  CHECK(picture({PipelineKind::one_f_one_b, 2, 2000, 1}, 10, 10, 0).empty());
}

TEST_CASE("chunks beyond two have their number", "[schedule]") {
  const auto lines = picture({PipelineKind::interleaved, 2, 2, 3}, 10, 10, 0);
  CHECK(lines[0].substr(0, 24) == "F0.0F1.0F0.1F1.1F0.2F1.2");
}

TEST_CASE("show schedule says what the schedule's own numbers are", "[schedule][show]") {
  ScheduleQuestion question;
  question.name = "dualpipe";
  question.ranks = 8;
  question.micro_batches = 20;
  const auto json = nlohmann::json::parse(show_schedule(question).json());
  // (PP/2 - 1)(F&B + B - 3W) = 3 (3 + 2 - 3) beside 20 x 3 of work; PP + 1 in flight.
  CHECK(json["time_us"] == 66);
  CHECK(json["least_time_us"] == 66);
  CHECK(json["bubble_share"].get<double>() == Approx(6.0 / 66));
  CHECK(json["micro_batches_in_flight"] == 9);
  CHECK(json["layers_copies"] == 2);
  CHECK(json["by_rank"].size() == 8);
  CHECK(json["by_rank"][0]["slots"][0]["work"] == "forward");
}

TEST_CASE("chunks take their part of a rank's times", "[schedule][show]") {
  // The bubble of interleaved falls with v, its work does not change.
  ScheduleQuestion question;
  question.name = "interleaved";
  question.chunks = 4;
  const auto json = nlohmann::json::parse(show_schedule(question).json());
  CHECK(json["time_us"].get<double>() == Approx(8 * 3 + 3 * 3 / 4.0));
  CHECK(json["micro_batches_in_flight"].get<double>() == Approx((4 * 4 + 4 - 1) / 4.0));
}

TEST_CASE("without a name show schedule compares all, and says why one is impossible", "[schedule][show]") {
  ScheduleQuestion question;
  question.micro_batches = 10;
  const auto json = nlohmann::json::parse(show_schedule(question).json());
  CHECK(json.size() == pipeline_kind_names().size());
  CHECK_THAT(json["interleaved"]["impossible"].get<std::string>(), ContainsSubstring("8 or 12"));
  CHECK(json["1f1b"]["time_us"] == 10 * 3 + 3 * 3);
  CHECK_THAT(show_schedule(question).text({}), ContainsSubstring("8 or 12"));
}

TEST_CASE("show schedule refuses what does not fit", "[schedule][show]") {
  const auto refuse = [](const ScheduleQuestion& question, const std::string& reason) {
    CHECK_THROWS_WITH(show_schedule(question), ContainsSubstring(reason));
    CHECK_THROWS_AS(show_schedule(question), InputError);
  };
  ScheduleQuestion question;
  question.name = "dualpip";
  refuse(question, "did you mean \"dualpipe\"?");
  question.name = "dualpipe";
  question.ranks = 3;
  refuse(question, "even number of ranks");
  question.ranks = 4;
  question.chunks = 3;
  refuse(question, "--chunks");
  question.chunks.reset();
  question.weight_us = 2.5;
  refuse(question, "--weight");
  question = {};
  question.name = "1f1b";
  question.forward_us = 1e9;
  question.micro_batches = 1 << 20;
  refuse(question, "106 days");
}

}  // namespace
}  // namespace moesim
