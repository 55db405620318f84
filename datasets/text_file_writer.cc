#include "datasets/text_file_writer.h"

#include <span>

namespace elm {
namespace {

constexpr size_t kMostPending = size_t{1} << 20;

}  // namespace

Result<TextFileWriter> TextFileWriter::Create(const std::string& path) {
  ELM_ASSIGN_OR_RETURN(AtomicFile file, AtomicFile::Create(path));
  return TextFileWriter(std::move(file));
}

Status TextFileWriter::Add(std::string_view text) {
  pending_ += text;
  return pending_.size() < kMostPending ? Status::Ok() : Flush();
}

Status TextFileWriter::Flush() {
  ELM_RETURN_IF_ERROR(file_.WriteAt(written_, std::as_bytes(std::span(pending_))));
  written_ += pending_.size();
  pending_.clear();
  return Status::Ok();
}

Status TextFileWriter::Commit() {
  ELM_RETURN_IF_ERROR(Flush());
  return file_.Commit();
}

}  // namespace elm
