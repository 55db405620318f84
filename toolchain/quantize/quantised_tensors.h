// Rounded matrices of a model, and a model in LibTorch that computes with them.
#pragma once

#include <string>
#include <unordered_map>

#include "formats/elm/bundle_writer.h"
#include "formats/elm/quantised_tiles.h"
#include "formats/model/tensor_list.h"
#include "toolchain/base/libtorch.h"
#include "toolchain/model/llama.h"

namespace elm {

// By the names of ListTensors().
using QuantisedTensors = std::unordered_map<std::string, QuantisedMatrix>;

// The model's matrix of that role: a reference into `model`.
torch::Tensor& MatrixOf(Llama& model, const TensorSpec& spec);

// What the integers stand for: float32 [rows, columns].
torch::Tensor ToTensor(const QuantisedMatrix& matrix);

// For WriteBundle(): looks matrices up. `tensors` must outlive it and hold every quantised matrix.
MatrixQuantiser TakeFrom(const QuantisedTensors& tensors);

}  // namespace elm
