#include "scenarios/show_cards.hpp"

#include <filesystem>
#include <set>
#include <string>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "scenarios/error.hpp"
#include "scenarios/json_reader.hpp"
#include "scenarios/schema.hpp"
#include "tests/catch.hpp"
#include "topologies/topology_kind.hpp"

namespace moesim {
namespace {

TEST_CASE("show model has the keys that other tools read", "[show]") {
  const auto json = nlohmann::json::parse(show_model("deepseek-v3", 4096).json());
  CHECK(json["total_params"] == 671'026'419'200);  // Hugging Face's count without multi-token prediction.
  CHECK(json["active_params"].get<double>() ==
        Approx(37e9).epsilon(0.02));  // Published rounded; both embeddings count.
  for (const char* key :
       {"forward_flops_per_token", "training_flops_per_token", "kv_bytes_per_token", "weight_bytes"}) {
    CAPTURE(key);
    CHECK(json.contains(key));
  }
  // (512 latent + 64 rope) elements a layer in bf16, 61 layers.
  CHECK(json["kv_bytes_per_token"] == (512 + 64) * 2 * 61);
}

TEST_CASE("show tells the whole catalog, and refuses what is not in it with the nearest name", "[show]") {
  const auto models = nlohmann::json::parse(show_models(4096).json());
  CHECK(models.contains("gshard-600b"));
  CHECK(nlohmann::json::parse(show_gpus().json()).contains("mi300x"));
  CHECK(nlohmann::json::parse(show_clusters().json())["h800-ib"]["ranks"] == 64);
  CHECK_THAT(show_gpus().text({}), ContainsSubstring("h800"));
  CHECK_THROWS_WITH(show_gpu("h-100"), ContainsSubstring("did you mean \"h100\"?"));
  CHECK_THROWS_WITH(show_cluster("h800_ib"), ContainsSubstring("did you mean \"h800-ib\"?"));
  CHECK_THROWS_WITH(show_model("gpt-4", 1), ContainsSubstring("gpt-4"));
  CHECK_THROWS_AS(show_model("./no/such.json", 1), InputError);
}

TEST_CASE("the cluster schema knows the kinds of topologies that there are", "[schema]") {
  std::set<std::string> known;
  for (const TopologyKind& kind : topology_kinds()) known.emplace(kind.name);
  const auto schema = nlohmann::json::parse(schema_text("cluster"));
  CHECK(schema["properties"]["kind"]["enum"].get<std::set<std::string>>() == known);
}

TEST_CASE("every reference in a schema leads somewhere", "[schema]") {
  for (const std::string_view name : schema_names()) {
    const std::string text = schema_text(std::string(name));
    const auto schema = nlohmann::json::parse(text);
    for (std::size_t at = 0; (at = text.find("\"$ref\": \"#", at)) != std::string::npos; ++at) {
      const std::size_t begin = at + 10;
      const nlohmann::json::json_pointer pointer(text.substr(begin, text.find('"', begin) - begin));
      CAPTURE(name, pointer.to_string());
      CHECK(schema.contains(pointer));
    }
  }
  CHECK_THROWS_WITH(schema_text("scenari"), ContainsSubstring("did you mean \"scenario\"?"));
}

}  // namespace
}  // namespace moesim
