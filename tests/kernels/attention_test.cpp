#include <algorithm>
#include <vector>

#include "models/kernels/attention_cost.hpp"
#include "sim/rng.hpp"
#include "tests/catch.hpp"
#include "tests/kernels/devices.hpp"

namespace moesim {
namespace {

constexpr AttentionTypes kBf16{};
constexpr AttentionTypes kFp8Cache{.compute = DataType::bf16, .cache = DataType::fp8};
constexpr double kRelative = 1e-9;  // Of sums of a few doubles.

// Constants that leave nothing but the work itself: the peak, the bandwidth, one pass.
constexpr PrefillConstants kIdealPrefill{.launch_us = 0,
                                         .tile_us = 0,
                                         .peak_fraction = 1,
                                         .exposed_exponentials = 0,
                                         .query_passes = 0,
                                         .key_value_passes = 0};
constexpr GroupedDecodeConstants kIdealGrouped{.launch_us = 7,
                                               .start_us = 0,
                                               .wide_start_us = 0,
                                               .tile_us = 0,
                                               .row_us = 1e-5,
                                               .merge_us = 1.5,
                                               .merge_split_us = 0.25,
                                               .bandwidth_fraction = 0.5};
constexpr PerHeadDecodeConstants kIdealPerHead{.launch_us = 7,
                                               .start_us = 0,
                                               .split_us = 0,
                                               .key_ns = 1e-3,
                                               .bandwidth_fraction = 0.5,
                                               .split_bandwidth_fraction = 0.25};

AttentionShape random_shape(Rng& rng) {
  const std::int64_t widths[] = {64, 128, 192, 256};
  AttentionShape shape;
  shape.batch = 1 + rng.below(rng.below(2) == 0 ? 8 : 300);
  shape.kv_heads = std::int64_t{1} << rng.below(5);
  shape.heads = shape.kv_heads * (std::int64_t{1} << rng.below(7));
  shape.head_dim = widths[rng.below(4)];
  shape.new_tokens = 1 + rng.below(rng.below(2) == 0 ? 200 : 5000);
  shape.cached = rng.below(3) == 0 ? 0 : rng.below(20'000);
  shape.shared = rng.below(static_cast<std::uint32_t>(shape.cached + 1));
  return shape;
}

MlaShape random_latent_shape(Rng& rng) {
  const AttentionShape heads = random_shape(rng);
  return {.batch = heads.batch,
          .heads = std::int64_t{1} << rng.below(8),
          .new_tokens = heads.new_tokens,
          .cached = heads.cached,
          .shared = heads.shared};
}

}  // namespace

TEST_CASE("key blocks are those that an exhaustive walk over tiles and keys meets", "[oracle][attention]") {
  // A tile of queries [first, last] sees the cached keys and the new ones up to its last, in blocks of 64 from the
  // first key; tiles of 128 queries begin at the first new token.
  for (const std::int64_t cached : {0, 1, 63, 64, 65, 1000}) {
    for (const std::int64_t new_tokens : {1, 64, 127, 128, 129, 200, 256, 300, 1024, 1500}) {
      CAPTURE(cached, new_tokens);
      std::int64_t all = 0;
      std::int64_t longest = 0;
      for (std::int64_t first = 0; first < new_tokens; first += 128) {
        const std::int64_t last = std::min(first + 127, new_tokens - 1);
        std::int64_t blocks = 0;
        for (std::int64_t block = 0; block * 64 < cached + new_tokens; ++block) {
          if (block * 64 <= cached + last) ++blocks;
        }
        all += blocks;
        longest = std::max(longest, blocks);
      }
      const KeyBlocks blocks = key_blocks(new_tokens, cached);
      CHECK(blocks.longest == static_cast<double>(longest));
      // Cached keys and full tiles' new ones are rounded to blocks apart: at most one block more for each full tile.
      const double extra = blocks.all - static_cast<double>(all);
      if (cached % 64 == 0) {
        CHECK(extra == 0);
      } else {
        CHECK(extra >= 0);
        CHECK(extra <= static_cast<double>(new_tokens / 128));
      }
    }
  }
}

TEST_CASE("pairs of queries and keys are counted one by one", "[oracle][attention]") {
  for (const std::int64_t cached : {0, 5, 100}) {
    std::int64_t pairs = 0;
    for (std::int64_t query = 1; query <= 50; ++query) {
      pairs += cached + query;
      CHECK(causal_pairs(query, cached) == static_cast<double>(pairs));
    }
  }
}

TEST_CASE("chunks of a prompt cover the same causal area as the prompt at once", "[oracle][attention]") {
  const std::int64_t prompt = 128 * 47;
  for (const std::int64_t chunk : {128, 512, 1280, 128 * 47}) {
    double blocks = 0;
    double flops = 0;
    for (std::int64_t done = 0; done < prompt; done += chunk) {
      const std::int64_t tokens = std::min(chunk, prompt - done);
      blocks += key_blocks(tokens, done).all;
      flops += prefill_time({}, h800(), kBf16, {.heads = 16, .new_tokens = tokens, .cached = done}).flops;
    }
    CHECK(blocks == key_blocks(prompt, 0).all);
    CHECK(flops == prefill_time({}, h800(), kBf16, {.heads = 16, .new_tokens = prompt}).flops);
  }
}

TEST_CASE("a long prefill runs at the peak times its fraction, diagonal blocks whole", "[oracle][attention]") {
  // 100 heads of 12,800 tokens on 100 multiprocessors of 1 TFLOP/s: 100 tiles a head with 2, 4, ... 200 blocks, 10,100
  // in all; work / 100 and half the longest, 200 blocks, at 2 * 128 * 64 * (128 + 128) FLOPs a block.
  const AttentionShape shape{.heads = 100, .kv_heads = 100, .head_dim = 128, .new_tokens = 12'800};
  const AttentionTime time = prefill_time(kIdealPrefill, round_device(), kBf16, shape);
  const double block_us = 2.0 * 128 * 64 * 256 * 1e-6;
  CHECK_THAT(time.us, WithinRel((10'100 + 100) * block_us, kRelative));
  CHECK(time.flops == 4.0 * 100 * 128 * (12'800.0 * 12'801 / 2));
  CHECK(time.bound == Bound::compute);
  // What is computed beside the causal half is less than 2 %.
  CHECK(time.us * 100e6 / time.flops < 1.02);
}

TEST_CASE("few new tokens on a long cache take the time to read it", "[oracle][attention]") {
  // 64 sequences of one new token: each 2 * 100,000 keys and values of 8 heads, 2 B, at 1 TB/s. Multiprocessors so fast
  // that nothing else counts.
  Device device = round_device();
  device.peak = {{DataType::bf16, FlopRate::tflop_per_s(1e6)}};
  AttentionShape shape{.batch = 64, .heads = 8, .kv_heads = 8, .head_dim = 128, .cached = 99'999};
  const AttentionTime time = prefill_time(kIdealPrefill, device, kBf16, shape);
  CHECK_THAT(time.us, WithinRel(64.0 * 2 * 100'000 * 8 * 128 * 2 * 1e-6, kRelative));
  CHECK(time.bound == Bound::memory);
  shape.shared = 99'999;  // Held once, and each sequence's own new token.
  CHECK_THAT(prefill_time(kIdealPrefill, device, kBf16, shape).us,
             WithinRel((99'999.0 + 64) * 2 * 8 * 128 * 2 * 1e-6, kRelative));
}

TEST_CASE("FLOPs and bytes of DeepSeek-V3's attention", "[oracle][attention]") {
  // Prefill of 4,096 tokens, 128 heads: 2 * (192 + 128) FLOPs a pair. Decode in the latent: 2 * (576 + 512).
  const MlaShape prefill{.heads = 128, .new_tokens = 4096};
  CHECK(mla_prefill_time({}, h800(), kBf16, prefill).flops == 2.0 * 128 * 320 * (4096.0 * 4097 / 2));
  const MlaShape decode{.batch = 32, .heads = 128, .cached = 4095};
  const AttentionTime bf16 = mla_decode_time({}, h800(), DataType::bf16, decode);
  CHECK(bf16.flops == 2.0 * 32 * 128 * 1088 * 4096);
  const double queries = 2.0 * 32 * 128 * 1088;
  CHECK(bf16.hbm_bytes == 32.0 * 4096 * 576 * 2 + queries);
  CHECK(mla_decode_time({}, h800(), DataType::fp8, decode).hbm_bytes == 32.0 * 4096 * 576 + queries);
}

TEST_CASE("FLOPs and bytes of grouped and per-head decode", "[oracle][attention]") {
  const AttentionShape shape{.batch = 16, .heads = 64, .kv_heads = 8, .head_dim = 128, .cached = 999};
  const double queries = 4.0 * 16 * 64 * 128;
  for (const DataType cache : {DataType::bf16, DataType::fp8}) {
    const double keys = 2.0 * 16 * 8 * 1000 * 128 * bytes_per_element(cache);
    for (const AttentionTime& time :
         {grouped_decode_time({}, h800(), cache, shape), per_head_decode_time({}, h800(), cache, shape)}) {
      CHECK(time.flops == 4.0 * 16 * 64 * 128 * 1000);
      CHECK(time.hbm_bytes == keys + queries);
    }
  }
}

TEST_CASE("one long sequence is decoded at the memory's pace", "[oracle][attention]") {
  // A million keys: launch, 20 parts to merge, and the bytes at half of 1 TB/s; queries and outputs count twice at
  // most.
  AttentionShape shape{.heads = 32, .kv_heads = 8, .head_dim = 128, .cached = (1 << 20) - 1};
  const double bytes = 2.0 * 8 * (1 << 20) * 128 * 2;
  const AttentionTime grouped = grouped_decode_time(kIdealGrouped, round_device(), DataType::bf16, shape);
  CHECK_THAT(grouped.us, WithinRel(7 + 1.5 + 20 * 0.25 + bytes / 0.5 * 1e-6, 1e-4));
  CHECK(grouped.bound == Bound::memory);
  // 32 heads of their own on 100 multiprocessors: 6 parts, so at the bandwidth of split keys.
  const AttentionTime apart = per_head_decode_time(kIdealPerHead, round_device(), DataType::bf16, shape);
  CHECK_THAT(apart.us, WithinRel(7 + bytes / 0.25 * 1e-6, 1e-4));
  // The latent: 100 parts of 164 of 16,384 blocks, 1 % over an even share.
  const MlaDecodeConstants latent{.launch_us = 7,
                                  .merge_split_us = 0,
                                  .merge_passes = 0,
                                  .sequence_blocks = 0,
                                  .peak_fraction = 1,
                                  .bandwidth_fraction = 0.5,
                                  .query_passes = 0};
  Device device = round_device();
  device.peak = {{DataType::bf16, FlopRate::tflop_per_s(1e6)}};
  const AttentionTime absorbed =
      mla_decode_time(latent, device, DataType::bf16, {.heads = 16, .cached = (1 << 20) - 1});
  CHECK_THAT(absorbed.us, WithinRel(7 + 164.0 * 100 * 64 * 576 * 2 / 0.5 * 1e-6, 1e-4));
}

TEST_CASE("the library's choice between the two decode kernels", "[attention]") {
  const auto grouped = [](std::int64_t batch, std::int64_t heads, std::int64_t kv_heads, std::int64_t cached,
                          DataType cache) {
    return takes_grouped_decode({.batch = batch, .heads = heads, .kv_heads = kv_heads, .cached = cached}, cache);
  };
  CHECK_FALSE(grouped(64, 32, 32, 4095, DataType::fp8));  // A head of keys for each.
  CHECK(grouped(1, 32, 1, 1, DataType::fp8));
  CHECK_FALSE(grouped(64, 64, 1, 4095, DataType::fp8));  // 64 heads together.
  CHECK_FALSE(grouped(1, 32, 8, 7 * 128 - 1, DataType::bf16));
  CHECK(grouped(1, 32, 8, 8 * 128 - 1, DataType::bf16));
  CHECK(grouped(8, 32, 8, 1, DataType::bf16));
}

TEST_CASE("new tokens of a speculation stand beside one another as heads do", "[property][attention]") {
  const auto seed = GENERATE(range(1u, 21u));
  CAPTURE(seed);
  Rng rng(seed, 0);
  AttentionShape few = random_shape(rng);
  few.new_tokens = 1 + rng.below(4);
  few.shared = 0;
  AttentionShape wide = few;
  wide.heads *= few.new_tokens;
  wide.cached += few.new_tokens - 1;
  wide.new_tokens = 1;
  const AttentionTime a = decode_time({}, {}, h800(), DataType::bf16, few);
  const AttentionTime b = decode_time({}, {}, h800(), DataType::bf16, wide);
  CHECK(a.us == b.us);
  CHECK(a.hbm_bytes == b.hbm_bytes);
  CHECK(a.flops <= b.flops);  // The mask.
}

TEST_CASE("more of anything never makes a prefill faster", "[property][attention]") {
  const auto seed = GENERATE(range(1u, 101u));
  CAPTURE(seed);
  Rng rng(seed, 0);
  AttentionShape shape = random_shape(rng);
  shape.shared = 0;
  AttentionTime time = prefill_time({}, h800(), kBf16, shape);
  for (int step = 0; step < 50; ++step) {
    switch (rng.below(4)) {
      case 0:
        shape.batch += rng.below(5);
        break;
      case 1:
        shape.new_tokens += rng.below(300);
        break;
      case 2:
        shape.cached += rng.below(300);
        break;
      default:
        shape.heads += shape.kv_heads;
    }
    const AttentionTime more = prefill_time({}, h800(), kBf16, shape);
    CAPTURE(step, shape.batch, shape.new_tokens, shape.cached, shape.heads);
    REQUIRE(more.us >= time.us * (1 - kRelative));
    REQUIRE(more.flops >= time.flops);
    REQUIRE(more.hbm_bytes >= time.hbm_bytes);
    time = more;
  }
}

// Times of decode may fall where a further sequence or key changes how keys are split; bytes and FLOPs may not, and no
// kernel beats the data sheet.
TEST_CASE("no attention kernel is faster than its bytes and its FLOPs allow", "[property][attention]") {
  const auto seed = GENERATE(range(1u, 201u));
  CAPTURE(seed);
  Rng rng(seed, 0);
  const AttentionShape shape = random_shape(rng);
  const MlaShape latent = random_latent_shape(rng);
  const AttentionConstants constants;
  for (const AttentionTypes& types : {kBf16, kFp8Cache}) {
    for (const AttentionPhase phase : {AttentionPhase::prefill, AttentionPhase::decode}) {
      const double peak = phase == AttentionPhase::prefill && types.cache == DataType::fp8 ? 1979e12 : 989e12;
      const auto check_cost = [&](const KernelCost& cost) {
        CHECK(cost.time.seconds() >= static_cast<double>(cost.hbm.count) / 3350e9);
        CHECK(cost.flops > 0);
        return cost.time.seconds() >= cost.flops / peak;
      };
      const bool heads_hold = check_cost(attention_cost(constants, h800(), types, phase, shape));
      CHECK(check_cost(attention_cost(constants, h800(), types, phase, latent)));
      // Heads in decode: their rows are counted in time, not in FLOPs.
      if (phase == AttentionPhase::prefill) CHECK(heads_hold);
    }
  }
}

TEST_CASE("shared keys save bytes and time, never FLOPs", "[property][attention]") {
  const auto seed = GENERATE(range(1u, 201u));
  CAPTURE(seed);
  Rng rng(seed, 1);
  AttentionShape shape = random_shape(rng);
  MlaShape latent = random_latent_shape(rng);
  const AttentionConstants constants;
  for (const AttentionTypes& types : {kBf16, kFp8Cache}) {
    for (const AttentionPhase phase : {AttentionPhase::prefill, AttentionPhase::decode}) {
      if (phase == AttentionPhase::decode) shape.new_tokens = latent.new_tokens = 1;
      const auto compare = [&](auto with) {
        auto without = with;
        without.shared = 0;
        const KernelCost shared = attention_cost(constants, h800(), types, phase, with);
        const KernelCost plain = attention_cost(constants, h800(), types, phase, without);
        CHECK(shared.time <= plain.time);
        CHECK(shared.hbm <= plain.hbm);
        CHECK(shared.flops == plain.flops);
      };
      compare(shape);
      compare(latent);
      shape.new_tokens = 1 + rng.below(9000);
      latent.new_tokens = 1 + rng.below(9000);
    }
  }
}

TEST_CASE("a prompt that 64 sequences begin with is read once", "[oracle][attention]") {
  AttentionShape shape{.batch = 64, .heads = 32, .kv_heads = 8, .head_dim = 128, .cached = 16'384 + 127};
  const AttentionTime plain = decode_time({}, {}, h800(), DataType::bf16, shape);
  shape.shared = 16'384;
  const AttentionTime shared = decode_time({}, {}, h800(), DataType::bf16, shape);
  CHECK(plain.hbm_bytes - shared.hbm_bytes == 2.0 * 63 * 16'384 * 8 * 128 * 2);
  CHECK(shared.us < plain.us / 3);
  // A head of keys for each query: not the kernel that the library would take, were nothing shared.
  shape.kv_heads = 32;
  CHECK(decode_time({}, {}, h800(), DataType::bf16, shape).us <
        per_head_decode_time({}, h800(), DataType::bf16, shape).us / 3);
  // 16 heads on a latent fill a quarter of a tile; four sequences together fill it.
  MlaShape latent{.batch = 64, .heads = 16, .cached = 16'384 + 127};
  const AttentionTime latent_plain = mla_decode_time({}, h800(), DataType::bf16, latent);
  latent.shared = 16'384;
  const AttentionTime latent_shared = mla_decode_time({}, h800(), DataType::bf16, latent);
  CHECK(latent_plain.hbm_bytes - latent_shared.hbm_bytes == 63.0 * 16'384 * 576 * 2);
  CHECK(latent_shared.us < latent_plain.us / 2);
  // One sequence shares with nobody.
  latent.batch = 1;
  CHECK(mla_decode_time({}, h800(), DataType::bf16, latent).us ==
        mla_decode_time({}, h800(), DataType::bf16, {.heads = 16, .cached = 16'384 + 127}).us);
}

TEST_CASE("bounds say what the larger part is", "[attention]") {
  CHECK(attention_cost({}, h800(), kBf16, AttentionPhase::prefill, AttentionShape{.heads = 8, .kv_heads = 8}).bound ==
        Bound::launch);
  CHECK(attention_cost({}, h800(), kBf16, AttentionPhase::prefill, MlaShape{.heads = 128, .new_tokens = 8192}).bound ==
        Bound::compute);
  CHECK(attention_cost({}, h800(), kBf16, AttentionPhase::decode,
                       AttentionShape{.batch = 64, .heads = 64, .kv_heads = 8, .cached = 8191})
            .bound == Bound::memory);
  CHECK(attention_cost({}, h800(), kBf16, AttentionPhase::decode, MlaShape{.batch = 64, .heads = 128, .cached = 8191})
            .bound == Bound::compute);
}

TEST_CASE("attention takes a profile's constants for its types, else the defaults", "[attention]") {
  KernelProfile profile;
  for (const std::string_view family : {"attention_decode_per_head", "mla_prefill"}) {
    KernelFit fit;
    fit.family = family;
    fit.precision = "bf16/fp8";
    for (const ConstantInfo& each : kernel_family(family)->constants) fit.constants.emplace(each.name, each.max);
    profile.fits.push_back(fit);
  }
  const AttentionConstants fp8 = attention_constants(&profile, kFp8Cache);
  CHECK(fp8.per_head_decode.launch_us == 20);
  CHECK(fp8.mla_prefill.launch_us == 40);
  CHECK(fp8.prefill.launch_us == PrefillConstants{}.launch_us);
  CHECK(attention_constants(&profile, kBf16).mla_prefill.launch_us == AttentionConstants{}.mla_prefill.launch_us);
  CHECK(attention_constants(nullptr, kFp8Cache).per_head_decode.launch_us == PerHeadDecodeConstants{}.launch_us);
  for (const std::string_view family :
       {"attention_prefill", "attention_decode_grouped", "attention_decode_per_head", "mla_prefill", "mla_decode"}) {
    REQUIRE(kernel_family(family) != nullptr);
    for (const ConstantInfo& each : kernel_family(family)->constants) {
      CAPTURE(family, each.name);
      CHECK(each.start >= each.min);
      CHECK(each.start <= each.max);
    }
  }
}

TEST_CASE("a cost says what its constants do not rest on", "[attention]") {
  KernelProfile profile;
  KernelFit fit;
  fit.family = "mla_decode";
  fit.precision = "bf16/bf16";
  fit.ranges = {{"batch", {1, 64}}, {"heads", {1, 128}}, {"context", {0, 4096}}};
  profile.fits.push_back(fit);
  const auto keys = [&](const AttentionTypes& types, AttentionPhase phase, const MlaShape& shape) {
    std::string all;
    for (const Caveat& each : attention_caveats(&profile, round_device(), types, phase, shape)) all += each.key + " ";
    return all;
  };
  const MlaShape inside{.batch = 64, .heads = 128, .cached = 4096};
  CHECK(keys(kBf16, AttentionPhase::decode, inside).empty());
  CHECK(keys(kBf16, AttentionPhase::prefill, inside) == "uncalibrated ");
  CHECK(keys(kFp8Cache, AttentionPhase::decode, inside) == "uncalibrated ");
  CHECK(keys(kBf16, AttentionPhase::decode, {.batch = 65, .heads = 128}) == "extrapolated ");
  CHECK(keys(kBf16, AttentionPhase::decode, {.batch = 4, .heads = 128, .cached = 9, .shared = 8}) == "extrapolated ");
  CHECK(keys(kBf16, AttentionPhase::decode, {.batch = 4, .heads = 128, .new_tokens = 2}) == "extrapolated ");
  const AttentionTypes fp8{.compute = DataType::fp8, .cache = DataType::fp8};
  CHECK(keys(fp8, AttentionPhase::decode, inside) == "data_type_fallback uncalibrated ");
  CHECK(attention_caveats(nullptr, h800(), kBf16, AttentionPhase::decode, AttentionShape{}).size() == 1);
}

TEST_CASE("what is no attention is refused", "[attention]") {
  CHECK_THROWS_AS(prefill_time({}, h800(), kBf16, {.heads = 6, .kv_heads = 4}), InternalError);
  CHECK_THROWS_AS(prefill_time({}, h800(), kBf16, {.new_tokens = 0}), InternalError);
  CHECK_THROWS_AS(decode_time({}, {}, h800(), DataType::bf16, {.cached = 5, .shared = 6}), InternalError);
  CHECK_THROWS_AS(mla_decode_time({}, h800(), DataType::bf16, {.heads = 0}), InternalError);
}

}  // namespace moesim
