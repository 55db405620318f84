// `elmc dataset` as its users meet it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "formats/base/testing/child_process.h"
#include "formats/base/testing/temporary_directory.h"

namespace elm {
namespace {

using ::elm::testing::ProgramResult;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class DatasetCommandTest : public ::testing::Test {
 protected:
  static ProgramResult Dataset(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {testing::ProgramPath("elmc"), "dataset"});
    return testing::RunProgram(arguments);
  }

  static ProgramResult Accepted(const std::vector<std::string>& arguments) {
    ProgramResult result = Dataset(arguments);
    EXPECT_EQ(result.exit_code, 0) << result.err;
    return result;
  }

  // One line on standard error that holds `text`.
  static void ExpectRefusal(const std::vector<std::string>& arguments, int exit_code,
                            const std::string& text) {
    const ProgramResult result = Dataset(arguments);
    EXPECT_EQ(result.exit_code, exit_code) << result.err;
    EXPECT_THAT(result.err, HasSubstr(text));
    EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
  }

  std::string Contents(const std::string& name) const {
    std::ifstream file(folder_.Path(name), std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  std::vector<nlohmann::json> Rows(const std::string& name) const {
    std::vector<nlohmann::json> rows;
    std::ifstream file(folder_.Path(name));
    for (std::string line; std::getline(file, line);) rows.push_back(nlohmann::json::parse(line));
    return rows;
  }

  testing::TemporaryDirectory folder_;
};

TEST_F(DatasetCommandTest, HelpTeaches) {
  EXPECT_THAT(Accepted({"--help"}).out, HasSubstr("elmc dataset make --task app"));
  for (const char* word : {"--task", "--corpus", "--count", "--seed", "--split", "Examples"}) {
    EXPECT_THAT(Accepted({"make", "--help"}).out, HasSubstr(word));
  }
  EXPECT_THAT(Accepted({"show", "--help"}).out, HasSubstr("highlighted"));
}

TEST_F(DatasetCommandTest, ListNamesFamiliesAndSets) {
  const std::string out = Accepted({"list"}).out;
  for (const char* word : {"app", "continue", "exact match", "1 of 4", "arc", "octopus", "corpus",
                           "NAME:FILE", "reads:", "from:"}) {
    EXPECT_THAT(out, HasSubstr(word));
  }
  const nlohmann::json json = nlohmann::json::parse(Accepted({"list", "--json"}).out);
  EXPECT_EQ(json["pocket"][0]["name"], "app");
  EXPECT_EQ(json["public"][0]["name"], "arc");
  EXPECT_EQ(json["public"][0]["chance"], 0.25);
}

TEST_F(DatasetCommandTest, ShowPrintsThePromptAndMarksWhatMatters) {
  const std::vector<std::string> show = {"show", "fact", "--seed", "7", "--index", "3"};
  const std::string out = Accepted(show).out;
  EXPECT_THAT(out, HasSubstr("\nA:\n\n--- fact-train-7-3\n"));
  EXPECT_THAT(out, HasSubstr("options, * is the answer:"));
  EXPECT_THAT(out, HasSubstr("needed words:"));
  EXPECT_THAT(out, HasSubstr("[["));
  EXPECT_THAT(out, Not(HasSubstr("pair=")));
  EXPECT_THAT(out.substr(0, out.find("---")), Not(HasSubstr("[["))) << "the prompt stays exact";
  EXPECT_EQ(Accepted(show).out, out);
  EXPECT_NE(Accepted({"show", "fact", "--seed", "8", "--index", "3"}).out, out);
  EXPECT_NE(Accepted({"show", "fact", "--seed", "7", "--index", "3", "--split", "test"}).out, out);
}

TEST_F(DatasetCommandTest, ShowTakesFilesToo) {
  Accepted({"make", "--task", "app", "--count", "2", "--seed", "7", "-o", folder_.Path("t.jsonl")});
  const std::string line =
      Accepted({"show", folder_.Path("t.jsonl"), "--index", "1", "--json"}).out;
  EXPECT_EQ(line, Accepted({"show", "app", "--seed", "7", "--index", "1", "--json"}).out);
  ExpectRefusal({"show", folder_.Path("t.jsonl"), "--index", "2"}, 2, "holds 2 tasks");
  std::ofstream(folder_.Path("x")) << "{\"text\": \"the end of a tale\"}\n";
  EXPECT_THAT(Accepted({"show", "lambada:" + folder_.Path("x")}).out,
              HasSubstr("the end of a\n\n--- lambada-1\nanswer, matched exactly: tale\n"));
}

TEST_F(DatasetCommandTest, MakeWritesTheSameFileAgain) {
  const auto make = [&](const std::string& seed, const std::string& name) {
    return Accepted(
        {"make", "--seed", seed, "--count", "20", "--task", "app,fact", "-o", folder_.Path(name)});
  };
  EXPECT_THAT(make("7", "a.jsonl").out, HasSubstr("40 tasks"));
  make("7", "b.jsonl");
  make("8", "c.jsonl");
  EXPECT_EQ(Contents("a.jsonl"), Contents("b.jsonl"));
  EXPECT_NE(Contents("a.jsonl"), Contents("c.jsonl"));
  const std::vector<nlohmann::json> rows = Rows("a.jsonl");
  ASSERT_EQ(rows.size(), 40U);
  EXPECT_EQ(rows[0]["task"], "app");
  EXPECT_EQ(rows[1]["task"], "fact");
  EXPECT_EQ(rows[39]["split"], "train");
}

TEST_F(DatasetCommandTest, MakeTakesAllFamiliesUnlessTold) {
  Accepted({"make", "--count", "1", "--split", "test", "-o", folder_.Path("all.jsonl")});
  const nlohmann::json list = nlohmann::json::parse(Accepted({"list", "--json"}).out);
  EXPECT_EQ(Rows("all.jsonl").size(), list["pocket"].size());
  Accepted({"make", "--count", "1", "--task", "app", "--task", "reply", "-o",
            folder_.Path("two.jsonl")});
  EXPECT_EQ(Rows("two.jsonl").size(), 2U);
}

TEST_F(DatasetCommandTest, ACorpusIsTextWithSeparators) {
  Accepted({"make", "--task", "corpus", "--count", "5", "-o", folder_.Path("a.txt")});
  Accepted({"make", "--corpus", "--count", "5", "-o", folder_.Path("b.txt")});
  const std::string text = Contents("a.txt");
  EXPECT_EQ(text, Contents("b.txt"));
  size_t separators = 0;
  for (size_t at = 0; (at = text.find("\n<|endoftext|>\n", at)) != std::string::npos; ++at) {
    ++separators;
  }
  EXPECT_EQ(separators, 4U);
  EXPECT_TRUE(text.ends_with('\n'));
}

TEST_F(DatasetCommandTest, WhatCannotBeMadeIsRefusedInOneLine) {
  const std::string path = folder_.Path("t.jsonl");
  ExpectRefusal({"make", "--task", "ap", "-o", path}, 2, "did you mean app?");
  ExpectRefusal({"make", "--count", "0", "-o", path}, 2, "--count is 0, expected 1 to 1000000000");
  ExpectRefusal({"make", "--count", "99999999999", "-o", path}, 2, "--count is 99999999999");
  ExpectRefusal({"make", "--count", "-3", "-o", path}, 2, "--count");
  ExpectRefusal({"make", "--count", "many", "-o", path}, 2, "--count");
  ExpectRefusal({"make", "--split", "trian", "-o", path}, 2, "trian");
  ExpectRefusal({"make", "--task", "app,corpus", "-o", path}, 2, "a corpus is text");
  ExpectRefusal({"make", "--task", "app", "--corpus", "-o", path}, 2, "a corpus is text");
  ExpectRefusal({"make"}, 2, "--output");
  ExpectRefusal({"make", "--count", "1", "-o", folder_.Path("none/t.jsonl")}, 4, "none/t.jsonl");
  ExpectRefusal({"make", "--count", "1", "-o", folder_.path()}, 4, folder_.path());
  ExpectRefusal({"show", "ap"}, 2, "did you mean app?");
  ExpectRefusal({"show", "pocket"}, 2, "one family");
  ExpectRefusal({"show", "pocket:ap"}, 2, "did you mean app?");
  ExpectRefusal({"show", "openbokqa:x"}, 2, "did you mean openbookqa?");
  ExpectRefusal({"show", folder_.Path("none.jsonl")}, 4, "none.jsonl");
  ExpectRefusal({"lst"}, 2, "did you mean list?");
  ExpectRefusal({}, 2, "list, show or make");
  EXPECT_THAT(folder_.Entries(), IsEmpty());
}

TEST_F(DatasetCommandTest, BadTaskFilesAreNamedByLine) {
  std::ofstream(folder_.Path("bad.jsonl"))
      << R"({"id": "a", "task": "t", "question": "q", "answer": "x"})"
      << "\n{\"id\": 3}\n";
  ExpectRefusal({"show", folder_.Path("bad.jsonl")}, 3, "bad.jsonl:2: id is 3, expected a string");
}

// A file-size limit stands in for a full disk: the kernel refuses the write in the same place.
TEST_F(DatasetCommandTest, AFullDiskLeavesNothing) {
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  const rlimit tight{100 * 1024, before.rlim_max};
  setrlimit(RLIMIT_FSIZE, &tight);
  ExpectRefusal({"make", "--count", "2000", "--task", "app", "-o", folder_.Path("t.jsonl")}, 4,
                "no space");
  setrlimit(RLIMIT_FSIZE, &before);
  EXPECT_THAT(folder_.Entries(), IsEmpty());
}

}  // namespace
}  // namespace elm
