// The byte map of an .elm bundle, version 1.1. docs/elm-format.md says the same in prose, line by
// line.
//
// All integers are little-endian. A bundle is
//
//   header | section table | zero padding | section | zero padding | section | ... end of file
//
// Everything has exactly one place: the table follows the header; each section starts at the first
// multiple of kSectionAlignment at or behind the end of what precedes it, in the order of the
// table, which is strictly ascending in kind; the last section ends the file. No section is empty:
// what a bundle does not carry has no row. Everything is read in place from a read-only mapping.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace elm::layout {

// A byte above 127 first, so that no text tool takes a bundle for text; CR LF and LF after it, so
// that a transfer that "repairs" line ends is noticed; 0x1a, so that DOS's `type` stops (as in
// PNG).
inline constexpr std::array<uint8_t, 8> kMagic = {0x89, 'E', 'L', 'M', '\r', '\n', 0x1a, '\n'};

// A reader refuses another major version and reads every minor version of its own: those may only
// add header fields, sections and numbers of types, layouts and roles (docs/compatibility.md).
inline constexpr uint16_t kMajor = 1;
inline constexpr uint16_t kMinor = 1;

// Sections start on the largest page size in use on phones, so that each can be mapped and advised
// alone.
inline constexpr uint64_t kSectionAlignment = 16384;
// Tensors start on a cache line, which is also the widest vector register.
inline constexpr uint64_t kTensorAlignment = 64;

inline constexpr uint32_t kMaxSections = 64;
inline constexpr uint32_t kMaxHeaderSize = 4096;                 // of any minor version
inline constexpr uint64_t kMaxFileSize = uint64_t{1} << 44;      // 16 TiB
inline constexpr uint64_t kMaxSmallSection = uint64_t{1} << 28;  // every section but the bulk ones

struct Header {
  std::array<uint8_t, 8> magic;
  uint16_t major;
  uint16_t minor;
  uint32_t header_size;  // bytes, sizeof(Header) here; a later minor version may add fields
  uint64_t file_size;    // bytes, exactly
  uint64_t section_table_offset;  // bytes from the start; = header_size
  uint32_t section_count;
  uint32_t section_entry_size;  // bytes, sizeof(SectionEntry)
  uint64_t section_table_hash;  // XXH3-64 of the whole table
  uint64_t reserved;            // 0
  uint64_t header_hash;  // XXH3-64 of the header_size - 8 bytes before it; always the last field
};
static_assert(sizeof(Header) == 64);

// The kinds, in file order: small ones first, bulk ones last. Never renumber; gaps are for what
// comes.
enum class SectionKind : uint32_t {
  kModel = 0x10,       // one ModelRecord
  kLevels = 0x20,      // LevelsHeader, then arrays
  kTensors = 0x30,     // TensorRecord[], in the order of ListTensors()
  kGeneration = 0x40,  // GenerationHeader, stop ids, chat template
  kTokenizer = 0x50,   // a SentencePiece model, as its library writes it; may be absent
  kProvenance = 0x60,  // UTF-8 JSON: where the model comes from; no reader needs it; may be absent
  kAdapters = 0x70,    // AdapterRecord[]; may be absent
  // Since 1.1. A bundle without them is written as 1.0.
  kTinyLm = 0x80,            // TlmHeader, lists, TlmTensorRecord[], texts; may be absent
  kReferenceLatency = 0x90,  // LatencyHeader, lists, name; may be absent
  kAccuracy = 0xa0,          // AccuracyHeader, lists; may be absent
  kWeights = 0x1000,         // bulk: the tensors' bytes
  kAdapterWeights = 0x1010,  // bulk: the adapters' bytes; there when kAdapters is
  kTinyLmWeights = 0x1020,   // bulk: the tiny LM's tensors' bytes; there when kTinyLm is
};
// Kinds from here on are bulk: they carry kBulk, all others do not.
inline constexpr uint32_t kFirstBulkKind = 0x1000;

enum SectionFlags : uint32_t {
  kRequired = 1U << 0,  // a reader that does not know this kind must refuse the bundle; of the
                        // known kinds those of 1.0 but kProvenance carry it
  kBulk = 1U << 1,      // its hash is checked by `verify`, not on opening
};
inline constexpr uint32_t kKnownFlags = kRequired | kBulk;

struct SectionEntry {
  SectionKind kind;
  uint32_t flags;
  uint64_t offset;    // bytes from the start of the file, a multiple of kSectionAlignment
  uint64_t size;      // bytes, without padding
  uint64_t hash;      // XXH3-64 of those bytes
  uint64_t reserved;  // 0
};
static_assert(sizeof(SectionEntry) == 40);

struct ModelRecord {
  uint32_t layers;
  uint32_t width;
  uint32_t query_heads;
  uint32_t kv_heads;
  uint32_t head_dim;
  uint32_t neurons;
  uint32_t vocab;
  uint32_t context;
  float rope_theta;
  float rms_epsilon;
  uint32_t tied_head;  // 0 or 1
  uint32_t reserved;   // 0
};
static_assert(sizeof(ModelRecord) == 48);

// Followed by: uint32 anchors[anchor_count]; uint16 kv_of[layers][query_heads], zero-padded to 4
// bytes; then per level: uint32 name_permille, and per layer uint32 query_heads, kv_heads, neurons.
struct LevelsHeader {
  uint32_t level_count;
  uint32_t anchor_count;
  uint32_t layers;
  uint32_t query_heads;
};
static_assert(sizeof(LevelsHeader) == 16);

// Followed by: uint32 stop_ids[stop_count]; char chat_template[chat_template_size] (UTF-8, may be
// empty).
struct GenerationHeader {
  uint32_t bos_id;   // kNoToken when the model has none
  uint32_t add_bos;  // 0 or 1: whether a prompt starts with bos_id
  uint32_t stop_count;
  uint32_t chat_template_size;  // bytes
};
static_assert(sizeof(GenerationHeader) == 16);
inline constexpr uint32_t kNoToken = 0xffffffff;
inline constexpr uint32_t kMaxStopIds = 256;

// How a tensor's elements are ordered; see tile_layout.h.
enum class TensorLayout : uint8_t {
  kVector = 0,       // plain, for norms
  kOutputMajor = 1,  // tiles, cut along the outputs: q, k, v, gate, up, embedding, head
  kInputMajor = 2,   // panels, cut along the inputs: o, down
};

// Caps on the shape of tiles and panels.
inline constexpr uint32_t kMaxTileRows = 256;
inline constexpr uint32_t kMaxTileColumns = 1024;
inline constexpr uint32_t kMaxPanelColumns = 1U << 16;

// Tensors lie in the weights section in the order of their records, each at the first multiple of
// kTensorAlignment at or behind the end of the one before; the first at 0, the last ends the
// section.
struct TensorRecord {
  uint32_t role;           // TensorRole
  uint32_t layer;          // 0 outside the layers
  uint8_t dtype;           // DType; kF32 for a vector
  uint8_t layout;          // TensorLayout, the one listed for the role above
  uint8_t interleave;      // I, consecutive inputs that lie together for one output inside a tile;
                           // divides tile_columns; 1 for a vector
  uint8_t reserved;        // 0
  uint16_t tile_rows;      // R, outputs of a tile; 0 for a vector
  uint16_t tile_columns;   // C, inputs of a tile; 0 for a vector
  uint32_t panel_columns;  // P, inputs of a panel, a positive multiple of C; 0 unless kInputMajor
  uint32_t reserved2;      // 0; room for a quantisation group
  uint64_t rows;           // outputs; 1 for a vector
  uint64_t columns;        // inputs
  uint64_t offset;  // bytes from the start of the weights section, a multiple of kTensorAlignment
  uint64_t size;    // bytes, whole tiles
  uint64_t hash;    // XXH3-64 of those bytes, so that `verify` can name the damaged tensor
};
static_assert(sizeof(TensorRecord) == 64);

inline constexpr uint32_t kMaxAdapterRank = 256;

// Ascending in level; the full level has none. What an adapter holds, and in which order, follows
// from the model, the level and the rank: adapter_plan.h. Adapters lie one behind the other.
struct AdapterRecord {
  uint32_t level;     // index into the level table
  uint32_t rank;      // 1 to kMaxAdapterRank
  float scale;        // alpha / rank; finite
  uint32_t reserved;  // 0
  uint64_t offset;    // bytes from the start of the adapter weights
  uint64_t size;      // bytes, a multiple of kTensorAlignment
  uint64_t hash;      // XXH3-64 of those bytes
};
static_assert(sizeof(AdapterRecord) == 40);

// Followed by: uint32 ttft_permille[ttft_count], tpot_permille[tpot_count],
// prompt_levels_permille[prompt_levels], model_levels_permille[model_levels]; TlmTensorRecord[] in
// the order of ListTlmTensors(); then the bytes of vocabulary, question_prefix, question_suffix,
// joiner (UTF-8).
struct TlmHeader {
  uint32_t vocab;
  uint32_t positions;
  uint32_t token_types;
  uint32_t embedding;
  uint32_t trigram;  // 0 or 1
  uint32_t hidden;
  uint32_t bottleneck;
  uint32_t heads;
  uint32_t intermediate;
  uint32_t feed_forwards;
  uint32_t layer_norm;  // 0 or 1
  float norm_epsilon;
  uint32_t layers;
  uint32_t shared_layers;
  uint32_t prompt_levels;
  uint32_t model_levels;
  uint32_t lower_case;  // 0 or 1
  uint32_t decision;    // DecisionKind
  uint32_t window_overlap;
  uint32_t short_prompt_tokens;
  uint32_t ttft_count;
  uint32_t tpot_count;
  uint32_t vocabulary_size;       // bytes
  uint32_t question_prefix_size;  // bytes
  uint32_t question_suffix_size;  // bytes
  uint32_t joiner_size;           // bytes
  uint32_t tensor_count;
  uint32_t reserved;  // 0
};
static_assert(sizeof(TlmHeader) == 112);

// From `dtype` on as TensorRecord, places counted from the start of the tiny LM's weights; matrices
// are output-major.
struct TlmTensorRecord {
  uint8_t role;    // TlmRole
  uint8_t bias;    // 0 or 1
  uint8_t branch;  // TlmBranch
  uint8_t part;    // which of the stacked feed-forward networks; 0 elsewhere
  uint32_t layer;  // counted from the bottom; 0 outside the layers
  uint8_t dtype;
  uint8_t layout;
  uint8_t interleave;
  uint8_t reserved;
  uint16_t tile_rows;
  uint16_t tile_columns;
  uint32_t panel_columns;
  uint32_t reserved2;
  uint64_t rows;
  uint64_t columns;
  uint64_t offset;
  uint64_t size;
  uint64_t hash;
};
static_assert(sizeof(TlmTensorRecord) == sizeof(TensorRecord));

// Followed by: uint32 level_permille[level_count], ttft_tokens[ttft_count],
// tpot_context[tpot_count], tlm_tokens[tlm_count]; zero bytes up to a multiple of 8; double
// ttft_ms[level_count][ttft_count], tpot_ms[level_count][tpot_count], tlm_ms[tlm_count]; then the
// bytes of the name (UTF-8).
struct LatencyHeader {
  uint32_t level_count;
  uint32_t ttft_count;
  uint32_t tpot_count;
  uint32_t tlm_count;  // may be 0
  uint32_t name_size;  // bytes
  uint32_t reserved;   // 0
  uint64_t bundle_hash;
  double selection_ms_per_kilotoken;
  double switch_ms;
  double margin;
};
static_assert(sizeof(LatencyHeader) == 56);

// Followed by: uint32 prompt_levels_permille[prompt_levels], model_levels_permille[model_levels];
// zero bytes up to a multiple of 8; double accuracy[prompt_levels][model_levels],
// standard_error[prompt_levels][model_levels].
struct AccuracyHeader {
  uint32_t prompt_levels;
  uint32_t model_levels;
  uint32_t items;
  uint32_t reserved;  // 0
};
static_assert(sizeof(AccuracyHeader) == 16);

}  // namespace elm::layout
