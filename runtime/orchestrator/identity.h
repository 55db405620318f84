// What a latency table belongs to: a bundle, and a device with how it computes.
#pragma once

#include <cstdint>
#include <string>

#include "formats/elm/bundle.h"
#include "formats/model/latency_table.h"
#include "runtime/kernels/kernels.h"
#include "runtime/kernels/kv_layout.h"

namespace elm {

// A hash of everything in the bundle that latency depends on: all sections but provenance and what
// was measured elsewhere.
uint64_t LatencyHash(const BundleView& view);

// "Intel Xeon, avx512, 2 threads, KV f16".
std::string DeviceName(const KernelTable& kernels, uint32_t threads, KvType kv);

// Whether decisions about the bundle on this device may be made from `table`: references always,
// any other only when it was measured with this bundle, on this device, computing alike. `where`
// starts the message, which says what to do.
Status CheckTableFits(const LatencyTable& table, const BundleView& view, const std::string& device,
                      const std::string& where);

}  // namespace elm
