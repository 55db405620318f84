#include "toolchain/baselines/baselines_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "toolchain/baselines/testing/baselines_reports.h"

namespace elm {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr auto kA = BaselineTable::kPublished;
constexpr auto kB = BaselineTable::kSameRecovery;

TEST(BaselinesText, LeadsArePairedItemByItem) {
  BaselinesReport report;
  report.entries = {MakeEntry("elastic", kA, {{500, "11110000"}, {1000, "11111111"}}),
                    MakeEntry("le", kA, {{500, "11000000"}, {1000, "11111111"}})};
  const std::vector<Lead> leads = Leads(report, kA);
  ASSERT_EQ(leads.size(), 1U) << "level 1.0 is the same model";
  EXPECT_EQ(leads[0].method, "le");
  EXPECT_NEAR(leads[0].points.value, 0.25, 1e-12);
  // Differences 0 0 1 1 0 0 0 0, not two independent samples.
  EXPECT_NEAR(leads[0].points.standard_error, 0.1637, 1e-3);
  EXPECT_FALSE(leads[0].behind());
  EXPECT_TRUE(Leads(report, kB).empty());
}

TEST(BaselinesText, AModelBetweenTwoLevelsIsHeldAgainstTheLighterOne) {
  BaselinesReport report;
  report.entries = {MakeEntry("elastic", kA, {{300, "1000"}, {500, "1110"}, {1000, "1111"}}),
                    MakeEntry("pfs", kA, {{250, "1000"}, {450, "1100"}, {1000, "1111"}})};
  const std::vector<Lead> leads = Leads(report, kA);
  ASSERT_EQ(leads.size(), 1U) << "no elastic level is as light as 0.25";
  EXPECT_EQ(leads[0].elastic_permille, 300U);
  EXPECT_NEAR(leads[0].points.value, -0.25, 1e-12);
}

TEST(BaselinesText, BeingBehindIsSaid) {
  const std::string right(40, '1');
  const std::string wrong = std::string(20, '1') + std::string(20, '0');
  BaselinesReport report;
  report.entries = {MakeEntry("elastic", kB, {{500, wrong}, {1000, right}}),
                    MakeEntry("flap", kB, {{500, right}, {1000, right}})};
  const std::string text = BaselinesText(report);
  EXPECT_THAT(text, HasSubstr("-50.0 ±8.0 !"));
  EXPECT_THAT(text, HasSubstr("behind beyond the 95 % interval: FLAP at 0.5"));
  EXPECT_THAT(text, HasSubstr("levels up to 0.6: -50.0 points"));
  report.entries[0] = MakeEntry("elastic", kB, {{500, right}, {1000, right}});
  EXPECT_THAT(BaselinesText(report), HasSubstr("interval: nowhere"));
}

TEST(BaselinesText, BoundsAndModelsOfTheirOwnAreNotAmongWhatIsDerived) {
  BaselinesReport report;
  report.entries = {MakeEntry("elastic", kA, {{500, "1111"}, {1000, "1111"}}),
                    MakeEntry("pfs", kA, {{500, "0000"}, {1000, "1111"}}),
                    MakeEntry("sparsity-oracle", kA, {{500, "0000"}, {1000, "1111"}}),
                    MakeEntry("le", kA, {{500, "1110"}, {1000, "1111"}})};
  EXPECT_THAT(BaselinesText(report), HasSubstr("levels up to 0.6: +25.0 points"));
}

TEST(BaselinesText, SharesThatAreNotTheLevelsAreShown) {
  BaselinesReport report;
  report.entries = {MakeEntry("le", kA, {{500, "1100"}, {1000, "1111"}})};
  EXPECT_THAT(BaselinesText(report), Not(HasSubstr("@33")));
  report.entries[0].report.levels[0].reached_share = 1.0 / 3;
  EXPECT_THAT(BaselinesText(report), HasSubstr("50.0 ±28.9 @33.3"));
}

TEST(BaselinesText, TableBNamesWhatItCannotHave) {
  BaselinesReport report;
  report.entries = {MakeEntry("sparsity", kA, {{500, "1100"}}),
                    MakeEntry("le", kA, {{500, "1100"}}),
                    MakeEntry("elastic", kB, {{500, "1100"}})};
  const std::string text = BaselinesText(report);
  EXPECT_THAT(text, HasSubstr("Only in table (a), since an adapter has no one cut model to belong "
                              "to: CS\n"));
}

}  // namespace
}  // namespace elm
