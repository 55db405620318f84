#include "formats/base/proc_bytes.h"

#include <fstream>
#include <string>

namespace elm {

std::optional<uint64_t> ProcBytes(const char* path, std::string_view field) {
  std::ifstream file(path);
  for (std::string name; file >> name; std::getline(file, name)) {
    const bool found = name.ends_with(':') && name.size() == field.size() + 1 &&
                       std::string_view(name).starts_with(field);
    uint64_t kibibytes = 0;
    if (found && file >> kibibytes) return kibibytes * 1024;
  }
  return std::nullopt;
}

}  // namespace elm
