#include "formats/elm/dump.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "formats/elm/testing/tiny_bundle.h"

namespace elm {
namespace {

using Json = nlohmann::json;
using testing::MakeBundleBytes;
using testing::TinyContents;

Json Dump(const BundleContents& contents) {
  const auto bytes = MakeBundleBytes(contents).value();
  return Json::parse(DumpJson(ParseBundle(bytes, "tiny.elm").value()));
}

TEST(DumpTest, SaysWhatTheBundleSays) {
  const BundleContents contents = TinyContents();
  const Json json = Dump(contents);
  EXPECT_EQ(json["version"], "1.0");
  EXPECT_EQ(json["sections"].size(), 7U);
  EXPECT_EQ(json["sections"][6]["name"], "weights");
  EXPECT_EQ(json["sections"][6]["bulk"], true);
  EXPECT_EQ(json["model"]["width"], 8);
  EXPECT_EQ(json["kv_of"], Json::parse("[[0,0,1,1],[0,1,0,1]]"));
  EXPECT_EQ(json["anchors"], Json::parse("[0]"));
  EXPECT_EQ(json["levels"][0]["name"], "0.7");
  EXPECT_EQ(json["levels"][0]["layers"][1],
            Json::parse(R"({"query_heads":1,"kv_heads":1,"neurons":3})"));
  EXPECT_EQ(json["generation"]["bos_id"], 1);
  EXPECT_EQ(json["generation"]["stop_ids"], Json::parse("[2,9]"));
  EXPECT_EQ(json["provenance"]["source"], "tiny");
}

TEST(DumpTest, ListsEveryTensor) {
  const Json tensors = Dump(TinyContents(WeightType::kBf16))["tensors"];
  const auto specs = ListTensors(TinyContents().config);
  ASSERT_EQ(tensors.size(), specs.size());
  for (size_t i = 0; i < specs.size(); ++i) {
    EXPECT_EQ(tensors[i]["name"], specs[i].name);
    EXPECT_EQ(tensors[i]["dtype"], specs[i].is_vector() ? "f32" : "bf16");
    EXPECT_EQ(tensors[i]["hash"].get<std::string>().size(), 18U);
    EXPECT_EQ(tensors[i].contains("tile_rows"), !specs[i].is_vector());
  }
}

TEST(DumpTest, ShowsWhatServesSlos) {
  const BundleContents contents = testing::TinyElasticContents();
  const Json json = Dump(contents);
  EXPECT_EQ(json["version"], "1.1");
  EXPECT_EQ(json["tiny_lm"]["hidden"], 32);
  EXPECT_EQ(json["tiny_lm"]["decision"], "grid");
  EXPECT_EQ(json["tiny_lm"]["ttft_permille"], Json::parse("[200,600,1000]"));
  const Json& tensors = json["tiny_lm"]["tensors"];
  EXPECT_EQ(tensors.size(), ListTlmTensors(contents.tlm->settings.config).size());
  EXPECT_EQ(tensors[0]["name"], "embeddings.words.weight");
  EXPECT_EQ(json["reference_latency"]["name"], "reference:tiny");
  EXPECT_EQ(json["reference_latency"]["ttft_ms"][1][2], 90);
  EXPECT_EQ(json["accuracy"]["accuracy"], Json::parse("[[0.25,0.5],[0.5,0.75],[0.625,1.0]]"));
  EXPECT_EQ(json["accuracy"]["items"], 50);
}

TEST(DumpTest, WhatIsAbsentIsNull) {
  BundleContents contents = TinyContents();
  contents.generation = {};
  contents.provenance_json.clear();
  const Json json = Dump(contents);
  EXPECT_TRUE(json["generation"]["bos_id"].is_null());
  EXPECT_TRUE(json["provenance"].is_null());
  EXPECT_TRUE(json["tiny_lm"].is_null());
  EXPECT_TRUE(json["reference_latency"].is_null());
  EXPECT_TRUE(json["accuracy"].is_null());
}

TEST(DumpTest, ProvenanceThatIsNoJsonIsText) {
  BundleContents contents = TinyContents();
  contents.provenance_json = "{not json";
  EXPECT_EQ(Dump(contents)["provenance"], "{not json");
}

}  // namespace
}  // namespace elm
