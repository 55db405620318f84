#include "toolchain/model/testing/second_device.h"

#include <ATen/EmptyTensor.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/ops/_reshape_alias_native.h>
#include <ATen/ops/as_strided_native.h>
#include <ATen/ops/view_native.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>
#include <torch/library.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace elm {
namespace {

#if TORCH_VERSION_MAJOR > 2 || (TORCH_VERSION_MAJOR == 2 && TORCH_VERSION_MINOR >= 3)
#define ELM_ALLOCATE_CONST
template <typename T>
using Maybe = std::optional<T>;
#else
#define ELM_ALLOCATE_CONST const
template <typename T>
using Maybe = c10::optional<T>;
#endif

using at::IntArrayRef;
using at::Tensor;
using c10::IValue;

constexpr auto kSecond = c10::DeviceType::PrivateUse1;

// Addresses with this bit set belong to nobody: on x86-64 and 64-bit ARM reading them is a fault.
constexpr uintptr_t kForeign = uintptr_t{1} << 50;

class ForeignMemory final : public c10::Allocator {
 public:
  c10::DataPtr allocate(size_t bytes) ELM_ALLOCATE_CONST override {
    const c10::Device device(kSecond, 0);
    if (bytes == 0) return {nullptr, device};
    void* memory = std::malloc(bytes);
    if (memory == nullptr) throw std::bad_alloc();
    auto* foreign = reinterpret_cast<void*>(reinterpret_cast<uintptr_t>(memory) | kForeign);
    return {foreign, memory, &std::free, device};
  }
#if TORCH_VERSION_MAJOR > 2 || (TORCH_VERSION_MAJOR == 2 && TORCH_VERSION_MINOR >= 1)
  void copy_data(void* to, const void* from, size_t bytes) const override {
    std::memcpy(Reachable(to), Reachable(const_cast<void*>(from)), bytes);
  }
#endif
  static void* Reachable(void* foreign) {
    return reinterpret_cast<void*>(reinterpret_cast<uintptr_t>(foreign) & ~kForeign);
  }
};

ForeignMemory* Memory() {
  static ForeignMemory memory;
  return &memory;
}

bool IsSecond(const Tensor& tensor) {
  return tensor.defined() && tensor.device().type() == kSecond;
}

at::TensorOptions OnProcessor(const Tensor& tensor) {
  return at::TensorOptions().dtype(tensor.scalar_type()).device(at::kCPU);
}

// The same memory as a tensor of the processor's.
Tensor Alias(const Tensor& tensor) {
  if (!IsSecond(tensor)) return tensor;
  if (tensor.numel() == 0) return at::empty(tensor.sizes(), OnProcessor(tensor));
  return at::from_blob(ForeignMemory::Reachable(tensor.data_ptr()), tensor.sizes(),
                       tensor.strides(), OnProcessor(tensor));
}

Tensor Empty(IntArrayRef sizes, Maybe<at::ScalarType> dtype, Maybe<at::Layout>, Maybe<at::Device>,
             Maybe<bool>, Maybe<at::MemoryFormat> format) {
  return at::detail::empty_generic(sizes, Memory(),
                                   c10::DispatchKeySet(c10::DispatchKey::PrivateUse1),
                                   dtype.value_or(at::kFloat), format);
}

Tensor EmptyStrided(IntArrayRef sizes, IntArrayRef strides, Maybe<at::ScalarType> dtype,
                    Maybe<at::Layout>, Maybe<at::Device>, Maybe<bool>) {
  return at::detail::empty_strided_generic(sizes, strides, Memory(),
                                           c10::DispatchKeySet(c10::DispatchKey::PrivateUse1),
                                           dtype.value_or(at::kFloat));
}

// What was there is not kept: only results are resized here.
const Tensor& Resize(const Tensor& self, IntArrayRef sizes, Maybe<at::MemoryFormat> format) {
  const Tensor fresh =
      Empty(sizes, self.scalar_type(), {}, {}, {}, format.value_or(at::MemoryFormat::Contiguous));
  self.unsafeGetTensorImpl()->set_storage_keep_dtype(fresh.storage());
  self.unsafeGetTensorImpl()->set_sizes_and_strides(sizes, fresh.strides());
  return self;
}

Tensor CopyFrom(const Tensor& from, const Tensor& to, bool) {
  Alias(to).copy_(Alias(from));
  return to;
}

Tensor CopyFromAndResize(const Tensor& from, const Tensor& to) {
  if (to.sizes() != from.sizes()) to.resize_(from.sizes());
  return CopyFrom(from, to, false);
}

at::Scalar LocalScalar(const Tensor& self) { return Alias(self).item(); }

Tensor ToSecond(const Tensor& tensor) {
  if (!tensor.defined() || IsSecond(tensor)) return tensor;
  const Tensor dense = tensor.is_non_overlapping_and_dense() ? tensor : tensor.contiguous();
  const Tensor moved =
      EmptyStrided(dense.sizes(), dense.strides(), dense.scalar_type(), {}, {}, {});
  return CopyFrom(dense, moved, false);
}

// Operations that CUDA has not, or not in deterministic mode, which the toolchain switches on.
void RefuseWhatCudaRefuses(std::string_view name, const std::vector<IValue>& inputs) {
  constexpr std::array kNotDeterministic = {"aten::put_",
                                            "aten::histc",
                                            "aten::_histc",
                                            "aten::kthvalue",
                                            "aten::bincount",
                                            "aten::median",
                                            "aten::nll_loss2d_forward",
                                            "aten::cumsum",
                                            "aten::_ctc_loss_backward",
                                            "aten::scatter_reduce",
                                            "aten::_embedding_bag",
                                            "aten::grid_sampler_2d_backward"};
  constexpr std::array kProducts = {"aten::mm",    "aten::bmm", "aten::addmm", "aten::baddbmm",
                                    "aten::addmv", "aten::mv",  "aten::dot",   "aten::addr"};
  const bool whole = std::any_of(inputs.begin(), inputs.end(), [](const IValue& input) {
    return input.isTensor() && input.toTensor().defined() && !input.toTensor().is_floating_point();
  });
  const auto among = [name](const auto& names) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  TORCH_CHECK(!among(kNotDeterministic) || (name == "aten::cumsum" && whole), name,
              " has no deterministic implementation on CUDA");
  TORCH_CHECK(!among(kProducts) || !whole, name, " is not implemented for whole numbers on CUDA");
  for (const IValue& input : inputs) {
    TORCH_CHECK(!input.isGenerator() || !input.toGenerator().defined(), name,
                " expects a generator of its device, found one of the processor");
  }
}

// Whether CUDA takes such a tensor of the processor beside its own.
void CheckPlace(const Tensor& tensor, std::string_view name) {
  if (!tensor.defined() || IsSecond(tensor) || tensor.dim() == 0) return;
  TORCH_CHECK(false, name, ": expected all tensors to be on the same device, found a tensor of ",
              "sizes ", tensor.sizes(), " on the processor");
}

// An input that is written to is a copy: a result may have to grow.
Tensor HostTensor(const Tensor& tensor, bool written) {
  return written && IsSecond(tensor) ? Alias(tensor).clone() : Alias(tensor);
}

IValue HostValue(const IValue& value, std::string_view name, bool written) {
  if (value.isTensor()) {
    CheckPlace(value.toTensor(), name);
    return HostTensor(value.toTensor(), written);
  }
  if (value.isTensorList()) {
    c10::List<Tensor> tensors;
    for (const Tensor& tensor : value.toTensorVector()) {
      CheckPlace(tensor, name);
      tensors.push_back(HostTensor(tensor, written));
    }
    return tensors;
  }
  if (value.isOptionalTensorList()) {  // of index and index_put_
    c10::List<Maybe<Tensor>> tensors;
    for (const Maybe<Tensor>& tensor : value.toOptionalTensorList().vec()) {
      tensors.push_back(tensor ? Maybe<Tensor>(Alias(*tensor)) : Maybe<Tensor>());
    }
    return tensors;
  }
  if (value.isDevice()) return c10::Device(at::kCPU);
  return value;
}

// Copies what an operation wrote back to where it belongs.
void WriteBack(const IValue& from, const IValue& to) {
  if (to.isTensor()) {
    if (IsSecond(to.toTensor())) CopyFromAndResize(from.toTensor(), to.toTensor());
    return;
  }
  const std::vector<Tensor> written = from.toTensorVector();
  const std::vector<Tensor> originals = to.toTensorVector();
  for (size_t i = 0; i < written.size(); ++i) CopyFromAndResize(written[i], originals[i]);
}

IValue Result(const IValue& value) {
  if (value.isTensor()) return ToSecond(value.toTensor());
  if (!value.isTensorList()) return value;
  c10::List<Tensor> tensors;
  for (const Tensor& tensor : value.toTensorVector()) tensors.push_back(ToSecond(tensor));
  return tensors;
}

bool Writes(const c10::Argument& argument) {
  return argument.alias_info() != nullptr && argument.alias_info()->isWrite();
}

// Everything that is not registered below: computed by the processor.
void Fallback(const c10::OperatorHandle& operation, torch::jit::Stack* stack) {
  const c10::FunctionSchema& schema = operation.schema();
  const std::string& name = schema.name();
  const auto& arguments = schema.arguments();
  const auto first = stack->end() - static_cast<ptrdiff_t>(arguments.size());
  const std::vector<IValue> inputs(first, stack->end());
  RefuseWhatCudaRefuses(name, inputs);
  std::vector<IValue> host;
  for (size_t i = 0; i < inputs.size(); ++i) {
    host.push_back(HostValue(inputs[i], name, Writes(arguments[i])));
  }
  std::copy(host.begin(), host.end(), first);
  operation.redispatchBoxed(c10::DispatchKeySet(c10::DispatchKey::CPU), stack);
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (Writes(arguments[i])) WriteBack(host[i], inputs[i]);
  }
  const auto results = stack->end() - static_cast<ptrdiff_t>(schema.returns().size());
  for (size_t i = 0; i < schema.returns().size(); ++i) {
    const c10::AliasInfo* alias = schema.returns()[i].alias_info();
    if (alias == nullptr) {
      results[static_cast<ptrdiff_t>(i)] = Result(results[static_cast<ptrdiff_t>(i)]);
      continue;
    }
    const auto input = std::find_if(arguments.begin(), arguments.end(), [&](const auto& argument) {
      return Writes(argument) && argument.alias_info()->beforeSets() == alias->beforeSets();
    });
    TORCH_CHECK(input != arguments.end(), name, " is a view, which the stand-in has not got");
    results[static_cast<ptrdiff_t>(i)] = inputs[static_cast<size_t>(input - arguments.begin())];
  }
}

TORCH_LIBRARY_IMPL(_, PrivateUse1, library) {
  library.fallback(torch::CppFunction::makeFromBoxedFunction<&Fallback>());
}

TORCH_LIBRARY_IMPL(aten, PrivateUse1, library) {
  library.impl("empty.memory_format", &Empty);
  library.impl("empty_strided", &EmptyStrided);
  library.impl("resize_", &Resize);
  library.impl("_copy_from", &CopyFrom);
  library.impl("_copy_from_and_resize", &CopyFromAndResize);
  library.impl("_local_scalar_dense", &LocalScalar);
  library.impl("as_strided", &at::native::as_strided_tensorimpl);
  library.impl("view", static_cast<Tensor (*)(const Tensor&, IntArrayRef)>(&at::native::view));
  library.impl("_reshape_alias", &at::native::_reshape_alias);
}

C10_REGISTER_GUARD_IMPL(PrivateUse1, c10::impl::NoOpDeviceGuardImpl<kSecond>)

}  // namespace

torch::Device SecondDevice() {
  if (torch::cuda::is_available()) return {torch::kCUDA, 0};
  c10::SetAllocator(kSecond, Memory());
  return {kSecond, 0};
}

double SecondDeviceTolerance() { return torch::cuda::is_available() ? 5e-3 : 1e-5; }

}  // namespace elm
