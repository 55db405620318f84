#include "formats/base/status.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <memory>

namespace elm {
namespace {

using ::testing::HasSubstr;

constexpr StatusCode kFailures[] = {StatusCode::kFailedCheck, StatusCode::kInvalidArgument,
                                    StatusCode::kCorruption,  StatusCode::kUnsupported,
                                    StatusCode::kNotFound,    StatusCode::kIo,
                                    StatusCode::kNoSpace,     StatusCode::kOutOfMemory,
                                    StatusCode::kCancelled,   StatusCode::kInternal};

TEST(StatusTest, OkIsOk) {
  EXPECT_TRUE(Status().ok());
  EXPECT_TRUE(Status::Ok().ok());
  EXPECT_EQ(Status().ToString(), "ok");
  EXPECT_EQ(ExitCode(Status()), 0);
  EXPECT_TRUE(Status().In("somewhere").ok());
}

TEST(StatusTest, FailureReadsLikeASentence) {
  const Status status = Corruption("field is ", 3, ", expected ", 4).In("model.elm").In("open");
  EXPECT_FALSE(status.ok());
  EXPECT_EQ(status.code(), StatusCode::kCorruption);
  EXPECT_EQ(status.message(), "open: model.elm: field is 3, expected 4");
  EXPECT_EQ(status.ToString(),
            StrCat(StatusCodeName(StatusCode::kCorruption), ": ", status.message()));
}

TEST(StatusTest, EveryCodeHasANameOfItsOwn) {
  std::vector<std::string> names;
  for (StatusCode code : kFailures) names.push_back(StatusCodeName(code));
  std::sort(names.begin(), names.end());
  EXPECT_EQ(std::unique(names.begin(), names.end()), names.end());
  EXPECT_THAT(names, ::testing::Each(::testing::Not(::testing::IsEmpty())));
}

TEST(StatusTest, ExitCodesAreTheDocumentedOnes) {
  EXPECT_EQ(ExitCode(FailedCheck("x")), 1);
  EXPECT_EQ(ExitCode(InvalidArgument("x")), 2);
  EXPECT_EQ(ExitCode(Corruption("x")), 3);
  EXPECT_EQ(ExitCode(Unsupported("x")), 3);
  EXPECT_EQ(ExitCode(NotFound("x")), 4);
  EXPECT_EQ(ExitCode({StatusCode::kIo, "x"}), 4);
  EXPECT_EQ(ExitCode({StatusCode::kNoSpace, "x"}), 4);
  EXPECT_EQ(ExitCode({StatusCode::kOutOfMemory, "x"}), 5);
  EXPECT_EQ(ExitCode({StatusCode::kCancelled, "x"}), 130);
  EXPECT_EQ(ExitCode(Internal("x")), 70);
}

TEST(StatusTest, ErrnoBecomesACode) {
  EXPECT_EQ(IoError(ENOENT, "f").code(), StatusCode::kNotFound);
  EXPECT_EQ(IoError(ENOSPC, "f").code(), StatusCode::kNoSpace);
  EXPECT_EQ(IoError(EFBIG, "f").code(), StatusCode::kNoSpace);
  EXPECT_EQ(IoError(EDQUOT, "f").code(), StatusCode::kNoSpace);
  EXPECT_EQ(IoError(ENOMEM, "f").code(), StatusCode::kOutOfMemory);
  EXPECT_EQ(IoError(EACCES, "f").code(), StatusCode::kIo);
  EXPECT_THAT(IoError(EACCES, "f").message(), HasSubstr("f: "));
}

TEST(ResultTest, HoldsAValueOrAReason) {
  const Result<int> value = 7;
  ASSERT_TRUE(value.ok());
  EXPECT_EQ(*value, 7);
  const Result<int> reason = NotFound("gone");
  ASSERT_FALSE(reason.ok());
  EXPECT_EQ(reason.status().message(), "gone");
}

TEST(ResultTest, OkStatusIsNoReason) {
  const Result<int> result = Status::Ok();
  EXPECT_FALSE(result.ok());
  EXPECT_EQ(result.status().code(), StatusCode::kInternal);
}

Result<std::unique_ptr<int>> Half(int value) {
  if (value % 2 != 0) return InvalidArgument(value, " is odd");
  return std::make_unique<int>(value / 2);
}

Status Quarter(int value, int& quarter) {
  ELM_ASSIGN_OR_RETURN(const std::unique_ptr<int> half, Half(value));
  ELM_ASSIGN_OR_RETURN(const auto result, Half(*half));
  quarter = *result;
  return Status::Ok();
}

TEST(ResultTest, MacrosReturnTheFirstFailure) {
  int quarter = 0;
  EXPECT_TRUE(Quarter(12, quarter).ok());
  EXPECT_EQ(quarter, 3);
  EXPECT_EQ(Quarter(10, quarter).message(), "5 is odd");
  const auto outer = [&](int value) -> Status {
    ELM_RETURN_IF_ERROR(Quarter(value, quarter).In("outer"));
    return FailedCheck("reached the end");
  };
  EXPECT_EQ(outer(9).message(), "outer: 9 is odd");
  EXPECT_EQ(outer(8).message(), "reached the end");
}

}  // namespace
}  // namespace elm
