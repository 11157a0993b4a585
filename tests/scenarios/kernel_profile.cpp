#include <functional>
#include <set>

#include <nlohmann/json.hpp>

#include "scenarios/card_source.hpp"
#include "scenarios/error.hpp"
#include "scenarios/kernel_profile_json.hpp"
#include "tests/catch.hpp"
#include "tests/scenarios/temporary_folder.hpp"

namespace moesim {
namespace {

using nlohmann::json;

json good() { return json::parse(kernel_profile_json(catalog_kernel_profile("h100")).dump()); }

std::string read_error(const json& value) {
  try {
    read_kernel_profile(JsonReader(value, "mine.json"));
  } catch (const InputError& error) {
    return error.what();
  }
  return "accepted";
}

struct Row {
  const char* what;
  std::function<void(json&)> spoil;
  std::string where;  // What the message begins with, behind the file.
  std::string found;  // And contains.
};

const std::vector<Row>& table() {
  static const std::vector<Row> kRows = {
      {"an unknown family", [](json& p) { p["fits"][0]["family"] = "gem"; },
       "/fits/0/family: ", "did you mean \"gemm\"?"},
      {"a constant too few", [](json& p) { p["fits"][1]["constants"].erase("tile_us"); },
       "/fits/1/constants/tile_us: ", "found nothing"},
      {"a constant too many", [](json& p) { p["fits"][0]["constants"]["tile_use"] = 1; },
       "/fits/0/constants/tile_use: ", "did you mean \"tile_us\"?"},
      {"a constant too large", [](json& p) { p["fits"][0]["constants"]["peak_fraction"] = 1.5; },
       "/fits/0/constants/peak_fraction: ", "found 1.5"},
      {"a constant below 0", [](json& p) { p["fits"][0]["constants"]["launch_us"] = -1; },
       "/fits/0/constants/launch_us: ", "found -1"},
      {"a constant in words", [](json& p) { p["fits"][0]["constants"]["launch_us"] = "3 us"; },
       "/fits/0/constants/launch_us: ", "\"3 us\""},
      {"a range of one end", [](json& p) { p["fits"][0]["measured"]["m"] = {1}; },
       "/fits/0/measured/m: ", "the smallest and the largest"},
      {"a range of three ends",
       [](json& p) {
         p["fits"][0]["measured"]["m"] = {1, 2, 3};
       },
       "/fits/0/measured/m: ", "the smallest and the largest"},
      {"a range turned round",
       [](json& p) {
         p["fits"][0]["measured"]["m"] = {2, 1};
       },
       "/fits/0/measured/m: ", "the smallest and the largest"},
      {"a fit twice", [](json& p) { p["fits"][2] = p["fits"][0]; }, "/fits/2/family: ", "twice"},
      {"an unknown key", [](json& p) { p["fits"][0]["libary"] = "x"; },
       "/fits/0/libary: ", "did you mean \"library\"?"},
      {"no library", [](json& p) { p["fits"][0].erase("library"); }, "/fits/0/library: ", "found nothing"},
      {"a library without a name", [](json& p) { p["fits"][0]["library"] = ""; }, "/fits/0/library: ", "plain text"},
      {"a line break in the origin", [](json& p) { p["origin"] = "a\nb"; }, "/origin: ", "a\\nb"},
      {"no GPU", [](json& p) { p.erase("gpu"); }, "/gpu: ", "found nothing"},
      {"a share above 1", [](json& p) { p["fits"][0]["fit"]["held_out_fraction"] = 30; },
       "/fits/0/fit/held_out_fraction: ", "found 30"},
      {"fits that are no list", [](json& p) { p["fits"] = "all"; }, "/fits: ", "\"all\""},
      {"a schema of the future", [](json& p) { p["schema"] = 2; }, "/schema: ", "found 2"},
  };
  return kRows;
}

}  // namespace

TEST_CASE("every shipped profile reads back as it was written", "[profile]") {
  const auto names = kernel_profile_names();
  CHECK(names.size() >= 3);
  for (const std::string_view name : names) {
    CAPTURE(name);
    const KernelProfile profile = catalog_kernel_profile(name);
    CHECK(profile.name == name);
    const json written = json::parse(kernel_profile_json(profile).dump());
    const KernelProfile again = read_kernel_profile(JsonReader(written, "again"));
    CHECK(kernel_profile_json(again).dump() == kernel_profile_json(profile).dump());
    REQUIRE(again.fits.size() == profile.fits.size());
    for (std::size_t i = 0; i < again.fits.size(); ++i) {
      CHECK(again.fits[i].constants == profile.fits[i].constants);
      CHECK(again.fits[i].ranges == profile.fits[i].ranges);
    }
  }
}

TEST_CASE("the shipped profiles' families have all their constants in their ranges", "[profile]") {
  // Reading has checked the shipped ones; this checks that the tables themselves make sense.
  for (const KernelFamilyInfo& family : kernel_families()) {
    std::set<std::string_view> names;
    for (const ConstantInfo& each : family.constants) {
      CAPTURE(family.name, each.name);
      CHECK(names.insert(each.name).second);
      CHECK(each.min <= each.start);
      CHECK(each.start <= each.max);
      CHECK_FALSE(each.meaning.empty());
    }
  }
}

TEST_CASE("a bad profile is refused with file, pointer and what was found", "[profile]") {
  REQUIRE(read_error(good()) == "accepted");
  for (const Row& row : table()) {
    CAPTURE(row.what);
    json profile = good();
    row.spoil(profile);
    const std::string message = read_error(profile);
    CAPTURE(message);
    CHECK(message.rfind("mine.json: " + row.where, 0) == 0);
    CHECK_THAT(message, ContainsSubstring(row.found));
  }
}

TEST_CASE("a profile is a name, a path, or a card with keys replaced", "[profile]") {
  const TemporaryFolder folder;
  json mine = good();
  mine["name"] = "mine";
  const std::string path = folder.write("mine.json", mine.dump());
  CHECK(read_profile_source("h200", "here", "/profile").card.name == "h200");
  CHECK(read_profile_source(path, "here", "/profile").card.name == "mine");
  const auto patched = read_profile_source({{"card", path}, {"gpu", "h800"}}, "here", "/profile");
  CHECK(patched.card.gpu == "h800");
  CHECK(patched.card.fits.size() == mine["fits"].size());
  CHECK_THROWS_WITH(read_profile_source("h20", "here", "/profile"),
                    ContainsSubstring("here: /profile: found \"h20\"") && ContainsSubstring("\"h200\""));
  CHECK_THROWS_WITH(read_profile_source(folder / "none.json", "here", "/profile"),
                    ContainsSubstring("none.json") && ContainsSubstring("named by here: /profile"));
}

TEST_CASE("a fit is found by family, precision and, where told, library", "[profile]") {
  const KernelProfile profile = catalog_kernel_profile("h100");
  for (const KernelFit& fit : profile.fits) CHECK(profile.find(fit.family, fit.precision, fit.library) == &fit);
  CHECK(profile.find("gemm", "bf16") == &profile.fits.front());
  CHECK(profile.find("gemm", "fp64") == nullptr);
  CHECK(profile.find("gemm", "bf16", "cublas-0") == nullptr);
}

}  // namespace moesim
