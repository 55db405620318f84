#include "datasets/token_windows.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <unordered_map>
#include <utility>

#include "datasets/documents.h"
#include "formats/base/mapped_file.h"
#include "formats/base/utf8.h"

namespace elm {
namespace {

// How much text is encoded at first for a window, and how far a line start is waited for, in bytes
// per token. English comes at about four bytes a token, less with a small vocabulary.
constexpr size_t kFirstBytesPerToken = 6;
constexpr size_t kReachBytesPerToken = 4;
// A cut in the text may distort the tokens just before it, so this many more are asked for.
constexpr size_t kLookaheadTokens = 8;

bool IsCharacterStart(std::string_view text, size_t position) {
  return position >= text.size() || (static_cast<unsigned char>(text[position]) & 0xC0) != 0x80;
}

size_t RoundUpToCharacter(std::string_view text, size_t position) {
  position = std::min(position, text.size());
  while (!IsCharacterStart(text, position)) ++position;
  return position;
}

size_t SkipSpace(std::string_view text, size_t position) {
  while (position < text.size() && IsAsciiSpace(text[position])) ++position;
  return position;
}

struct Window {
  std::vector<uint32_t> ids;
  size_t end = 0;  // byte offset in its document behind the last token
};

// Cuts windows of `tokens` tokens of text out of one document.
class WindowCutter {
 public:
  WindowCutter(std::string_view document, size_t tokens, const EncodeText& encode)
      : document_(document), tokens_(tokens), encode_(encode) {}

  // The window that begins at the first natural start at or after `position`, if the document holds
  // it.
  std::optional<Window> CutFrom(size_t position) {
    const size_t start = NaturalStart(position);
    size_t stop;
    size_t size = tokens_ * kFirstBytesPerToken;
    Window window;
    do {
      stop = RoundUpToCharacter(document_, start + size);
      window.ids = encode_(document_.substr(start, stop - start));
      size *= 2;
    } while (window.ids.size() < tokens_ + kLookaheadTokens && stop < document_.size());
    longest_ = std::max(longest_, window.ids.size());
    if (window.ids.size() < tokens_) return std::nullopt;
    window.ids.resize(tokens_);
    window.end = FindEnd(start, stop);
    return window;
  }

  // Most tokens seen from any start, for the message when nothing fits.
  size_t longest() const { return longest_; }

 private:
  size_t NaturalStart(size_t position) const {
    if (position == 0 || document_[position - 1] == '\n') return SkipSpace(document_, position);
    const std::string_view ahead = document_.substr(position, tokens_ * kReachBytesPerToken);
    size_t skipped = ahead.find('\n');
    if (skipped == std::string_view::npos) skipped = ahead.find(' ');
    if (skipped == std::string_view::npos) return RoundUpToCharacter(document_, position);
    return SkipSpace(document_, position + skipped);
  }

  // End of the shortest text from `start` that encodes to enough tokens; up to `stop` it does.
  size_t FindEnd(size_t start, size_t stop) const {
    size_t too_short = start;
    size_t enough = stop;
    while (true) {
      const size_t half = std::max<size_t>(1, (enough - too_short) / 2);
      size_t middle = RoundUpToCharacter(document_, too_short + half);
      if (middle >= enough) middle = RoundUpToCharacter(document_, too_short + 1);
      if (middle >= enough) return enough;
      const bool fits = encode_(document_.substr(start, middle - start)).size() >= tokens_;
      (fits ? enough : too_short) = middle;
    }
  }

  std::string_view document_;
  size_t tokens_;
  const EncodeText& encode_;
  size_t longest_ = 0;
};

Status CheckOptions(const WindowOptions& options) {
  if (options.length < 2) {
    return InvalidArgument("window length is ", options.length, ", expected at least 2 tokens");
  }
  if (options.max_windows == 0) return InvalidArgument("0 windows asked for, expected at least 1");
  return Status::Ok();
}

}  // namespace

Result<TokenWindows> CutTextWindows(std::string_view text, const std::string& name,
                                    const EncodeText& encode, const WindowOptions& options) {
  ELM_RETURN_IF_ERROR(CheckOptions(options));
  const std::vector<std::string_view> documents = SplitDocuments(text);
  if (documents.empty()) {
    return InvalidArgument(name, ": empty, expected text to take windows from");
  }
  const size_t text_tokens = options.length - (options.add_bos ? 1 : 0);
  TokenWindows windows{.length = options.length, .ids = {}};
  size_t longest = 0;
  for (std::string_view document : documents) {
    const size_t document_begin = static_cast<size_t>(document.data() - text.data());
    WindowCutter cutter(document, text_tokens, encode);
    size_t used = 0;  // bytes of this document
    while (windows.count() < options.max_windows) {
      const double share = static_cast<double>(windows.count()) / options.max_windows;
      const auto wanted = static_cast<size_t>(share * static_cast<double>(text.size()));
      if (wanted >= document_begin + document.size()) break;
      // A model learned what follows BOS at the beginning of documents, so there a window is most
      // like what it knows; only further windows of the same document begin inside it.
      const size_t position =
          used == 0 ? 0 : std::max(used, std::max(wanted, document_begin) - document_begin);
      if (position >= document.size()) break;
      std::optional<Window> window = cutter.CutFrom(position);
      if (!window) break;
      if (options.add_bos) windows.ids.push_back(options.bos_id);
      windows.ids.insert(windows.ids.end(), window->ids.begin(), window->ids.end());
      used = window->end;
    }
    longest = std::max(longest, cutter.longest());
  }
  if (windows.ids.empty()) {
    return InvalidArgument(name, ": the longest document has ", longest,
                           " tokens, but a window takes ", text_tokens,
                           "; give a longer text or a smaller window");
  }
  return windows;
}

Result<TokenWindows> ReadTextWindows(const std::string& path, const EncodeText& encode,
                                     const WindowOptions& options) {
  ELM_ASSIGN_OR_RETURN(const MappedFile file,
                       MappedFile::Open(path, MappedFile::Access::kSequential));
  const auto bytes = file.bytes();
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (const std::optional<size_t> invalid = FindInvalidUtf8(text)) {
    return InvalidArgument(path, ": not UTF-8 at byte ", *invalid,
                           "; convert the text to UTF-8 first (iconv can)");
  }
  return CutTextWindows(text, path, encode, options);
}

double UnigramEntropy(const TokenWindows& windows) {
  std::unordered_map<uint32_t, uint64_t> counts;
  uint64_t total = 0;
  for (size_t i = 0; i < windows.count(); ++i) {
    for (uint32_t id : windows.row(i).subspan(1)) {
      ++counts[id];
      ++total;
    }
  }
  // H = ln N - sum(n ln n) / N. Summed in the order of the counts, so that it is the same
  // everywhere.
  std::vector<uint64_t> sorted;
  sorted.reserve(counts.size());
  for (const auto& [id, count] : counts) sorted.push_back(count);
  std::sort(sorted.begin(), sorted.end());
  double weighted = 0;
  for (uint64_t count : sorted) weighted += count * std::log(static_cast<double>(count));
  if (total == 0) return 0;
  return std::log(static_cast<double>(total)) - weighted / static_cast<double>(total);
}

}  // namespace elm
