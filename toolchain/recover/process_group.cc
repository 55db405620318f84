#include "toolchain/recover/process_group.h"

#ifdef ELM_GLOO
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>
#endif

#include <chrono>
#include <cstdlib>
#include <optional>
#include <string>
#include <vector>

#include "toolchain/base/error.h"

namespace elm {
namespace {

constexpr std::chrono::seconds kPatience(300);

// The whole number that the environment gives under `name`, or nothing.
std::optional<int> FromVariable(const char* name) {
  const char* text = std::getenv(name);
  if (text == nullptr || *text == '\0') return std::nullopt;
  char* end = nullptr;
  const long value = std::strtol(text, &end, 10);
  if (*end != '\0' || value < 0 || value > 65535) {
    throw Error(InvalidArgument("the environment's ", name, " is \"", text,
                                "\", expected a number; leave RANK and WORLD_SIZE out to run one ",
                                "process"));
  }
  return static_cast<int>(value);
}

#ifdef ELM_GLOO
class GlooGroup : public ProcessGroup {
 public:
  GlooGroup(const std::string& host, int port, int rank, int size) : rank_(rank), size_(size) {
    c10d::TCPStoreOptions options;
    options.port = static_cast<uint16_t>(port);
    options.isServer = rank == 0;
    options.timeout = kPatience;
    auto store = c10::make_intrusive<c10d::TCPStore>(host, options);
    auto gloo = c10d::ProcessGroupGloo::Options::create(kPatience);
    gloo->devices.push_back(DeviceFor(host));
    group_ = c10::make_intrusive<c10d::ProcessGroupGloo>(store, rank, size, gloo);
  }

  int rank() const override { return rank_; }
  int size() const override { return size_; }

  void Sum(torch::Tensor& tensor) override {
    std::vector<torch::Tensor> tensors = {tensor.to(torch::kCPU)};
    try {
      group_->allreduce(tensors)->wait();
    } catch (const std::exception&) {
      throw Error(Status(StatusCode::kIo,
                         StrCat("process ", rank_, " of ", size_, ": another process has gone; ",
                                "start all of them again, they go on from the last state")));
    }
    if (!tensor.is_cpu()) tensor.copy_(tensors.front());
  }

 private:
  // What this process is reached at: the interface that Gloo's own variable names, this machine
  // where all are on it, else the machine's own name. `host` is the first process's address.
  static std::shared_ptr<gloo::transport::Device> DeviceFor(const std::string& host) {
    using Gloo = c10d::ProcessGroupGloo;
    const char* interface = std::getenv("GLOO_SOCKET_IFNAME");
    if (interface != nullptr && *interface != '\0') {
      return Gloo::createDeviceForInterface(interface);
    }
    const bool here = host == "localhost" || host == "::1" || host.starts_with("127.");
    return here ? Gloo::createDeviceForHostname(host) : Gloo::createDefaultDevice();
  }

  int rank_;
  int size_;
  c10::intrusive_ptr<c10d::ProcessGroupGloo> group_;
};

std::unique_ptr<ProcessGroup> Connect(const std::string& host, int port, int rank, int size) {
  return std::make_unique<GlooGroup>(host, port, rank, size);
}
#else
std::unique_ptr<ProcessGroup> Connect(const std::string&, int, int, int size) {
  throw Error(Unsupported("WORLD_SIZE is ", size, ", but this program was built without Gloo; run ",
                          "one process, or levels in separate ones (--levels)"));
}
#endif

}  // namespace

std::unique_ptr<ProcessGroup> ProcessGroup::FromEnvironment() {
  const int size = FromVariable("WORLD_SIZE").value_or(1);
  if (size <= 1) return nullptr;
  const std::optional<int> rank = FromVariable("RANK");
  const std::optional<int> port = FromVariable("MASTER_PORT");
  const char* host = std::getenv("MASTER_ADDR");
  if (!rank || *rank >= size || !port || host == nullptr) {
    throw Error(InvalidArgument("WORLD_SIZE is ", size, ", which needs RANK below it, MASTER_ADDR ",
                                "and MASTER_PORT in the environment, as torchrun sets them"));
  }
  // At MASTER_PORT torchrun itself listens, and takes it that every process is its client.
  const char* agent = std::getenv("TORCHELASTIC_USE_AGENT_STORE");
  const int own_port = agent != nullptr && std::string(agent) == "True" ? *port + 1 : *port;
  try {
    return Connect(host, own_port, *rank, size);
  } catch (const Error&) {
    throw;
  } catch (const std::exception& error) {
    const std::string what = error.what();
    throw Error(
        Status(StatusCode::kIo,
               StrCat("process ", *rank, " of ", size, " found no others at ", host, ":", own_port,
                      " within ", kPatience.count(), " s (", what.substr(0, what.find('\n')),
                      "); start them all, with one address")));
  }
}

bool ProcessGroup::Any(bool here) {
  torch::Tensor count = torch::full({1}, here ? 1.0 : 0.0, torch::kFloat32);
  Sum(count);
  return count.item<float>() > 0;
}

}  // namespace elm
