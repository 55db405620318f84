// Errors as values: Status and Result<T>.
//
// Everything in formats/ and runtime/ reports failure through these two types; nothing there
// throws, aborts or prints on bad data. A message says what, where, expected, actual and what to
// do, in one line without a trailing full stop: "model.elm: section table: hash is 1f.., expected
// 9a..; the file is damaged, copy it again".
#pragma once

#include <initializer_list>
#include <optional>
#include <sstream>
#include <string>
#include <utility>

namespace elm {

// What kind of failure. The order is not stored anywhere.
enum class StatusCode {
  kOk,
  kFailedCheck,      // the command worked and the answer is no (a verification, a regression gate)
  kInvalidArgument,  // the caller asked for something that does not exist or makes no sense
  kCorruption,       // bytes that contradict themselves or their checksum
  kUnsupported,      // well-formed, but of a kind or version that this build does not read
  kNotFound,         // no such file, tensor, section
  kIo,               // the operating system refused: permission, read error
  kNoSpace,          // the disk is full or a file-size limit was hit
  kOutOfMemory,
  kCancelled,  // stopped by a signal; everything finished so far is kept
  kInternal,   // a bug of ours
};

// "corruption", "not found", ...: the word that starts an error line.
const char* StatusCodeName(StatusCode code);

// One value of a message. Type-erased, so that a message costs a program a few bytes for each
// value and not a function of its own.
struct MessagePart {
  using Manipulator = std::ios_base& (*)(std::ios_base&);
  union {
    const void* value;
    Manipulator manipulator;
  };
  void (*print)(std::ostream&, const MessagePart&);

  template <typename T>
  explicit MessagePart(const T& object) : value(&object), print(&PrintAs<T>) {}
  template <size_t kSize>
  explicit MessagePart(const char (&text)[kSize]) : value(text), print(&PrintText) {}
  explicit MessagePart(std::ios_base& (&change)(std::ios_base&))
      : manipulator(change), print(&Manipulate) {}

 private:
  template <typename T>
  static void PrintAs(std::ostream& out, const MessagePart& part) {
    out << *static_cast<const T*>(part.value);
  }
  static void PrintText(std::ostream& out, const MessagePart& part);
  static void Manipulate(std::ostream& out, const MessagePart& part);
};
std::string Concatenate(std::initializer_list<MessagePart> values);

// Concatenates values as operator<< prints them.
template <typename... Args>
std::string StrCat(const Args&... args) {
  return Concatenate({MessagePart(args)...});
}

class [[nodiscard]] Status {
 public:
  Status() = default;  // ok
  Status(StatusCode code, std::string message) : code_(code), message_(std::move(message)) {}

  static Status Ok() { return {}; }

  bool ok() const { return code_ == StatusCode::kOk; }
  StatusCode code() const { return code_; }
  const std::string& message() const { return message_; }

  // "corruption: <message>", or "ok".
  std::string ToString() const;

  // The same failure, seen from further out: "<where>: <message>". Ok stays ok.
  Status In(const std::string& where) const;

 private:
  StatusCode code_ = StatusCode::kOk;
  std::string message_;
};

// The exit code that both programs document: 0 ok, 1 failed check, 2 usage, 3 bad input (corrupt or
// unsupported), 4 input/output, 5 memory, 70 internal, 130 interrupted.
int ExitCode(const Status& status);

template <typename... Args>
Status FailedCheck(const Args&... args) {
  return {StatusCode::kFailedCheck, StrCat(args...)};
}
template <typename... Args>
Status InvalidArgument(const Args&... args) {
  return {StatusCode::kInvalidArgument, StrCat(args...)};
}
template <typename... Args>
Status Corruption(const Args&... args) {
  return {StatusCode::kCorruption, StrCat(args...)};
}
template <typename... Args>
Status Unsupported(const Args&... args) {
  return {StatusCode::kUnsupported, StrCat(args...)};
}
template <typename... Args>
Status NotFound(const Args&... args) {
  return {StatusCode::kNotFound, StrCat(args...)};
}
template <typename... Args>
Status Internal(const Args&... args) {
  return {StatusCode::kInternal, StrCat(args...)};
}
// The failure that errno describes: ENOENT is kNotFound, ENOSPC, EDQUOT and EFBIG are kNoSpace,
// ENOMEM is kOutOfMemory, the rest kIo.
Status IoError(int error_number, const std::string& what);

// A value or the reason why there is none.
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : value_(std::move(value)) {}         // NOLINT(google-explicit-constructor)
  Result(Status status) : status_(std::move(status)) {  // NOLINT(google-explicit-constructor)
    if (status_.ok()) status_ = Internal("Result built from an ok Status");
  }

  bool ok() const { return status_.ok(); }
  const Status& status() const { return status_; }

  // Only when ok().
  T& value() & { return *value_; }
  const T& value() const& { return *value_; }
  T&& value() && { return *std::move(value_); }
  T& operator*() & { return *value_; }
  const T& operator*() const& { return *value_; }
  T* operator->() { return &*value_; }
  const T* operator->() const { return &*value_; }

 private:
  std::optional<T> value_;
  Status status_;
};

#define ELM_CONCAT_INNER_(a, b) a##b
#define ELM_CONCAT_(a, b) ELM_CONCAT_INNER_(a, b)

// Returns from the enclosing function when `expression` is not ok.
#define ELM_RETURN_IF_ERROR(expression)                                                  \
  do {                                                                                   \
    if (::elm::Status elm_status_ = (expression); !elm_status_.ok()) return elm_status_; \
  } while (false)

// ELM_ASSIGN_OR_RETURN(auto file, MappedFile::Open(path));
#define ELM_ASSIGN_OR_RETURN(declaration, expression) \
  ELM_ASSIGN_OR_RETURN_(ELM_CONCAT_(elm_result_, __LINE__), declaration, expression)
#define ELM_ASSIGN_OR_RETURN_(result, declaration, expression) \
  auto result = (expression);                                  \
  if (!result.ok()) return result.status();                    \
  declaration = std::move(result).value()

}  // namespace elm
