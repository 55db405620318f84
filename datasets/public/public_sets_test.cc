// Every form that public sets come in, with rows written for these tests.
#include "datasets/public/public_sets.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <set>

#include "datasets/prompt.h"
#include "formats/base/testing/temporary_directory.h"

namespace elm {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

class PublicSetsTest : public ::testing::Test {
 protected:
  std::string Write(const std::string& name, const std::string& text) {
    std::ofstream(folder_.Path(name), std::ios::binary) << text;
    return folder_.Path(name);
  }

  static Result<PublicTasks> Read(const std::string& set, const std::string& path) {
    return FindPublicSet(set).value()->read(path);
  }

  // Reads `text`, which must hold tasks; what was noted goes to notes_, without the folder.
  std::vector<Task> Tasks(const std::string& set, const std::string& text) {
    Result<PublicTasks> read = Read(set, Write("rows", text));
    EXPECT_TRUE(read.ok()) << read.status().ToString();
    if (!read.ok()) return {};
    notes_ = read->notes;
    for (std::string& note : notes_) note = note.substr(folder_.path().size() + 1);
    for (const Task& task : read->tasks) EXPECT_TRUE(Validate(task).ok()) << task.id;
    return read->tasks;
  }

  // Why `text` is refused, without the folder in front.
  std::string Refusal(const std::string& set, const std::string& text) {
    const Result<PublicTasks> read = Read(set, Write("rows", text));
    EXPECT_FALSE(read.ok());
    EXPECT_EQ(read.status().code(), StatusCode::kCorruption);
    const std::string& message = read.status().message();
    EXPECT_EQ(message.find('\n'), std::string::npos);
    return message.starts_with(folder_.path()) ? message.substr(folder_.path().size() + 1)
                                               : message;
  }

  testing::TemporaryDirectory folder_;
  std::vector<std::string> notes_;
};

TEST_F(PublicSetsTest, SetsAreFoundByName) {
  std::set<std::string_view> names;
  for (const PublicSet& set : PublicSets()) {
    EXPECT_TRUE(names.insert(set.name).second);
    EXPECT_FALSE(set.description.empty() || set.form.empty() || set.published.empty());
    EXPECT_EQ(FindPublicSet(set.name).value(), &set);
  }
  EXPECT_THAT(FindPublicSet("boolk").status().message(), HasSubstr("did you mean boolq?"));
  EXPECT_THAT(FindPublicSet("zzzzzzzz").status().message(), HasSubstr("there are arc, openbookqa"));
}

TEST_F(PublicSetsTest, FilesThatAreNotThereAreNamed) {
  for (const PublicSet& set : PublicSets()) {
    const Status status = set.read(folder_.Path("none")).status();
    EXPECT_EQ(status.code(), StatusCode::kNotFound) << set.name;
    EXPECT_THAT(status.message(), HasSubstr(folder_.Path("none")));
  }
}

TEST_F(PublicSetsTest, EmptyAndForeignFilesAreRefused) {
  for (const PublicSet& set : PublicSets()) {
    if (set.name == "piqa") continue;  // its second file is asked for first
    EXPECT_FALSE(set.read(Write("empty", "")).ok()) << set.name;
    EXPECT_FALSE(set.read(Write("foreign", "one\ntwo\n")).ok()) << set.name;
    EXPECT_FALSE(set.read(Write("bytes", "{\"a\": \"\xFF\"}\n")).ok()) << set.name;
  }
}

constexpr char kArcRows[] =
    R"({"id": "A_1", "question": {"stem": "What burns?", "choices": [)"
    R"({"text": "wood ", "label": "A"}, {"text": "ice", "label": "B"}]}, "answerKey": "A"})"
    "\n"
    R"({"id": "A_2", "question": {"stem": "What\nfloats?", "choices": [)"
    R"({"text": "iron", "label": "1"}, {"text": "cork", "label": "2"}]}, "answerKey": "2"})"
    "\n";

TEST_F(PublicSetsTest, ArcIsReadFromItsOwnForm) {
  const std::vector<Task> tasks = Tasks("arc", kArcRows);
  ASSERT_EQ(tasks.size(), 2U);
  EXPECT_EQ(tasks[0].id, "arc-A_1");
  EXPECT_EQ(tasks[0].task, "arc");
  EXPECT_THAT(tasks[0].options, ElementsAre("wood", "ice"));
  EXPECT_EQ(tasks[0].answer, "wood");
  EXPECT_EQ(PromptText(tasks[1]), "Q: What floats?\nA:");
  EXPECT_EQ(tasks[1].answer, "cork") << "labels may be numbers";
  EXPECT_THAT(notes_, IsEmpty());
}

TEST_F(PublicSetsTest, ArcRowsThatAreWrongAreRefusedByLine) {
  const auto with_key = [](const std::string& key) {
    return std::string(kArcRows) +
           R"({"question": {"stem": "q", "choices": [)"
           R"({"text": "x", "label": "A"}, {"text": "y", "label": "B"}]}, "answerKey": )" +
           key + "}";
  };
  EXPECT_THAT(Refusal("arc", with_key("\"C\"")),
              HasSubstr("rows:3: answerKey is \"C\", which labels none of the 2 choices"));
  EXPECT_THAT(Refusal("arc", with_key("2")),
              HasSubstr("rows:3: answerKey is 2, expected a string"));
  EXPECT_THAT(Refusal("arc", R"({"question": "q"})"),
              HasSubstr("rows:1: question is missing or no"));
  EXPECT_THAT(Refusal("arc", R"({"question": {"stem": "q"}, "answerKey": "A"})"),
              HasSubstr("rows:1: question: choices is missing"));
  EXPECT_THAT(Refusal("arc", R"({"question": {"stem": "q", "choices": ["x"]}, "answerKey": "A"})"),
              HasSubstr("rows:1: question: choices holds \"x\""));
  EXPECT_THAT(Refusal("arc", std::string(kArcRows) + kArcRows),
              HasSubstr("rows:3: id \"arc-A_1\" occurs twice"));
}

std::string AdaptersRow(const std::string& options, const std::string& answer) {
  return R"( {"instruction": "Please choose the correct answer to the question: Who sings?\n\n)" +
         options + R"(\n\nAnswer format: answer1/answer2", "input": "", "output": "the correct )" +
         R"(answer is )" + answer + R"(", "answer": ")" + answer + "\"}";
}

TEST_F(PublicSetsTest, ArcAndOpenBookQaAreReadFromLlmAdapters) {
  const std::string text =
      "[\n" + AdaptersRow("Answer1: a bird Answer2: a stone", "answer1") + ",\n" +
      AdaptersRow("Answer1: sand Answer2: tea Answer3: Kim", "answer3") + "\n]\n";
  for (const std::string set : {"arc", "openbookqa"}) {
    const std::vector<Task> tasks = Tasks(set, text);
    ASSERT_EQ(tasks.size(), 2U);
    EXPECT_EQ(tasks[0].id, set + "-1");
    EXPECT_EQ(tasks[0].question, "Who sings?");
    EXPECT_THAT(tasks[0].options, ElementsAre("a bird", "a stone"));
    EXPECT_EQ(tasks[0].answer, "a bird");
    EXPECT_THAT(tasks[1].options, ElementsAre("sand", "tea", "Kim"));
    EXPECT_EQ(tasks[1].answer, "Kim");
  }
}

TEST_F(PublicSetsTest, LlmAdaptersRowsThatAreWrongAreRefusedByLine) {
  const std::string good = "[\n" + AdaptersRow("Answer1: a Answer2: b", "answer1") + ",\n";
  EXPECT_THAT(Refusal("arc", good + AdaptersRow("Answer1: a Answer2: b", "answer3") + "]"),
              HasSubstr("rows:3: row 2: answer is \"answer3\", expected answer1 to answer2"));
  EXPECT_THAT(Refusal("arc", good + AdaptersRow("Option1: a Option2: b", "answer1") + "]"),
              HasSubstr("rows:3: row 2: instruction is \"Please choose"));
  EXPECT_THAT(Refusal("arc", good + "{\"answer\": \"answer1\"}]"),
              HasSubstr("rows:3: row 2: instruction is missing"));
  EXPECT_THAT(Refusal("arc", good + "7]"), HasSubstr("rows:3: row 2: is 7, expected an object"));
  EXPECT_THAT(Refusal("arc", good + "{]"), HasSubstr("rows: not valid JSON at byte"));
  EXPECT_THAT(Refusal("arc", "[]"), HasSubstr("rows: holds no rows"));
}

TEST_F(PublicSetsTest, OptionsThatOccurTwiceAreLeftOutAndCounted) {
  const std::string twice = AdaptersRow("Answer1: a Answer2: b Answer3: b", "answer3");
  const std::string alone = AdaptersRow("Answer1: a Answer2: a", "answer1");
  const std::vector<Task> tasks =
      Tasks("openbookqa", "[\n" + twice + ",\n" + alone + ",\n" + twice + "\n]");
  ASSERT_EQ(tasks.size(), 2U);
  EXPECT_THAT(tasks[0].options, ElementsAre("a", "b"));
  EXPECT_EQ(tasks[0].answer, "b");
  EXPECT_EQ(tasks[1].id, "openbookqa-3") << "a row keeps its number";
  EXPECT_THAT(notes_, UnorderedElementsAre(
                          "rows:2: row 1: option left out, it occurs twice (and 1 more rows)",
                          "rows:3: row 2: row left out, there is nothing to choose from"));
  EXPECT_THAT(Refusal("openbookqa", "[" + alone + "," + alone + "]"),
              HasSubstr("rows:1: row 1: row left out, there is nothing to choose from; so are all "
                        "2 rows"));
}

TEST_F(PublicSetsTest, OpenBookQaIsReadFromItsTable) {
  const std::string header = "ID\tQuestion Stem\tChoices\tComplete Question\tAnswer Key\n";
  const std::vector<Task> tasks =
      Tasks("openbookqa", header + "7-1\tSnow is\t(A) hot (B) cold \"and\" wet\tall\tB\r\n");
  ASSERT_EQ(tasks.size(), 1U);
  EXPECT_EQ(tasks[0].id, "openbookqa-7-1");
  EXPECT_EQ(tasks[0].question, "Snow is");
  EXPECT_THAT(tasks[0].options, ElementsAre("hot", "cold \"and\" wet"));
  EXPECT_EQ(tasks[0].answer, "cold \"and\" wet");

  EXPECT_THAT(Refusal("openbookqa", header + "7-1\tSnow is\t(A) hot (B) cold\tall\tC\n"),
              HasSubstr("rows:2: answer is \"C\", expected a letter for one of 2 options"));
  EXPECT_THAT(Refusal("openbookqa", header + "\n7-1\tSnow is\thot or cold\tall\tA\n"),
              HasSubstr("rows:3: Choices is \"hot or cold\""));
  EXPECT_THAT(Refusal("openbookqa", header + "7-1\tSnow is\n"),
              HasSubstr("rows:2: has 2 fields, expected 5"));
  EXPECT_THAT(Refusal("openbookqa", "ID\tStem\n"),
              HasSubstr("rows:1: no column is called \"Question Stem\""));
}

TEST_F(PublicSetsTest, PiqaTakesItsLabelsFromBeside) {
  const std::string path = Write("goals.jsonl",
                                 "{\"goal\": \"Dry a cup.\", \"sol1\": \"a towel \", \"sol2\": \"a "
                                 "tap\"}\n{\"goal\": \"\", \"sol1\": \"x\", \"sol2\": \"y\"}\n");
  EXPECT_THAT(Read("piqa", path).status().message(), HasSubstr("goals-labels.lst"));
  Write("goals-labels.lst", "0\n");
  EXPECT_THAT(Read("piqa", path).status().message(), HasSubstr("goals.jsonl:2: has no label"));
  Write("goals-labels.lst", "0\n2\n");
  EXPECT_THAT(Read("piqa", path).status().message(), HasSubstr("goals-labels.lst:2: is \"2\""));
  Write("goals-labels.lst", "0\n1\n1\n");
  EXPECT_THAT(Read("piqa", path).status().message(), HasSubstr("goals.jsonl:2: question and"));
  Write("goals.jsonl", "{\"goal\": \"Dry a cup.\", \"sol1\": \"a towel \", \"sol2\": \"a tap\"}\n");
  EXPECT_THAT(Read("piqa", path).status().message(), HasSubstr("holds 3 labels for the 1 rows"));
  Write("goals-labels.lst", "0");
  const Result<PublicTasks> read = Read("piqa", path);
  ASSERT_TRUE(read.ok()) << read.status().ToString();
  ASSERT_EQ(read->tasks.size(), 1U);
  EXPECT_EQ(PromptText(read->tasks[0]), "Q: Dry a cup.\nA:");
  EXPECT_THAT(read->tasks[0].options, ElementsAre("a towel", "a tap"));
  EXPECT_EQ(read->tasks[0].answer, "a towel");
}

std::string SciqRow(const std::string& choices, const std::string& completion) {
  return R"({"prompt": "Answer the following question given this paragraph: \n\nSap rises. It is )"
         R"(sweet.\n\n\nQ: What rises?\n\n Choices:\n\n)" +
         choices + R"(\n\nA:\n", "completion": ")" + completion + "<|endoftext|>\"}\n";
}

TEST_F(PublicSetsTest, SciqIsReadFromPrompts) {
  const std::vector<Task> tasks = Tasks(
      "sciq", SciqRow("- sap\\n\\n- a - b", "sap") + SciqRow("- air\\n\\n- tar\\n\\n- air", "sap"));
  ASSERT_EQ(tasks.size(), 1U);
  EXPECT_THAT(tasks[0].context, ElementsAre("Sap rises.", "It is sweet."));
  EXPECT_EQ(tasks[0].question, "What rises?");
  EXPECT_THAT(tasks[0].options, ElementsAre("sap", "a - b"));
  EXPECT_EQ(tasks[0].answer, "sap");
  EXPECT_THAT(notes_, ElementsAre("rows:2: row left out, the answer is not among the options"));
  EXPECT_THAT(Refusal("sciq", R"({"prompt": "What rises?", "completion": "sap"})"),
              HasSubstr("rows:1: prompt is \"What rises?\", expected \"Answer the following"));
}

TEST_F(PublicSetsTest, LambadaAsksForTheLastWord) {
  const std::vector<Task> tasks =
      Tasks("lambada", "{\"text\": \"\\\"Go, Kim.\\\"\\n\\nSo went \\\"Kim \"}\n");
  ASSERT_EQ(tasks.size(), 1U);
  EXPECT_EQ(PromptText(tasks[0]), "\"Go, Kim.\"\n\nSo went");
  EXPECT_EQ(tasks[0].answer, "\"Kim");
  EXPECT_FALSE(tasks[0].multiple_choice());
  EXPECT_THAT(Refusal("lambada", "{\"text\": \"word\"}"),
              HasSubstr("rows:1: text is \"word\", expected at least two words"));
  EXPECT_THAT(Refusal("lambada", "{\"txt\": \"a b\"}"), HasSubstr("rows:1: text is missing"));
}

TEST_F(PublicSetsTest, BoolqIsReadInBothForms) {
  const std::vector<Task> tasks =
      Tasks("boolq",
            "{\"question\": \"is tar black\", \"passage\": \"Tar -- Tar is dark. Very.\", "
            "\"label\": true}\n{\"question\": \"Is it?\", \"passage\": \"No.\", \"title\": "
            "\"It\", \"answer\": false}\n");
  ASSERT_EQ(tasks.size(), 2U);
  EXPECT_EQ(PromptText(tasks[0]), "Tar -- Tar is dark.\nVery.\nQ: is tar black?\nA:");
  EXPECT_THAT(tasks[0].options, ElementsAre("yes", "no"));
  EXPECT_EQ(tasks[0].answer, "yes");
  EXPECT_EQ(tasks[1].question, "Is it?");
  EXPECT_EQ(tasks[1].answer, "no");
  EXPECT_THAT(Refusal("boolq", "{\"question\": \"q\", \"passage\": \"p\"}"),
              HasSubstr("rows:1: label is missing"));
  EXPECT_THAT(Refusal("boolq", "{\"question\": \"q\", \"passage\": \"p\", \"label\": 1}"),
              HasSubstr("rows:1: label is 1, expected true or false"));
}

TEST_F(PublicSetsTest, CopaAsksForCauseOrEffect) {
  const std::vector<Task> tasks =
      Tasks("copa",
            "{\"premise\": \"It froze.\", \"choice1\": \"Cold came.\", \"choice2\": \"Kim "
            "ate.\", \"question\": \"cause\", \"label\": 0, \"idx\": 4}\n"
            "{\"premise\": \"It froze.\", \"choice1\": \"Kim ate.\", \"choice2\": \"Kim "
            "slipped.\", \"question\": \"effect\", \"label\": 1}\n");
  ASSERT_EQ(tasks.size(), 2U);
  EXPECT_EQ(tasks[0].question, "It froze. What was the cause?");
  EXPECT_EQ(tasks[0].answer, "Cold came.");
  EXPECT_EQ(tasks[1].question, "It froze. What happened as a result?");
  EXPECT_EQ(tasks[1].answer, "Kim slipped.");
  EXPECT_THAT(Refusal("copa",
                      "{\"premise\": \"p\", \"choice1\": \"x\", \"choice2\": \"y\", "
                      "\"question\": \"why\", \"label\": 0}"),
              HasSubstr("rows:1: question is \"why\", expected cause or effect"));
  EXPECT_THAT(Refusal("copa",
                      "{\"premise\": \"p\", \"choice1\": \"x\", \"choice2\": \"y\", "
                      "\"question\": \"cause\", \"label\": 2}"),
              HasSubstr("rows:1: label is 2, expected 0 or 1"));
}

TEST_F(PublicSetsTest, OctopusPutsDescriptionsBeforeNames) {
  Write("octopus_functions.txt",
        "def ring_bell(times):\n    \"\"\"\n    Rings the bell. Loudly.\n\n    Parameters:\n    - "
        "times (int): how often.\n    \"\"\"\n\n\ndef wave():\n    pass\n\ndef nod(n):\n    "
        "\"\"\"Nods\n    twice.\"\"\"\n");
  const std::vector<Task> tasks =
      Tasks("octopus",
            "\xEF\xBB\xBFPlease ring,ring bell,wave,nod,other function,A\r\n\"Say \"\"yes\"\", "
            "please\",ring bell,wave,nod,other function,C\r\n");
  ASSERT_EQ(tasks.size(), 2U);
  EXPECT_EQ(tasks[0].task, "octopus");
  EXPECT_EQ(tasks[0].question, "Please ring");
  EXPECT_THAT(tasks[0].options, ElementsAre("ring_bell", "wave", "nod", "other_function"));
  EXPECT_THAT(tasks[0].context,
              ElementsAre("Rings the bell: ring_bell", "wave", "Nods: nod", "other_function"));
  EXPECT_EQ(tasks[0].answer, "ring_bell");
  EXPECT_EQ(tasks[1].question, "Say \"yes\", please");
  EXPECT_EQ(tasks[1].answer, "nod");
  EXPECT_THAT(notes_, IsEmpty());
}

TEST_F(PublicSetsTest, OctopusWorksWithoutDescriptionsAndSaysSo) {
  const std::vector<Task> tasks = Tasks("octopus", "ring,ring bell,wave,A\n");
  ASSERT_EQ(tasks.size(), 1U);
  EXPECT_THAT(tasks[0].context, ElementsAre("ring_bell", "wave"));
  EXPECT_THAT(notes_, ElementsAre(HasSubstr("no octopus_functions.txt beside it")));
  EXPECT_THAT(Refusal("octopus", "ring,ring bell,wave,A\n\nring,ring bell,wave,C\n"),
              HasSubstr("rows:3: answer is \"C\", expected a letter for one of 2 options"));
  EXPECT_THAT(Refusal("octopus", "ring,ring bell,A\n"), HasSubstr("rows:1: has 3 fields"));
  EXPECT_THAT(Refusal("octopus", "ring,ring bell,wave,b\n"), HasSubstr("rows:1: answer is \"b\""));
}

TEST_F(PublicSetsTest, LlamaTouchChoosesAmongAllItsApps) {
  const std::string header = "episode\tcategory\tpath\tdescription\tnsteps\tapp\n";
  const std::vector<Task> tasks =
      Tasks("llamatouch", header +
                              "11\tg\tg/1\tPlay \"Sun\"\t3\tTube\n12\tg\tg/2\tDial Bo\t2\t"
                              "Phone\n13\tg\tg/3\tShow cats\t2\ttube\n");
  ASSERT_EQ(tasks.size(), 3U);
  EXPECT_EQ(tasks[0].id, "llamatouch-11");
  EXPECT_EQ(tasks[0].question, "Play \"Sun\"");
  EXPECT_THAT(tasks[1].options, ElementsAre("Tube", "Phone"));
  EXPECT_EQ(tasks[1].context, tasks[1].options);
  EXPECT_EQ(tasks[1].answer, "Phone");
  EXPECT_EQ(tasks[2].answer, "Tube") << "one app, written in two ways";
  EXPECT_THAT(notes_, ElementsAre(HasSubstr("rows:4: app written as in an earlier row")));
  EXPECT_THAT(Refusal("llamatouch", header + "11\tg\tg/1\tPlay\n"),
              HasSubstr("rows:2: has 4 fields, expected 6"));
  EXPECT_THAT(Refusal("llamatouch", "episode\tdescription\n"),
              HasSubstr("rows:1: no column is called \"app\""));
  EXPECT_THAT(
      Refusal("llamatouch", header + "11\tg\tg/1\tPlay\t3\tTube\n11\tg\tg/1\tSing\t3\tBox\n"),
      HasSubstr("rows:3: id \"llamatouch-11\" occurs twice"));
}

// A row with two options.
std::string TraceRow(const std::string& answer,
                     const std::string& rest = "[0.4, 1], 7, \"ARC_E\"") {
  return R"(["What burns?", ["wood", "ice"], )" + answer + ", " + rest + "]";
}

TEST_F(PublicSetsTest, ElastilmAnswersAreIndicesLettersDigitsOrTexts) {
  const std::vector<Task> tasks =
      Tasks("elastilm", StrCat("[", TraceRow("1"), ",", TraceRow("\"A\""), ",\n", TraceRow("\"2\""),
                               ",", TraceRow("\"wood\""), "]"));
  ASSERT_EQ(tasks.size(), 4U);
  EXPECT_EQ(tasks[0].answer, "ice") << "numbers count from 0";
  EXPECT_EQ(tasks[1].answer, "wood");
  EXPECT_EQ(tasks[2].answer, "ice") << "digits in quotes count from 1";
  EXPECT_EQ(tasks[3].answer, "wood");
  EXPECT_EQ(tasks[0].id, "elastilm-1");
  EXPECT_EQ(tasks[0].task, "elastilm-arc_e");
  EXPECT_EQ(tasks[0].slo, (TaskSlo{0.4, 1}));
  EXPECT_THAT(tasks[0].tags, ElementsAre("arrival=7"));
}

TEST_F(PublicSetsTest, ElastilmLettersAreNamesWhereOptionsOutnumberThem) {
  std::string options;
  for (int app = 0; app < 30; ++app) options += StrCat(app == 0 ? "" : ", ", "\"app ", app, "\"");
  const std::vector<Task> tasks = Tasks(
      "elastilm", "[[\"Post it\", [" + options + ", \"X\"], \"X\", [1, 1], 0, \"llamatouch\"]]");
  ASSERT_EQ(tasks.size(), 1U);
  EXPECT_EQ(tasks[0].answer, "X");
}

TEST_F(PublicSetsTest, ElastilmRowsThatAskNothingAreLeftOutOfOneSet) {
  const std::string lost = R"(["wood", ["wood", "ice"], "B", [1, 1], 3, "octopus"])";
  const std::string text = StrCat("[", TraceRow("0"), ",\n", lost, ",\n", lost, "]");
  EXPECT_EQ(Tasks("elastilm", text).size(), 1U);
  EXPECT_THAT(notes_, ElementsAre("rows:2: row 2: row left out, its question is one of its options "
                                  "(and 1 more rows)"));
  const std::vector<Task> all = Tasks("elastilm-trace", text);
  ASSERT_EQ(all.size(), 3U);
  EXPECT_EQ(all[1].answer, "ice");
  EXPECT_EQ(all[1].id, "elastilm-trace-2");
  EXPECT_THAT(notes_, IsEmpty());
}

TEST_F(PublicSetsTest, ElastilmRowsThatAreWrongAreRefused) {
  const std::string good = StrCat("[", TraceRow("0"), ",\n");
  for (const char* answer : {"2", "\"C\"", "\"3\"", "\"0\""}) {
    EXPECT_THAT(Refusal("elastilm", good + TraceRow(answer) + "]"),
                HasSubstr("rows:2: row 2: answer"));
  }
  EXPECT_THAT(Refusal("elastilm", good + TraceRow("\"tar\"") + "]"),
              HasSubstr("answer is \"tar\", which is no option"));
  EXPECT_THAT(Refusal("elastilm", good + TraceRow("0", "[1], 7, \"ARC_E\"") + "]"),
              HasSubstr("rows:2: row 2: is [\"What burns?\""));
  EXPECT_THAT(Refusal("elastilm", good + TraceRow("0", "[2, 1], 7, \"ARC_E\"") + "]"),
              HasSubstr("rows:2: row 2: slo.ttft is 2, expected above 0 and at most 1"));
  EXPECT_THAT(Refusal("elastilm", good + TraceRow("0", "[1, 1], \"7\", \"ARC_E\"") + "]"),
              HasSubstr("expected [question, options, answer, [TTFT, TPOT], arrival, set]"));
}

}  // namespace
}  // namespace elm
