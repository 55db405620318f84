#include "toolchain/trace/make_trace.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <numeric>
#include <string_view>
#include <utility>

#include "datasets/load_tasks.h"
#include "datasets/pocket/random.h"
#include "toolchain/base/error.h"
#include "toolchain/trace/trace_apps.h"

namespace elm {
namespace {

using pocket::Random;

constexpr std::string_view kArrivalTag = "arrival=";
constexpr std::string_view kFamilyPrefix = "elastilm-";

void CheckRate(double rate) {
  if (rate > 0 && rate <= kMostRate) return;
  throw Error(InvalidArgument("rate is ", rate, ", expected above 0 and at most ", kMostRate,
                              " requests a second"));
}

void Check(const MakeTraceOptions& options) {
  if (!(std::abs(options.alpha) <= kMostAlpha)) {
    throw Error(InvalidArgument("alpha is ", options.alpha, ", expected -", kMostAlpha, " to ",
                                kMostAlpha));
  }
  if (options.count < 1 || options.count > kMostRequests) {
    throw Error(InvalidArgument("count is ", options.count, ", expected 1 to ", kMostRequests));
  }
  CheckRate(options.rate);
}

// A stream of its own for each purpose, so that one more draw for one does not change the others.
Random Stream(uint64_t seed, uint64_t purpose) {
  Random random(seed * 0x9E3779B97F4A7C15 + purpose);
  return Random(random.Next());
}

// Hands out the tasks of each app: its families' in random order, again from the beginning, in
// another order, when all have been asked.
class TaskDeck {
 public:
  TaskDeck(const std::vector<TraceApp>& apps, const std::vector<Task>& tasks, uint64_t seed) {
    for (size_t app = 0; app < apps.size(); ++app) {
      Deck deck{{}, 0, Stream(seed, 100 + app)};
      for (size_t task = 0; task < tasks.size(); ++task) {
        const auto& families = apps[app].families;
        if (std::find(families.begin(), families.end(), tasks[task].task) != families.end()) {
          deck.tasks.push_back(task);
        }
      }
      decks_.push_back(std::move(deck));
    }
  }

  size_t Draw(size_t app) {
    Deck& deck = decks_[app];
    if (deck.next == 0) deck.random.Shuffle(deck.tasks);
    const size_t task = deck.tasks[deck.next];
    deck.next = (deck.next + 1) % deck.tasks.size();
    return task;
  }

 private:
  struct Deck {
    std::vector<size_t> tasks;
    size_t next;
    Random random;
  };
  std::vector<Deck> decks_;  // [apps]
};

std::vector<Task> LoadBuiltIn(const BuiltInTasks& tasks) {
  LoadTasksOptions load;
  load.split = ValueOrThrow(pocket::ParseSplit(tasks.split));
  load.seed = tasks.seed;
  load.count = tasks.count;
  return ValueOrThrow(LoadTasks("pocket", load));
}

double RoundToMs(double seconds) { return std::round(seconds * 1000) / 1000; }

uint64_t ArrivalOf(const Task& task) {
  for (const std::string& tag : task.tags) {
    if (!tag.starts_with(kArrivalTag)) continue;
    uint64_t arrival = 0;
    const char* begin = tag.data() + kArrivalTag.size();
    const char* end = tag.data() + tag.size();
    if (std::from_chars(begin, end, arrival).ptr == end) return arrival;
  }
  throw Error(Internal("task ", task.id, " has no arrival"));
}

Slo ToSlo(const TaskSlo& slo) {
  return {SloBound{slo.ttft, SloBound::Unit::kShare}, SloBound{slo.tpot, SloBound::Unit::kShare}};
}

// The app that makes this demand; a new one, named after the row's set, when no published one does.
size_t AppOf(const Task& task, std::vector<TraceApp>& apps) {
  const Slo slo = ToSlo(*task.slo);
  const auto known =
      std::find_if(apps.begin(), apps.end(), [&](const TraceApp& app) { return app.slo == slo; });
  if (known != apps.end()) return static_cast<size_t>(known - apps.begin());
  std::string set = task.task;
  if (set.starts_with(kFamilyPrefix)) set.erase(0, kFamilyPrefix.size());
  apps.push_back({StrCat(set, " ", SloText(slo)), slo, set, {}});
  return apps.size() - 1;
}

// Strictest first, requests going along.
void SortApps(Trace& trace) {
  std::vector<size_t> order(trace.apps.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return Stricter(trace.apps[a].slo, trace.apps[b].slo);
  });
  std::vector<size_t> place(order.size());
  std::vector<TraceApp> apps;
  for (size_t i = 0; i < order.size(); ++i) {
    place[order[i]] = i;
    apps.push_back(std::move(trace.apps[order[i]]));
  }
  trace.apps = std::move(apps);
  for (TraceRequest& request : trace.requests) request.app = place[request.app];
}

void SortRequests(Trace& trace) {
  std::stable_sort(
      trace.requests.begin(), trace.requests.end(),
      [](const TraceRequest& a, const TraceRequest& b) { return a.arrival_s < b.arrival_s; });
}

}  // namespace

std::string TraceTitle(const Trace& trace) {
  if (!trace.alpha) return "trace";
  std::array<char, 32> alpha;
  std::snprintf(alpha.data(), alpha.size(), "%g", *trace.alpha);
  return trace.seed ? StrCat("alpha ", alpha.data(), ", seed ", *trace.seed)
                    : StrCat("alpha ", alpha.data());
}

std::vector<uint32_t> RequestCounts(size_t apps, double alpha, uint32_t count) {
  std::vector<double> wanted(apps);
  // Against overflow the largest weight is 1.
  const double highest = std::max(0.0, alpha * (static_cast<double>(apps) - 1));
  for (size_t i = 0; i < apps; ++i) {
    wanted[i] = std::exp(alpha * static_cast<double>(i) - highest);
  }
  const double sum = std::accumulate(wanted.begin(), wanted.end(), 0.0);
  std::vector<uint32_t> counts(apps);
  std::vector<std::pair<double, size_t>> remainders;
  for (size_t i = 0; i < apps; ++i) {
    const double exact = wanted[i] / sum * count;
    counts[i] = static_cast<uint32_t>(exact);
    // Rounded, so that equal weights have equal remainders whatever the last bits are.
    remainders.emplace_back(-std::round((exact - counts[i]) * 1e9), i);
  }
  std::sort(remainders.begin(), remainders.end());
  const uint32_t given = std::accumulate(counts.begin(), counts.end(), 0U);
  for (uint32_t i = 0; given + i < count; ++i) ++counts[remainders[i % apps].second];
  return counts;
}

Trace MakeTrace(const MakeTraceOptions& options) {
  Check(options);
  Trace trace;
  trace.alpha = options.alpha;
  trace.seed = options.seed;
  trace.rate = options.rate;
  trace.apps.assign(PublishedApps().begin(), PublishedApps().end());
  trace.built_in = options.tasks;
  trace.tasks = LoadBuiltIn(options.tasks);

  std::vector<size_t> order;
  const std::vector<uint32_t> counts =
      RequestCounts(trace.apps.size(), options.alpha, options.count);
  for (size_t app = 0; app < counts.size(); ++app) order.insert(order.end(), counts[app], app);
  Stream(options.seed, 1).Shuffle(order);

  TaskDeck deck(trace.apps, trace.tasks, options.seed);
  Random gaps = Stream(options.seed, 2);
  double now = 0;
  for (const size_t app : order) {
    const double uniform = static_cast<double>(gaps.Next() >> 11) * 0x1.0p-53;  // [0, 1)
    now += -std::log1p(-uniform) / options.rate;
    trace.requests.push_back({RoundToMs(now), app, deck.Draw(app)});
  }
  return trace;
}

Trace ReadPublishedTrace(const std::string& path, PublishedContent content,
                         const MakeTraceOptions& options, std::vector<std::string>& notes) {
  CheckRate(options.rate);
  const bool own = content == PublishedContent::kOwn;
  LoadTasksOptions load;
  load.count = 0;
  load.notes = &notes;
  std::vector<Task> rows =
      ValueOrThrow(LoadTasks(StrCat(own ? "elastilm:" : "elastilm-trace:", path), load));

  Trace trace;
  trace.rate = options.rate;
  trace.apps.assign(PublishedApps().begin(), PublishedApps().end());
  if (!own) {
    trace.seed = options.seed;
    trace.built_in = options.tasks;
    trace.tasks = LoadBuiltIn(options.tasks);
  }
  for (size_t row = 0; row < rows.size(); ++row) {
    const double arrival = RoundToMs(static_cast<double>(ArrivalOf(rows[row])) / options.rate);
    trace.requests.push_back({arrival, AppOf(rows[row], trace.apps), row});
  }
  for (TraceApp& app : trace.apps) {
    if (own) app.families.clear();
    if (!own && app.families.empty()) {
      throw Error(InvalidArgument(path, ": demands ", SloText(app.slo),
                                  ", which no published app does; there is no built-in family for "
                                  "it. Keep the file's own questions"));
    }
  }
  SortApps(trace);
  SortRequests(trace);
  if (own) {
    trace.tasks = std::move(rows);
    return trace;
  }
  TaskDeck deck(trace.apps, trace.tasks, options.seed);
  for (TraceRequest& request : trace.requests) request.task = deck.Draw(request.app);
  return trace;
}

}  // namespace elm
