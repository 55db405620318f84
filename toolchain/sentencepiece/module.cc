// The inside of libelm_sentencepiece.so.
#include "toolchain/sentencepiece/module.h"

#include <sentencepiece_trainer.h>

namespace {

class VectorIterator : public sentencepiece::SentenceIterator {
 public:
  explicit VectorIterator(const std::vector<std::string>& sentences) : sentences_(sentences) {}

  bool done() const override { return next_ >= sentences_.size(); }
  void Next() override { ++next_; }
  const std::string& value() const override { return sentences_[next_]; }
  sentencepiece::util::Status status() const override { return {}; }

 private:
  const std::vector<std::string>& sentences_;
  size_t next_ = 0;
};

}  // namespace

extern "C" __attribute__((visibility("default"))) elm::SentencePieces* elm_new_sentence_pieces() {
  return elm::NewSentencePieces().release();
}

extern "C" __attribute__((visibility("default"))) bool elm_train_sentence_pieces(
    const std::unordered_map<std::string, std::string>& options,
    const std::vector<std::string>& sentences, std::string& model, std::string& error) {
  VectorIterator iterator(sentences);
  const auto status = sentencepiece::SentencePieceTrainer::Train(options, &iterator, &model);
  if (!status.ok()) error = status.ToString();
  return status.ok();
}
