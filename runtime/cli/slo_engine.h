// A bundle opened for requests with an SLO: session, tiny LM, latency table, orchestrator.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "formats/base/status.h"
#include "runtime/cli/flags.h"
#include "runtime/orchestrator/orchestrator.h"

namespace elm {

// Where the latencies come from that decisions are made by.
struct LatencySource {
  std::string name;        // of the table
  std::string origin;      // the file, or "the bundle's reference table"
  bool reference = false;  // not measured on this device
};

// What a session is opened with, from the options that all these commands share.
struct SessionSetup {
  std::string path;  // of the bundle
  uint32_t context = 0;
  uint32_t threads = 1;
  KvType kv = KvType::kF16;
  bool verify_weights = false;
  bool copy_weights = false;
};
// --context-tokens, --threads, --kv, --check, --no-mmap where the command has them.
Result<SessionSetup> ReadSessionSetup(const ParsedFlags& flags);

// A model, its session at the full level, and its tiny LM where it has one.
struct OpenedBundle {
  std::shared_ptr<const Bundle> bundle;
  std::shared_ptr<const Model> model;
  std::unique_ptr<Session> session;
  std::unique_ptr<PromptReader> reader;  // null without a tiny LM
  std::string device;                    // DeviceName() of how it computes
};
Result<OpenedBundle> OpenBundle(const SessionSetup& setup);

// "MODEL.elm.lat.json": where `elm calibrate` leaves the table of a bundle.
std::string LatencyPathBeside(const std::string& bundle_path);

class SloEngine {
 public:
  // `latency_path`: empty for the table beside the bundle, else its reference. Fails when there is
  // none of them, and when the table belongs to another bundle or device.
  static Result<std::unique_ptr<SloEngine>> Open(const SessionSetup& setup,
                                                 const std::string& latency_path);

  // Touches all weights, so that the first request is not measured while they are read from disk.
  Status WarmUp();

  Orchestrator& orchestrator() { return *orchestrator_; }
  const OpenedBundle& opened() const { return opened_; }
  const LatencySource& latency() const { return latency_; }

 private:
  SloEngine() = default;

  OpenedBundle opened_;
  std::unique_ptr<Llm> llm_;
  std::unique_ptr<Orchestrator> orchestrator_;
  LatencySource latency_;
};

}  // namespace elm
