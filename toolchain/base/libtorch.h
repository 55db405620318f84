// The part of LibTorch that the toolchain uses: tensors, gradients, devices.
//
// <torch/torch.h> also brings layers, optimisers and data loaders. Their templates are instantiated
// anew in every file that includes them, precompiled or not: 8 s of each, against 3 s for these.
#pragma once

#include <torch/autograd.h>
#include <torch/cuda.h>
#include <torch/types.h>
#include <torch/utils.h>
#include <torch/version.h>
