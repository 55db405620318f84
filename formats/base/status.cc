#include "formats/base/status.h"

#include <cerrno>
#include <cstring>

namespace elm {

void MessagePart::PrintText(std::ostream& out, const MessagePart& part) {
  out << static_cast<const char*>(part.value);
}

void MessagePart::Manipulate(std::ostream& out, const MessagePart& part) { part.manipulator(out); }

std::string Concatenate(std::initializer_list<MessagePart> values) {
  std::ostringstream out;
  for (const MessagePart& value : values) value.print(out, value);
  return std::move(out).str();
}

const char* StatusCodeName(StatusCode code) {
  switch (code) {
    case StatusCode::kOk:
      return "ok";
    case StatusCode::kFailedCheck:
      return "failed check";
    case StatusCode::kInvalidArgument:
      return "usage";
    case StatusCode::kCorruption:
      return "corruption";
    case StatusCode::kUnsupported:
      return "unsupported";
    case StatusCode::kNotFound:
      return "not found";
    case StatusCode::kIo:
      return "input/output";
    case StatusCode::kNoSpace:
      return "no space";
    case StatusCode::kOutOfMemory:
      return "out of memory";
    case StatusCode::kCancelled:
      return "interrupted";
    case StatusCode::kInternal:
      return "internal error";
  }
  return "internal error";
}

std::string Status::ToString() const {
  if (ok()) return "ok";
  return StrCat(StatusCodeName(code_), ": ", message_);
}

Status Status::In(const std::string& where) const {
  if (ok()) return *this;
  return {code_, StrCat(where, ": ", message_)};
}

int ExitCode(const Status& status) {
  switch (status.code()) {
    case StatusCode::kOk:
      return 0;
    case StatusCode::kFailedCheck:
      return 1;
    case StatusCode::kInvalidArgument:
      return 2;
    case StatusCode::kCorruption:
    case StatusCode::kUnsupported:
      return 3;
    case StatusCode::kNotFound:
    case StatusCode::kIo:
    case StatusCode::kNoSpace:
      return 4;
    case StatusCode::kOutOfMemory:
      return 5;
    case StatusCode::kCancelled:
      return 130;
    case StatusCode::kInternal:
      return 70;
  }
  return 70;
}

Status IoError(int error_number, const std::string& what) {
  StatusCode code = StatusCode::kIo;
  if (error_number == ENOENT) code = StatusCode::kNotFound;
  if (error_number == ENOSPC || error_number == EDQUOT || error_number == EFBIG) {
    code = StatusCode::kNoSpace;
  }
  if (error_number == ENOMEM) code = StatusCode::kOutOfMemory;
  return {code, StrCat(what, ": ", std::strerror(error_number))};
}

}  // namespace elm
