// Damage: flipped bits, truncation, surplus bytes. Nothing that was damaged may be accepted.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "formats/base/checked_math.h"
#include "formats/elm/bundle.h"
#include "formats/elm/testing/repair_hashes.h"
#include "formats/elm/testing/tiny_bundle.h"

namespace elm {
namespace {

using ::testing::HasSubstr;
using testing::MakeBundleBytes;
using ::testing::StartsWith;
using testing::TinyContents;

class BundleCorruptionTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    file_ = new std::vector<std::byte>(MakeBundleBytes(TinyContents()).value());
    view_ = new BundleView(ParseBundle(*file_, "tiny.elm").value());
  }
  static void TearDownTestSuite() {
    delete view_;
    delete file_;
  }

  static uint64_t WeightsOffset() { return view_->sections.back().offset; }

  // The message of ParseBundle(), or "" when it accepts.
  static std::string Refusal(std::span<const std::byte> file) {
    return ParseBundle(file, "tiny.elm").status().message();
  }

  // Every bit of [begin, end) makes ParseBundle() refuse. Returns the bits tried.
  static uint64_t ExpectEveryBitRefused(uint64_t begin, uint64_t end, const std::string& what) {
    std::vector<std::byte> damaged = *file_;
    for (uint64_t bit = begin * 8; bit < end * 8; ++bit) {
      const std::byte mask{static_cast<unsigned char>(1U << (bit % 8))};
      damaged[bit / 8] ^= mask;
      const std::string refusal = Refusal(damaged);
      damaged[bit / 8] ^= mask;
      if (!refusal.starts_with("tiny.elm: ")) {
        ADD_FAILURE() << what << ": byte " << bit / 8 << ", bit " << bit % 8
                      << " was accepted or not named: \"" << refusal << "\"";
        break;
      }
    }
    return (end - begin) * 8;
  }

  static std::vector<std::byte>* file_;
  static BundleView* view_;
};

std::vector<std::byte>* BundleCorruptionTest::file_ = nullptr;
BundleView* BundleCorruptionTest::view_ = nullptr;

struct Field {
  const char* name;
  uint64_t offset;
  uint64_t size;
};

#define FIELD(type, member) \
  Field { #member, offsetof(type, member), sizeof(type::member) }

TEST_F(BundleCorruptionTest, EveryBitOfEveryHeaderFieldIsChecked) {
  const std::vector<Field> fields = {
      FIELD(layout::Header, magic),
      FIELD(layout::Header, major),
      FIELD(layout::Header, minor),
      FIELD(layout::Header, header_size),
      FIELD(layout::Header, file_size),
      FIELD(layout::Header, section_table_offset),
      FIELD(layout::Header, section_count),
      FIELD(layout::Header, section_entry_size),
      FIELD(layout::Header, section_table_hash),
      FIELD(layout::Header, reserved),
      FIELD(layout::Header, header_hash),
  };
  uint64_t bits = 0;
  for (const Field& field : fields) {
    bits += ExpectEveryBitRefused(field.offset, field.offset + field.size, field.name);
  }
  EXPECT_EQ(bits, 8 * sizeof(layout::Header)) << "a field is missing from the table";
}

TEST_F(BundleCorruptionTest, EveryBitOfEverySectionTableFieldIsChecked) {
  const std::vector<Field> fields = {
      FIELD(layout::SectionEntry, kind),   FIELD(layout::SectionEntry, flags),
      FIELD(layout::SectionEntry, offset), FIELD(layout::SectionEntry, size),
      FIELD(layout::SectionEntry, hash),   FIELD(layout::SectionEntry, reserved),
  };
  uint64_t bits = 0;
  for (size_t i = 0; i < view_->sections.size(); ++i) {
    const uint64_t entry = sizeof(layout::Header) + i * sizeof(layout::SectionEntry);
    for (const Field& field : fields) {
      const uint64_t begin = entry + field.offset;
      bits +=
          ExpectEveryBitRefused(begin, begin + field.size, StrCat("entry ", i, " ", field.name));
    }
  }
  EXPECT_EQ(bits, 8 * sizeof(layout::SectionEntry) * view_->sections.size());
}

TEST_F(BundleCorruptionTest, EveryBitOfEverySmallSectionIsChecked) {
  for (const BundleSection& section : view_->sections) {
    if ((section.flags & layout::kBulk) != 0) continue;
    ExpectEveryBitRefused(section.offset, section.offset + section.size,
                          StrCat("section kind ", static_cast<uint32_t>(section.kind)));
  }
}

TEST_F(BundleCorruptionTest, EveryBitOfPaddingIsChecked) {
  uint64_t end = sizeof(layout::Header) + view_->sections.size() * sizeof(layout::SectionEntry);
  for (const BundleSection& section : view_->sections) {
    ExpectEveryBitRefused(end, section.offset, "padding");
    end = section.offset + section.size;
  }
}

TEST_F(BundleCorruptionTest, OpeningReadsNoBulkByte) {
  std::vector<std::byte> damaged = *file_;
  std::fill(damaged.begin() + static_cast<ptrdiff_t>(WeightsOffset()), damaged.end(),
            std::byte{0xff});
  EXPECT_EQ(Refusal(damaged), "");
}

// One bit of every byte, each of the eight in turn.
TEST_F(BundleCorruptionTest, EveryByteOfTheBulkIsVerified) {
  std::vector<std::byte> damaged = *file_;
  for (uint64_t at = WeightsOffset(); at < damaged.size(); ++at) {
    const std::byte mask{static_cast<unsigned char>(1U << (at % 8))};
    damaged[at] ^= mask;
    const Status verified = VerifyBulk(damaged, *view_, "tiny.elm");
    damaged[at] ^= mask;
    ASSERT_EQ(verified.code(), StatusCode::kCorruption) << "byte " << at;
    ASSERT_THAT(verified.message(), StartsWith("tiny.elm: ")) << "byte " << at;
  }
}

TEST_F(BundleCorruptionTest, VerificationNamesTheDamagedTensor) {
  std::vector<std::byte> damaged = *file_;
  for (const BundleTensor& tensor : view_->tensors) {
    for (const uint64_t at : {tensor.offset, tensor.offset + tensor.size - 1}) {
      damaged[at] ^= std::byte{1};
      EXPECT_THAT(VerifyBulk(damaged, *view_, "tiny.elm").message(),
                  HasSubstr(StrCat("tensor ", tensor.spec.name, ":")));
      damaged[at] ^= std::byte{1};
    }
  }
}

// Behind a right section hash too: a bundle has one form only.
TEST_F(BundleCorruptionTest, PaddingBetweenTensorsIsZero) {
  std::vector<std::byte> damaged = *file_;
  uint64_t end = 0;
  int gaps = 0;
  for (const BundleTensor& tensor : view_->tensors) {
    if (end != 0 && end < tensor.offset) {
      ++gaps;
      damaged[end] = std::byte{1};
      testing::RepairHashes(damaged);
      const auto view = ParseBundle(damaged, "tiny.elm");
      ASSERT_TRUE(view.ok()) << view.status().ToString();
      EXPECT_THAT(VerifyBulk(damaged, *view, "tiny.elm").message(),
                  HasSubstr(StrCat("tensor ", tensor.spec.name, ": the padding before it")));
      damaged[end] = std::byte{0};
    }
    end = tensor.offset + tensor.size;
  }
  EXPECT_GT(gaps, 0);
}

TEST_F(BundleCorruptionTest, EveryTruncationIsRefused) {
  for (uint64_t size = 0; size < file_->size(); ++size) {
    const Status status = ParseBundle(std::span(*file_).first(size), "tiny.elm").status();
    ASSERT_EQ(status.code(), StatusCode::kCorruption) << size << " bytes";
    if (size > 0) {
      ASSERT_THAT(status.message(), HasSubstr("truncated")) << size << " bytes";
    }
  }
}

TEST_F(BundleCorruptionTest, SurplusBytesAreRefused) {
  for (size_t surplus : {size_t{1}, size_t{64}, size_t{16384}}) {
    std::vector<std::byte> longer = *file_;
    longer.resize(longer.size() + surplus);
    EXPECT_THAT(Refusal(longer), HasSubstr(StrCat(surplus, " too many")));
  }
}

// The helper that other tests rely on changes nothing in a sound file.
TEST_F(BundleCorruptionTest, RepairingASoundBundleChangesNothing) {
  std::vector<std::byte> repaired = *file_;
  testing::RepairHashes(repaired);
  EXPECT_EQ(repaired, *file_);
}

}  // namespace
}  // namespace elm
