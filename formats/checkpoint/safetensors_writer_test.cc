#include "formats/checkpoint/safetensors_writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "formats/base/mapped_file.h"
#include "formats/base/testing/child_process.h"
#include "formats/base/testing/temporary_directory.h"
#include "formats/checkpoint/safetensors.h"

namespace elm {
namespace {

using ::elm::testing::TemporaryDirectory;
using ::testing::HasSubstr;

TensorToWrite Tensor(const std::string& name, std::span<const float> values) {
  return {.name = name,
          .dtype = DType::kF32,
          .shape = {values.size() / 2, 2},
          .bytes = std::as_bytes(values)};
}

TEST(SafetensorsWriter, WhatIsWrittenIsReadBack) {
  const TemporaryDirectory directory;
  const std::string path = directory.Path("a.safetensors");
  const std::vector<float> first = {1, 2, 3, 4};
  const std::vector<float> second = {5, 6};
  const TensorToWrite tensors[] = {Tensor("z", first), Tensor("a", second)};
  const Status written = WriteSafetensors(path, tensors, {{"state", "{\"a\": \"b\"}"}});
  ASSERT_TRUE(written.ok()) << written.ToString();

  const auto file = MappedFile::Open(path);
  ASSERT_TRUE(file.ok());
  const auto read = ParseSafetensors(file.value().bytes(), path);
  ASSERT_TRUE(read.ok()) << read.status().ToString();
  ASSERT_EQ(read.value().size(), 2U);
  EXPECT_EQ(read.value()[0].name, "z") << "in the order in which they were given";
  EXPECT_EQ(read.value()[0].shape, (std::vector<uint64_t>{2, 2}));
  EXPECT_EQ(read.value()[0].dtype, DType::kF32);
  EXPECT_EQ(std::memcmp(read.value()[1].bytes.data(), second.data(), 8), 0);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(read.value()[0].bytes.data()) % 8, 0U) << "aligned";

  const auto metadata = ParseSafetensorsMetadata(file.value().bytes(), path);
  ASSERT_TRUE(metadata.ok()) << metadata.status().ToString();
  EXPECT_EQ(metadata.value(), (SafetensorsMetadata{{"state", "{\"a\": \"b\"}"}}));
}

TEST(SafetensorsWriter, RefusesBytesThatAreNotTheShape) {
  const TemporaryDirectory directory;
  const std::vector<float> values = {1, 2, 3, 4};
  TensorToWrite tensor = Tensor("t", values);
  tensor.shape = {3, 2};
  const Status status = WriteSafetensors(directory.Path("a"), std::span(&tensor, 1));
  EXPECT_FALSE(status.ok());
  EXPECT_THAT(status.message(), HasSubstr("tensor t"));
}

TEST(SafetensorsWriter, AFullDiskLeavesTheOldFile) {
  const TemporaryDirectory directory;
  const std::string path = directory.Path("a.safetensors");
  const std::vector<float> small = {1, 2};
  const std::vector<float> large(100000);
  const TensorToWrite old = Tensor("old", small);
  const TensorToWrite next = Tensor("next", large);
  ASSERT_TRUE(WriteSafetensors(path, std::span(&old, 1)).ok());
  const int code = testing::RunInChild([&] {
    if (!testing::LimitFileSize(4096)) return 9;
    return WriteSafetensors(path, std::span(&next, 1)).code() == StatusCode::kNoSpace ? 0 : 1;
  });
  EXPECT_EQ(code, 0);
  const auto file = MappedFile::Open(path);
  const auto read = ParseSafetensors(file.value().bytes(), path);
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(read.value()[0].name, "old");
  const auto entries = std::filesystem::directory_iterator(directory.path());
  EXPECT_EQ(std::distance(begin(entries), end(entries)), 1) << "no temporary file stays";
}

TEST(SafetensorsMetadata, IsEmptyOrText) {
  const auto parse = [](std::string header) {
    const uint64_t length = header.size();
    std::string bytes(reinterpret_cast<const char*>(&length), sizeof length);
    bytes += header;
    return ParseSafetensorsMetadata(std::as_bytes(std::span(bytes)), "f");
  };
  EXPECT_TRUE(parse("{}").value().empty());
  EXPECT_THAT(parse("{\"__metadata__\": {\"k\": 3}}").status().message(), HasSubstr("k"));
  EXPECT_FALSE(parse("[]").ok());
}

}  // namespace
}  // namespace elm
