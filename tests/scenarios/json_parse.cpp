#include <string>

#include <nlohmann/json.hpp>

#include "scenarios/error.hpp"
#include "scenarios/json_reader.hpp"
#include "tests/catch.hpp"

namespace moesim {
namespace {

std::string parse_error(std::string_view text) {
  try {
    parse_json(text, "s.json");
  } catch (const InputError& error) {
    return error.what();
  }
  return "accepted";
}

TEST_CASE("a syntax error is told with its line, its column and the object around it", "[json]") {
  CHECK_THAT(parse_error("{\"a\": 1,}"),
             ContainsSubstring("s.json:1:9: the whole document: found text that is not JSON"));
  CHECK_THAT(parse_error("{\n  \"m\": {\"x\": [1, 2, {\"y\": tru}]}\n}"),
             ContainsSubstring("s.json:2:30: /m/x/2: found"));
  CHECK_THAT(parse_error("{} x"), ContainsSubstring("s.json:1:4"));
  CHECK_THAT(parse_error("{\"a\": 1"), ContainsSubstring("end of input"));
}

TEST_CASE("what the library lets pass is refused", "[json]") {
  CHECK_THAT(parse_error("{\"a\": {\"b\": 1, \"b\": 2}}"), ContainsSubstring("s.json: /a/b: found this key twice"));
  CHECK_THAT(parse_error(std::string("{}\0garbage", 10)),
             ContainsSubstring("s.json:1:3: the whole document: found a NUL"));
  CHECK_THAT(parse_error(""), ContainsSubstring("the text is empty"));
  CHECK_THAT(parse_error(" \n\t"), ContainsSubstring("the text is empty"));
}

TEST_CASE("numbers that are none, and bytes that are no UTF-8", "[json]") {
  for (const char* text : {"NaN", "Infinity", "-Infinity", "nan", "1e999", "-1e999", "0x10", "01", "+1", ".5", "1."}) {
    CAPTURE(text);
    CHECK_THAT(parse_error("{\"a\": " + std::string(text) + "}"), ContainsSubstring("s.json:1:"));
  }
  // Overlong, truncated, surrogate and beyond U+10FFFF; shown as \x.., so that a terminal stays whole.
  for (const char* text : {"\xC0\x80", "\xE2\x82", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xFF"}) {
    const std::string error = parse_error("{\"a\": \"" + std::string(text) + "\"}");
    CHECK_THAT(error, ContainsSubstring("UTF-8"));
    CHECK(error.find_first_of("\xC0\xE2\xED\xF4\xFF") == std::string::npos);
  }
}

TEST_CASE("nesting is refused beyond 100 levels, whatever its depth", "[json]") {
  CHECK(parse_json(std::string(100, '[') + std::string(100, ']'), "s.json").is_array());
  for (const std::size_t depth : {std::size_t{101}, std::size_t{10'000}, std::size_t{10'000'000}}) {
    CHECK_THAT(parse_error(std::string(depth, '[')), ContainsSubstring("more than 100 levels of nesting"));
  }
  std::string objects;
  for (int i = 0; i < 10'000; ++i) objects += "{\"a\":";
  CHECK_THAT(parse_error(objects), ContainsSubstring("/a/a/a"));
}

TEST_CASE("a strict reader names the pointer, what was found and what was expected", "[json]") {
  const nlohmann::json value = parse_json(R"({"n": 1.5, "big": 99999999999999999999, "exact": 1e3, "word": "two_hpo",
      "list": [1, "x"], "none": null, "a/b~c": {"x": 1}, "modle": 1})",
                                          "s.json");
  JsonReader reader(value, "s.json");
  const auto error = [&](auto&& read) {
    try {
      read();
    } catch (const InputError& e) {
      return std::string(e.what());
    }
    return std::string("accepted");
  };
  CHECK(reader.integer("exact", 1, 1000) == 1000);
  CHECK(reader.integer_or("absent", 1, 9, 7) == 7);
  CHECK(reader.integer_or("none", 1, 9, 7) == 7);
  CHECK(error([&] { reader.integer("n", 1, 10); }) == "s.json: /n: found 1.5, expected an integer from 1 to 10");
  CHECK_THAT(error([&] { reader.integer("big", 1, INT64_MAX); }), ContainsSubstring("an integer of at least 1"));
  CHECK_THAT(error([&] { reader.string("none"); }), ContainsSubstring("/none: found null"));
  CHECK_THAT(error([&] { reader.number("absent", 0, 1); }), ContainsSubstring("/absent: found nothing"));
  CHECK_THAT(error([&] { reader.numbers("list", 0, 9); }), ContainsSubstring("/list/1: found \"x\""));
  constexpr std::string_view kWords[] = {"direct", "two_hop"};
  CHECK(error([&] { reader.choice("word", kWords); }) ==
        "s.json: /word: found \"two_hpo\", expected one of direct, two_hop; did you mean \"two_hop\"?");
  CHECK_THAT(error([&] { reader.object("a/b~c").finish(); }),
             ContainsSubstring("s.json: /a~1b~0c/x: found an unknown key"));
  CHECK_FALSE(reader.has("model"));
  CHECK_THAT(error([&] { reader.finish(); }), ContainsSubstring("/modle: found an unknown key"));
  CHECK_THAT(error([&] { reader.finish(); }), ContainsSubstring("did you mean \"model\"?"));
}

TEST_CASE("the nearest name is one slip away, or contains what was typed", "[json]") {
  constexpr std::string_view kNames[] = {"deepseek-v2", "deepseek-v3", "mixtral-8x7b", "t5-xxl"};
  CHECK(nearest_name("deepseek_v3", kNames) == "deepseek-v3");
  CHECK(nearest_name("DeepSeek-V3", kNames) == "deepseek-v3");
  CHECK(nearest_name("depseek-v2", kNames) == "deepseek-v2");
  CHECK(nearest_name("deepseek-3v", kNames) == "deepseek-v3");
  CHECK(nearest_name("mixtral", kNames) == "mixtral-8x7b");
  CHECK_FALSE(nearest_name("qwen", kNames).has_value());
  CHECK_FALSE(nearest_name(std::string(100'000, 'a'), kNames).has_value());
}

}  // namespace
}  // namespace moesim
